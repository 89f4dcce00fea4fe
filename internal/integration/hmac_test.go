package integration_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"hash"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// macKeySize is that of our keys, in bits.
const macKeySize = 256

// hmacOf is the family of a key spec. Keys of our size are imported, as callers
// bring their own, and used by GenerateMAC and VerifyMAC; for those of other
// sizes there is HMAC over the same hash. p is the provider of both.
func hmacOf(p gm.Provider, spec kms.KeySpec, newHash func() hash.Hash) family {
	return func(t *testing.T, g *group) func(*vector) outcome {
		if g.KeySize != macKeySize {
			return func(v *vector) outcome { return v.checkHMAC(t, newHash, g.TagSize) }
		}
		k, ids := newKMS(t, p), map[string]string{}
		return func(v *vector) outcome {
			id, ok := ids[string(v.Key)]
			if !ok {
				id = importKey(t, k, spec, v.Key)
				ids[string(v.Key)] = id
			}
			return v.checkMAC(t, k, id)
		}
	}
}

// newKMS returns a KMS over a new memory store, of which p does the GM algorithms.
func newKMS(t *testing.T, p gm.Provider) *kms.KMS {
	t.Helper()
	root, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.Open(t.Context(), memstore.New(), root, &kms.Options{GM: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// checkHMAC checks what HMAC over a hash makes of a vector whose key is none here.
func (v *vector) checkHMAC(t *testing.T, newHash func() hash.Hash, bits int) outcome {
	h := hmac.New(newHash, v.Key)
	h.Write(v.Msg)
	v.verdict(t, hmac.Equal(h.Sum(nil)[:bits/8], v.Tag), ran)
	return noKeySize
}

// checkMAC checks what a key makes of a vector. A truncated tag is not the MAC,
// however right the bytes are that it has.
func (v *vector) checkMAC(t *testing.T, k *kms.KMS, key string) outcome {
	ctx := t.Context()
	mac, err := k.GenerateMAC(ctx, key, v.Msg)
	if err != nil {
		t.Fatal(err)
	}
	v.verdict(t, bytes.HasPrefix(mac.MAC, v.Tag), ran)
	err = k.VerifyMAC(ctx, key, 0, v.Msg, v.Tag)
	if err != nil && !errors.Is(err, kms.ErrInvalidSignature) {
		t.Errorf("%v: %v", v, err)
	}
	o := ran
	if len(v.Tag) < len(mac.MAC) {
		o = truncated
	}
	return v.verdict(t, err == nil, o)
}

// importKey returns the ID of a new key with material.
func importKey(t *testing.T, k *kms.KMS, spec kms.KeySpec, material []byte) string {
	t.Helper()
	ctx := t.Context()
	key, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: spec, Origin: kms.OriginExternal})
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.ImportParameters(ctx, key.ID, kms.WrappingRSAOAEPSHA256+"/RSA_2048")
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = k.ImportKeyMaterial(ctx, key.ID, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrapped})
	if err != nil {
		t.Fatal(err)
	}
	return key.ID
}
