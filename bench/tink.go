package main

import (
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// The subjects of tink-go that others refer to.
const (
	tinkGCMName  = "tink AES256-GCM"
	tinkXGCMName = "tink X-AES-256-GCM"
)

func tinkSubjects() []subject {
	const module = "github.com/tink-crypto/tink-go/v2"
	keysets := traits{context: "bytes", key: "4 bytes, of its keyset", version: "the same 4 bytes"}
	gcm, extended := keysets, keysets
	gcm.messages, extended.messages = "2^32", "2^80"
	return []subject{
		{name: tinkGCMName, module: module, class: library, has: gcm,
			make: func() (box, error) { return newTink(aead.AES256GCMKeyTemplate()) }},
		{name: tinkXGCMName, module: module, class: library, has: extended,
			make: func() (box, error) { return newTink(aead.XAES256GCM192BitNonceKeyTemplate()) }},
		{name: "tink AES256-GCM-SIV", module: module, class: library, has: gcm,
			make: func() (box, error) { return newTink(aead.AES256GCMSIVKeyTemplate()) },
			note: "beyond its messages, two under one nonce show whether they are equal and no more"},
		{name: "tink KMSEnvelopeAEAD", module: module, class: library, has: gcm, make: newTinkEnvelope,
			note: "AES256-GCM under a data key of each message, which a local AES256-GCM wraps"},
	}
}

type tinkBox struct{ tink.AEAD }

func newTink(template *tinkpb.KeyTemplate) (box, error) {
	a, err := tinkAEAD(template)
	return tinkBox{a}, err
}

func tinkAEAD(template *tinkpb.KeyTemplate) (tink.AEAD, error) {
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, err
	}
	return aead.New(handle)
}

func newTinkEnvelope() (box, error) {
	kek, err := tinkAEAD(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return tinkBox{aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek)}, nil
}

func (t tinkBox) seal(_, plaintext []byte, b *binding) ([]byte, error) {
	return t.Encrypt(plaintext, b.encoded)
}

func (t tinkBox) open(_, ciphertext []byte, b *binding) ([]byte, error) {
	return t.Decrypt(ciphertext, b.encoded)
}
