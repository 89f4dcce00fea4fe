package kms_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"hash"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/keystore/memstore"
)

// A brokenGM is a provider whose SM2 keys do nothing right.
type brokenGM struct{ gm.Provider }

type brokenSM2 struct {
	gm.SM2Private
	gm.SM2Public
}

var errBroken = errors.New("broken: d = 1234")

func (brokenSM2) Encrypt([]byte) ([]byte, error)         { return nil, errBroken }
func (brokenSM2) Decrypt([]byte) ([]byte, error)         { return bytes.Clone(password), errBroken }
func (brokenSM2) SignDigest(*[32]byte) ([64]byte, error) { panic(errBroken) }
func (brokenSM2) VerifyDigest(*[32]byte, *[64]byte) bool { panic(errBroken) }
func (b brokenSM2) Public() [65]byte                     { return b.SM2Private.Public() }
func (b brokenGM) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	key, err := b.Provider.SM2Private(d)
	return brokenSM2{SM2Private: key}, err
}
func (b brokenGM) SM2Public(p *[65]byte) (gm.SM2Public, error) {
	key, err := b.Provider.SM2Public(p)
	return brokenSM2{SM2Public: key}, err
}

// A provider that fails, or panics, makes operations fail, with an error that is
// documented and shows nothing of what it said.
func TestBrokenProvider(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), &kms.Options{GM: brokenGM{gm.Default()}})
	encrypts := newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt)
	signs := newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageSignVerify)
	_, err := k.EncryptAsymmetric(ctx, encrypts, kms.AlgorithmSM2Encrypt, password)
	want(t, err, kms.ErrUnsupportedAlgorithm)
	if errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	sound := open(t, memstore.New(), nil)
	out, err := sound.EncryptAsymmetric(ctx, newPairKey(t, sound, kms.KeySpecSM2, ""), kms.AlgorithmSM2Encrypt, password)
	must(t, err)
	plaintext, err := k.DecryptAsymmetric(ctx, encrypts, 0, kms.AlgorithmSM2Encrypt, out.Ciphertext)
	if wantExactly(t, err, kms.ErrInvalidCiphertext, "decrypted"); plaintext != nil {
		t.Errorf("%q", plaintext)
	}
	_, err = k.Sign(ctx, signs, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw)
	want(t, err, kms.ErrUnsupportedAlgorithm)
	sig := []byte{0x30, 6, 2, 1, 1, 2, 1, 1}
	err = k.Verify(ctx, signs, 0, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw, sig)
	wantExactly(t, err, kms.ErrInvalidSignature, "verified")
}

// A busyGM is a provider that fails for a while.
type busyGM struct {
	gm.Provider
	busy bool
}

func (b *busyGM) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	if b.busy {
		return nil, errBroken
	}
	return b.Provider.SM2Private(d)
}

func (b *busyGM) NewSM4(key *[16]byte) (cipher.Block, error) {
	if b.busy {
		return nil, errBroken
	}
	return b.Provider.NewSM4(key)
}

// What a provider cannot do now it may do later, and it is not the store that is
// to blame. What it says is not passed on.
func TestBusyProvider(t *testing.T) {
	ctx := t.Context()
	p := &busyGM{Provider: gm.Default()}
	k := open(t, memstore.New(), &kms.Options{GM: p})
	signs, encrypts := newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageSignVerify), newKey(t, k, kms.KeySpecSM4)
	encrypt(t, k, encrypts, password, nil) // which has loaded the key
	for name, call := range map[string]func() error{
		"Sign": func() error {
			_, err := k.Sign(ctx, signs, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw)
			return err
		},
		"GenerateDataKey": func() error { _, err := k.GenerateDataKey(ctx, encrypts, 16, nil); return err },
		"CreateKey SM2": func() error {
			_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2})
			return err
		},
		"CreateKey SM4": func() error {
			_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
			return err
		},
	} {
		p.busy = true
		err := call()
		if want(t, err, kms.ErrUnsupportedAlgorithm); errors.Is(err, kms.ErrTampered) || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: %v", name, err)
		}
		p.busy = false
		if err := call(); err != nil {
			t.Errorf("%s, later: %v", name, err)
		}
	}
}

// A countingGM is a provider that counts its hashes.
type countingGM struct {
	gm.Provider
	hashes int
}

func (c *countingGM) NewSM3() hash.Hash {
	c.hashes++
	return c.Provider.NewSM3()
}

// The provider that a KMS has hashes for its public keys too; a PublicKey that the
// caller has made has the default.
func TestSM2DigestHasTheProvider(t *testing.T) {
	p := &countingGM{Provider: gm.Default()}
	k := open(t, memstore.New(), &kms.Options{GM: p})
	public := publicKey(t, k, newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageSignVerify))
	p.hashes = 0
	digest, err := public.SM2Digest([]byte("alice@example.com"), password)
	must(t, err)
	if p.hashes == 0 {
		t.Error("hashed with another provider")
	}
	p.hashes = 0
	again, err := (&kms.PublicKey{DER: public.DER}).SM2Digest([]byte("alice@example.com"), password)
	if err != nil || !bytes.Equal(again, digest) || p.hashes != 0 {
		t.Errorf("%x, %v, want %x; %d hashes", again, err, digest, p.hashes)
	}
}
