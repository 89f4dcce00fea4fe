package keypair_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// An RSA key has one form, however it is written: with its primes in another
// order, or with another private exponent that does the same.
func TestRSACanonical(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p, q, one := key.Primes[0], key.Primes[1], big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	multiple := new(big.Int).Div(new(big.Int).Mul(p1, q1), new(big.Int).GCD(nil, nil, p1, q1))
	d := new(big.Int).Add(key.D, multiple) // below (p-1)(q-1), as 2 divides both factors
	want := pkcs8(t, key)
	for name, other := range map[string]*rsa.PrivateKey{
		"primes in the other order": {PublicKey: key.PublicKey, D: key.D, Primes: []*big.Int{q, p}},
		"a greater exponent":        {PublicKey: key.PublicKey, D: d, Primes: key.Primes},
		"both":                      {PublicKey: key.PublicKey, D: d, Primes: []*big.Int{q, p}},
	} {
		other.Precompute()
		if !bytes.Equal(pkcs8(t, other), want) {
			t.Errorf("%s: another form", name)
		}
	}
	again, err := x509.ParsePKCS8PrivateKey(want)
	if err != nil || !key.PublicKey.Equal(again.(*rsa.PrivateKey).Public()) {
		t.Errorf("the form is of another key: %v", err)
	}
}

// pkcs8 returns the form that a key has here.
func pkcs8(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := keypair.Parse(der, gm.Default())
	if err != nil {
		t.Fatal(err)
	}
	if der, err = pair.PKCS8(); err != nil {
		t.Fatal(err)
	}
	return der
}
