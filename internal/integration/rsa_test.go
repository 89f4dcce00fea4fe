package integration_test

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

var rsaSpecs = []string{keypair.RSA2048, keypair.RSA3072, keypair.RSA4096}

// hashes are the ends of our algorithms' names.
var hashes = map[string]string{"SHA-256": "_SHA_256", "SHA-384": "_SHA_384", "SHA-512": "_SHA_512"}

// rsaPublic returns the public key of a group, or false if no spec has such.
func rsaPublic(g *group) (keypair.RSAPublic, bool) {
	key := keypair.RSAPublic{Key: &rsa.PublicKey{
		N: new(big.Int).SetBytes(g.PublicKey.Modulus),
		E: int(new(big.Int).SetBytes(g.PublicKey.PublicExponent).Int64()),
	}}
	return key, slices.Contains(rsaSpecs, key.Spec())
}

// rsaPair returns the pair of a group's private key, or nil if it is of no spec.
func rsaPair(t *testing.T, g *group) *keypair.RSA {
	t.Helper()
	pair, err := keypair.Parse(g.PrivateKeyPKCS8, gm.Default())
	if err != nil {
		if err != keypair.ErrInvalidKey || pair != nil {
			t.Errorf("private key of %d bits: %v, %v", g.KeySize, pair, err)
		}
		return nil
	}
	if !slices.Contains(rsaSpecs, pair.Spec()) {
		t.Fatalf("private key of %d bits is a %s", g.KeySize, pair.Spec())
	}
	return pair.(*keypair.RSA)
}

func rsaOAEP(t *testing.T, g *group) func(*vector) outcome {
	pair := rsaPair(t, g)
	if pair == nil {
		return always(badKey)
	}
	return func(v *vector) outcome {
		o := ran
		switch {
		case g.SHA != "SHA-256" || g.MGFSHA != "SHA-256":
			o = otherOAEP
		case len(v.Label) > 0:
			o = withLabel
		}
		plaintext, err := pair.Decrypt(v.Ct)
		if err != nil && (err != keypair.ErrInvalidCiphertext || plaintext != nil) {
			t.Errorf("%v: %x, %v", v, plaintext, err)
		}
		if err == nil && !bytes.Equal(plaintext, v.Msg) {
			t.Errorf("%v: decrypted %x", v, plaintext)
		}
		return v.verdict(t, err == nil, o)
	}
}

func rsaPSS(t *testing.T, g *group) func(*vector) outcome {
	algorithm, o := "RSASSA_PSS"+hashes[g.SHA], ran
	key, ok := rsaPublic(g)
	switch {
	case !ok:
		return always(noSpec)
	case hashes[g.SHA] == "":
		return always(noHash)
	case g.MGFSHA != g.SHA:
		o = otherMGF
	case g.SLen != key.DigestSize(algorithm):
		o = otherSalt
	}
	changed := fmt.Sprintf("s_len changed to %d", key.DigestSize(algorithm))
	return func(v *vector) outcome {
		if o == otherSalt && v.Comment == changed {
			return v.verify(t, key, algorithm, ourSalt)
		}
		return v.verify(t, key, algorithm, o)
	}
}

func rsaPKCS1(t *testing.T, g *group) func(*vector) outcome {
	key, ok := rsaPublic(g)
	switch {
	case !ok:
		return always(noSpec)
	case hashes[g.SHA] == "":
		return always(noHash)
	}
	return func(v *vector) outcome { return v.verify(t, key, "RSASSA_PKCS1_V1_5"+hashes[g.SHA], ran) }
}

// A verifier is a public key.
type verifier interface {
	Digest(algorithm string, message []byte) ([]byte, error)
	Verify(algorithm string, digest, signature []byte) bool
}

// verify checks what key says of a signature.
func (v *vector) verify(t *testing.T, key verifier, algorithm string, o outcome) outcome {
	t.Helper()
	digest, err := key.Digest(algorithm, v.Msg)
	if err != nil {
		t.Fatal(err)
	}
	return v.verdict(t, key.Verify(algorithm, digest, v.Sig), o)
}

// PKCS #1 v1.5 signs alike each time.
func rsaPKCS1Sign(t *testing.T, g *group) func(*vector) outcome {
	pair := rsaPair(t, g)
	switch {
	case pair == nil:
		return always(badKey)
	case hashes[g.SHA] == "":
		return always(noHash)
	}
	algorithm := "RSASSA_PKCS1_V1_5" + hashes[g.SHA]
	return func(v *vector) outcome {
		digest, err := pair.Digest(algorithm, v.Msg)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := pair.Sign(algorithm, digest)
		if err != nil {
			t.Errorf("%v: %v", v, err)
		}
		return v.verdict(t, bytes.Equal(sig, v.Sig), ran)
	}
}
