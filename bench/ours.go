package main

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/emmansun"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// The subjects of this library that others refer to.
const (
	appendName   = "kms, Append forms"
	boundToBytes = "kms, bound to bytes"
	emmansunName = "kms, SM4 of emmansun"
)

// complete are the traits of an envelope.
var complete = traits{
	commits: true, context: "pairs", key: "UUID", version: "number", messages: "2^48",
}

func ourSubjects() []subject {
	subjects := []subject{
		{name: appendName, make: func() (box, error) { return newBox(kms.KeySpecAES256, nil, appending) },
			note: "`AppendEncrypt` and `AppendDecrypt` into a buffer with room; " +
				"`GenerateDataKey` and `DecryptDataKey`"},
		{name: "kms, allocating", make: func() (box, error) { return newBox(kms.KeySpecAES256, nil, allocating) },
			note: "`Encrypt` and `Decrypt`, which allocate their result"},
		{name: "kms, by alias", make: func() (box, error) { return newBox(kms.KeySpecAES256, nil, byAlias) },
			note: "`AppendEncrypt` by an alias; to decrypt takes no key"},
		{name: boundToBytes, make: func() (box, error) { return newBox(kms.KeySpecAES256, nil, toBytes) },
			note: "the Append forms with AdditionalData of the same bytes that others get"},
		{name: emmansunName, make: func() (box, error) {
			return newBox(kms.KeySpecSM4, emmansun.Provider(), appending)
		}},
		{name: "kms, SM4 of tjfoc", make: func() (box, error) {
			return newBox(kms.KeySpecSM4, gm.Default(), appending)
		}},
	}
	for i := range subjects {
		s := &subjects[i]
		s.module, s.class, s.has = "github.com/embedkms/kms", ours, complete
		if s.name == boundToBytes {
			s.has.context = "bytes"
		}
		s.most = kms.MaxPlaintext
	}
	return subjects
}

// openStore opens a KMS on a store, under a root key that is always the same.
func openStore(store keystore.Store, opts *kms.Options) (*kms.KMS, error) {
	root, err := rootkey.Static([]byte("a root key of thirty-two bytes.."))
	if err != nil {
		return nil, err
	}
	return kms.Open(context.Background(), store, root, opts)
}

// A manner is how a kmsBox calls the library.
type manner int

const (
	appending manner = iota
	allocating
	byAlias
	toBytes
)

// A kmsBox is a key of a KMS of its own.
type kmsBox struct {
	k   *kms.KMS
	ref string
	how manner
}

const aliasName = "alias/orders"

// newBox returns a box under a new key of a spec. Its KMS is never closed: it
// lasts as long as the measurement.
func newBox(spec kms.KeySpec, provider gm.Provider, how manner) (box, error) {
	k, err := openStore(memstore.New(), &kms.Options{GM: provider})
	if err != nil {
		return nil, err
	}
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Spec: spec, Alias: aliasName})
	if err != nil {
		return nil, err
	}
	if how == byAlias {
		return &kmsBox{k, aliasName, how}, nil
	}
	return &kmsBox{k, key.ID, how}, nil
}

// aad is a binding in the form that x takes it in.
func (x *kmsBox) aad(b *binding) kms.AAD {
	if x.how == toBytes {
		return kms.AdditionalData(b.encoded)
	}
	return b.pairs
}

func (x *kmsBox) seal(dst, plaintext []byte, b *binding) ([]byte, error) {
	if x.how == allocating {
		return x.k.Encrypt(context.Background(), x.ref, plaintext, x.aad(b))
	}
	return x.k.AppendEncrypt(context.Background(), dst, x.ref, plaintext, x.aad(b))
}

func (x *kmsBox) open(dst, ciphertext []byte, b *binding) ([]byte, error) {
	if x.how == allocating {
		return x.k.Decrypt(context.Background(), ciphertext, x.aad(b))
	}
	return x.k.AppendDecrypt(context.Background(), dst, ciphertext, x.aad(b))
}

func (x *kmsBox) generate(b *binding) ([]byte, error) {
	d, err := x.k.GenerateDataKey(context.Background(), x.ref, dataKeySize, x.aad(b))
	if err != nil {
		return nil, err
	}
	return d.Ciphertext, nil
}

func (x *kmsBox) unwrap(ciphertext []byte, b *binding) error {
	_, err := x.k.DecryptDataKey(context.Background(), ciphertext, x.aad(b))
	return err
}
