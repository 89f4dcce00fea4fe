package integration_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

// A JWT library signs with keys that it never sees, and verifies with what
// PublicKey returns. After a rotation its signer goes on with the version that it
// was made with, which is the one its tokens verify under.
func TestJWT(t *testing.T) {
	k := kmstest.New(t)
	for spec, algorithms := range map[kms.KeySpec][]jose.SignatureAlgorithm{
		kms.KeySpecECP256:  {jose.ES256},
		kms.KeySpecECP384:  {jose.ES384},
		kms.KeySpecRSA2048: {jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512},
	} {
		key := newSigningKey(t, k, spec)
		signer, err := k.Signer(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		before := publicKey(t, k, key, 0)
		tokens := map[jose.SignatureAlgorithm]string{}
		for _, alg := range algorithms {
			tokens[alg] = newToken(t, cryptosigner.Opaque(signer), alg)
			checkToken(t, tokens[alg], alg, before, nil)
		}
		if _, err := k.RotateKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		first, second := publicKey(t, k, key, 1), publicKey(t, k, key, 2)
		for _, alg := range algorithms {
			for _, token := range []string{tokens[alg], newToken(t, cryptosigner.Opaque(signer), alg)} {
				checkToken(t, token, alg, first, nil)
				checkToken(t, token, alg, second, jose.ErrCryptoFailure)
			}
		}
	}
}

func newSigningKey(t *testing.T, k *kms.KMS, spec kms.KeySpec) string {
	t.Helper()
	key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
	if err != nil {
		t.Fatal(err)
	}
	return key.ID
}

// publicKey returns a version's public key as others read it.
func publicKey(t *testing.T, k *kms.KMS, key string, version uint32) any {
	t.Helper()
	p, err := k.PublicKey(t.Context(), key, version)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(p.DER)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

var claims = jwt.Claims{Issuer: "orders", Expiry: jwt.NewNumericDate(time.Unix(2_000_000_000, 0))}

func newToken(t *testing.T, key jose.OpaqueSigner, alg jose.SignatureAlgorithm) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatalf("%s: %v", alg, err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatalf("%s: %v", alg, err)
	}
	return token
}

// checkToken verifies a token, which ends in want.
func checkToken(t *testing.T, token string, alg jose.SignatureAlgorithm, public any, want error) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatalf("%s: %v", alg, err)
	}
	var got jwt.Claims
	if err := parsed.Claims(public, &got); err != want {
		t.Errorf("%s: verified: %v, want %v", alg, err, want)
	}
	if want == nil && got.Issuer != claims.Issuer {
		t.Errorf("%s: claims %+v", alg, got)
	}
}
