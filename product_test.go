package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

// A product is what a key has made, and the version that it says made it.
type product struct {
	version uint32
	good    func(k *kms.KMS, version uint32) error // nil if that version has made it
}

// produce makes something with a key of any kind, by the first of its algorithms.
func produce(tb testing.TB, k *kms.KMS, key string) product {
	tb.Helper()
	d := describe(tb, k, key)
	alg := offered[d.Spec][d.Usage][0]
	switch {
	case alg == kms.AlgorithmSymmetricDefault:
		return producePair(tb, k, key)
	case d.Usage == kms.KeyUsageEncryptDecrypt:
		return produceCiphertext(tb, k, key, alg)
	case d.Usage == kms.KeyUsageSignVerify:
		return produceSignature(tb, k, key, alg)
	}
	ctx := context.Background()
	mac, err := k.GenerateMAC(ctx, key, password)
	must(tb, err)
	return product{mac.KeyVersion, func(k *kms.KMS, version uint32) error {
		return k.VerifyMAC(ctx, key, version, password, mac.MAC)
	}}
}

func producePair(tb testing.TB, k *kms.KMS, key string) product {
	tb.Helper()
	ctx := context.Background()
	made, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, prod)
	must(tb, err)
	return product{made.KeyVersion, func(k *kms.KMS, version uint32) error {
		back, err := k.DecryptDataKeyPairWith(ctx, key, made.PrivateKeyCiphertext, prod)
		switch {
		case err != nil:
			return err
		case back.KeyVersion != version || back.KeyID != key:
			return fmt.Errorf("%v, want version %d of %s", back, version, key)
		case !bytes.Equal(back.PrivateKey, made.PrivateKey):
			return errors.New("another private key")
		}
		return nil
	}}
}

func produceCiphertext(tb testing.TB, k *kms.KMS, key string, alg kms.Algorithm) product {
	tb.Helper()
	ctx := context.Background()
	made, err := k.EncryptAsymmetric(ctx, key, alg, password)
	must(tb, err)
	return product{made.KeyVersion, func(k *kms.KMS, version uint32) error {
		plaintext, err := k.DecryptAsymmetric(ctx, key, version, alg, made.Ciphertext)
		if err == nil && !bytes.Equal(plaintext, password) {
			return fmt.Errorf("decrypted %q", plaintext)
		}
		return err
	}}
}

func produceSignature(tb testing.TB, k *kms.KMS, key string, alg kms.Algorithm) product {
	tb.Helper()
	ctx := context.Background()
	made, err := k.Sign(ctx, key, alg, password, kms.MessageTypeRaw)
	must(tb, err)
	return product{made.KeyVersion, func(k *kms.KMS, version uint32) error {
		return k.Verify(ctx, key, version, alg, password, kms.MessageTypeRaw, made.Signature)
	}}
}

// producers are kinds of keys that together make everything there is.
var producers = []kms.CreateKeyOptions{
	{Spec: kms.KeySpecAES256},
	{Spec: kms.KeySpecSM4},
	{Spec: kms.KeySpecRSA2048, Usage: kms.KeyUsageEncryptDecrypt},
	{Spec: kms.KeySpecRSA2048, Usage: kms.KeyUsageSignVerify},
	{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt},
	{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageSignVerify},
	{Spec: kms.KeySpecECP256},
	{Spec: kms.KeySpecECP384},
	{Spec: kms.KeySpecHMACSHA256},
	{Spec: kms.KeySpecHMACSM3},
}

// What a key makes says which version has made it: the primary one. It is of that
// version and of no other, also after a rotation.
func TestProductsSayTheirVersion(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, opts := range producers {
		t.Run(string(opts.Spec)+"/"+string(opts.Usage), func(t *testing.T) {
			created, err := k.CreateKey(ctx, &opts)
			must(t, err)
			for version := uint32(1); version <= 3; version++ {
				p := produce(t, k, created.ID)
				if p.version != version {
					t.Errorf("made by version %d, want %d", p.version, version)
				}
				_, err := k.RotateKey(ctx, created.ID)
				must(t, err)
				must(t, p.good(k, version))
				if p.good(k, version+1) == nil {
					t.Errorf("what version %d has made is version %d's", version, version+1)
				}
			}
		})
	}
}

// So does a public key.
func TestPublicKeysSayTheirVersion(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range []kms.KeySpec{kms.KeySpecRSA2048, kms.KeySpecSM2, kms.KeySpecECP256} {
		key := newPairKey(t, k, spec, kms.KeyUsageSignVerify)
		first := publicKey(t, k, key)
		_, err := k.RotateKey(ctx, key)
		must(t, err)
		second := publicKey(t, k, key)
		if first.KeyVersion != 1 || second.KeyVersion != 2 || bytes.Equal(first.DER, second.DER) {
			t.Errorf("%s: versions %d and %d", spec, first.KeyVersion, second.KeyVersion)
		}
		for _, p := range []*kms.PublicKey{first, second} {
			got, err := k.PublicKey(ctx, key, p.KeyVersion)
			if err != nil || got.KeyVersion != p.KeyVersion || !bytes.Equal(got.DER, p.DER) {
				t.Errorf("%s: %+v, %v; want %+v", spec, got, err, p)
			}
		}
	}
}
