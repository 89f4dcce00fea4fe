package kms_test

import (
	"bytes"
	"errors"
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
