package emmansun_test

import (
	"bytes"
	"crypto/fips140"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/emmansun"
	"github.com/embedkms/kms/internal/sm2"
)

// Two providers, each of which has to read what the other one wrote.
var directions = []struct {
	name     string
	from, to gm.Provider
}{
	{"from Default", gm.Default(), emmansun.Provider()},
	{"to Default", emmansun.Provider(), gm.Default()},
}

// random is the same in every run, so what fails fails again.
func random() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }

func bytesOf(r *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

// Keys, ciphertexts and signatures of one are those of the other.
func TestCrossSM2(t *testing.T) {
	skipEnforced(t)
	for _, c := range directions {
		t.Run(c.name, func(t *testing.T) {
			r := random()
			for i := range 110 {
				d, message, digest := sm2.GenerateKey(), bytesOf(r, 1+9*i), [32]byte(bytesOf(r, 32))
				if err := crossSM2(c.from, c.to, d, message, digest); err != nil {
					t.Fatalf("key %x, message %x, digest %x: %v", d, message, digest, err)
				}
			}
		})
	}
}

// crossSM2 encrypts and signs by from, and decrypts and verifies by to.
func crossSM2(from, to gm.Provider, d [32]byte, message []byte, digest [32]byte) error {
	writer, err := from.SM2Private(&d)
	if err != nil {
		return err
	}
	reader, err := to.SM2Private(&d)
	if err != nil {
		return err
	}
	point := writer.Public()
	if got := reader.Public(); got != point {
		return fmt.Errorf("points %x and %x", point, got)
	}
	encrypter, err := from.SM2Public(&point)
	if err != nil {
		return err
	}
	verifier, err := to.SM2Public(&point)
	if err != nil {
		return err
	}
	c, err := encrypter.Encrypt(message)
	if err != nil {
		return err
	}
	if got, err := reader.Decrypt(c); err != nil || !bytes.Equal(got, message) {
		return fmt.Errorf("%x decrypts to %x, %v", c, got, err)
	}
	rs, err := writer.SignDigest(&digest)
	if err != nil {
		return err
	}
	if !verifier.VerifyDigest(&digest, &rs) {
		return fmt.Errorf("signature %x does not verify", rs)
	}
	return nil
}

func TestCrossSM3(t *testing.T) {
	r := random()
	for n := range 2000 {
		message := bytesOf(r, n)
		want, got := gm.Default().NewSM3(), emmansun.Provider().NewSM3()
		want.Write(message)
		got.Write(message)
		if a, b := want.Sum(nil), got.Sum(nil); !bytes.Equal(a, b) {
			t.Fatalf("%x hashes to %x and %x", message, a, b)
		}
	}
}

func TestCrossSM4GCM(t *testing.T) {
	skipEnforced(t)
	for _, c := range directions {
		t.Run(c.name, func(t *testing.T) {
			r := random()
			for n := range 1000 {
				key, nonce := [16]byte(bytesOf(r, 16)), bytesOf(r, 12)
				plaintext, aad := bytesOf(r, n), bytesOf(r, n%100)
				if err := crossGCM(c.from, c.to, &key, nonce, plaintext, aad); err != nil {
					t.Fatalf("key %x, nonce %x, plaintext %x, additional data %x: %v",
						key, nonce, plaintext, aad, err)
				}
			}
		})
	}
}

// crossGCM seals by from, and opens by to.
func crossGCM(from, to gm.Provider, key *[16]byte, nonce, plaintext, aad []byte) error {
	sealer, err := from.NewSM4GCM(key)
	if err != nil {
		return err
	}
	opener, err := to.NewSM4GCM(key)
	if err != nil {
		return err
	}
	sealed := sealer.Seal(nil, nonce, plaintext, aad)
	if again := opener.Seal(nil, nonce, plaintext, aad); !bytes.Equal(again, sealed) {
		return fmt.Errorf("sealed to %x and %x", sealed, again)
	}
	opened, err := opener.Open(nil, nonce, sealed, aad)
	if err != nil || !bytes.Equal(opened, plaintext) {
		return fmt.Errorf("%x opens to %x, %v", sealed, opened, err)
	}
	return nil
}

// skipEnforced skips what needs a cipher where there is none.
func skipEnforced(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("FIPS 140-3 mode is enforced")
	}
}
