package kms_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/keystore/memstore"
)

// A private key from elsewhere is imported if it is one. With a number that is
// not prime it would encrypt, and never decrypt.
func TestImportRSA(t *testing.T) {
	k := open(t, memstore.New(), nil)
	good, err := os.ReadFile(filepath.Join("internal", "keypair", "testdata", "test-only-rsa-2048.der"))
	must(t, err)
	want(t, importRSA(t, k, newExternalKey(t, k, kms.KeySpecRSA2048), compositeRSA(t, good)), kms.ErrInvalidKeyMaterial)

	key := newExternalKey(t, k, kms.KeySpecRSA2048)
	must(t, importRSA(t, k, key, good))
	c, err := k.EncryptAsymmetric(t.Context(), key, kms.AlgorithmRSAESOAEPSHA256, password)
	must(t, err)
	plaintext, err := k.DecryptAsymmetric(t.Context(), key, 1, c.Algorithm, c.Ciphertext)
	if err != nil || !bytes.Equal(plaintext, password) {
		t.Errorf("%q, %v", plaintext, err)
	}
}

// importRSA imports PKCS #8 into a key.
func importRSA(t *testing.T, k *kms.KMS, key string, der []byte) error {
	t.Helper()
	p, err := k.ImportParameters(t.Context(), key, kms.WrappingRSAAESKeyWrapSHA256+"/RSA_2048")
	must(t, err)
	kek := bytes.Repeat([]byte{7}, 32)
	wrapped, err := keywrap.Wrap(kek, der)
	must(t, err)
	return k.ImportKeyMaterial(t.Context(), key, &kms.ImportKeyMaterialOptions{
		Token: p.Token, EncryptedMaterial: append(wrap(t, p, kek), wrapped...),
	})
}

// compositeRSA returns a private key with another number in place of a prime, to
// which everything else fits.
func compositeRSA(t *testing.T, der []byte) []byte {
	t.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	must(t, err)
	one, e := big.NewInt(1), big.NewInt(65537)
	p, q := new(big.Int).Set(parsed.(*rsa.PrivateKey).Primes[0]), parsed.(*rsa.PrivateKey).Primes[1]
	for {
		p.Add(p, big.NewInt(2))
		p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		d := new(big.Int).ModInverse(e, new(big.Int).Mul(p1, q1))
		if p.ProbablyPrime(0) || d == nil {
			continue
		}
		out, err := x509.MarshalPKCS8PrivateKey(&rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d, Primes: []*big.Int{p, q},
			Precomputed: rsa.PrecomputedValues{
				Dp: new(big.Int).Mod(d, p1), Dq: new(big.Int).Mod(d, q1), Qinv: new(big.Int).ModInverse(q, p),
			},
		})
		must(t, err)
		return out
	}
}
