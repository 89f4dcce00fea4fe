package keypair_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/keypair"
)

// limits are the most and the fewest bytes that keys of a spec encrypt.
var limits = map[string]struct{ max, min int }{
	keypair.RSA2048: {190, 0},
	keypair.RSA3072: {318, 0},
	keypair.RSA4096: {446, 0},
	keypair.SM2:     {1024, 1}, // the scheme has no ciphertext of nothing
}

// eachDecrypter runs f for every spec that encrypts, and for no other.
func eachDecrypter(t *testing.T, f func(t *testing.T, spec string, pair keypair.Decrypter)) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		d, ok := pair.(keypair.Decrypter)
		if _, want := limits[spec]; ok != want {
			t.Errorf("encrypts: %t, want %t", ok, want)
		}
		if ok {
			f(t, spec, d)
		}
	})
}

func roundTrip(t *testing.T, pair keypair.Decrypter, plaintext []byte) []byte {
	t.Helper()
	ciphertext, err := pair.Encrypt(plaintext)
	must(t, err)
	if got, err := pair.Decrypt(ciphertext); err != nil || !bytes.Equal(got, plaintext) {
		t.Errorf("%d bytes: %x, %v", len(plaintext), got, err)
	}
	return ciphertext
}

func TestLimits(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, spec string, pair keypair.Decrypter) {
		limit := limits[spec]
		if n := pair.MaxPlaintext(); n != limit.max {
			t.Errorf("at most %d bytes, want %d", n, limit.max)
		}
		for _, n := range []int{limit.min, 1, 32, limit.max - 1, limit.max} {
			plaintext := bytes.Repeat([]byte{7}, n)
			first := roundTrip(t, pair, plaintext)
			if bytes.Equal(first, roundTrip(t, pair, plaintext)) {
				t.Errorf("%d bytes: the same ciphertext twice", n)
			}
		}
		for _, n := range []int{limit.min - 1, limit.max + 1, 2 * limit.max} {
			if n < 0 {
				continue
			}
			if out, err := pair.Encrypt(make([]byte, n)); err == nil {
				t.Errorf("%d bytes: %x", n, out)
			}
		}
	})
}

// refused fails the test unless a ciphertext is ErrInvalidCiphertext, as it is:
// an error that wraps it could say more than it should.
func refused(t *testing.T, pair keypair.Decrypter, what string, ciphertext []byte) {
	t.Helper()
	if out, err := pair.Decrypt(ciphertext); err != keypair.ErrInvalidCiphertext || out != nil {
		t.Errorf("%s: %x, %v", what, out, err)
	}
}

func TestAlteredCiphertext(t *testing.T) {
	eachDecrypter(t, func(t *testing.T, spec string, pair keypair.Decrypter) {
		ciphertext := roundTrip(t, pair, []byte("plaintext"))
		for i := 0; i < 8*len(ciphertext); i += 97 {
			refused(t, pair, "a bit flipped", flipped(ciphertext, i))
		}
		for _, n := range []int{1, 2, 8, len(ciphertext) / 2, len(ciphertext) - 1, len(ciphertext)} {
			refused(t, pair, "its end cut", ciphertext[:len(ciphertext)-n])
			refused(t, pair, "its beginning cut", ciphertext[n:])
		}
		refused(t, pair, "nil", nil)
		refused(t, pair, "a byte more", slices.Concat(ciphertext, []byte{0}))
		refused(t, pair, "a byte before", slices.Concat([]byte{0}, ciphertext))
		refused(t, pair, "twice", slices.Concat(ciphertext, ciphertext))
		refused(t, pair, "zeros", make([]byte, len(ciphertext)))
		refused(t, pair, "ones", bytes.Repeat([]byte{0xff}, len(ciphertext)))
		refused(t, pair, "long", make([]byte, 1<<16))

		other := generate(t, smaller(spec)).(keypair.Decrypter)
		refused(t, other, "of another key", ciphertext)
		refused(t, pair, "of another key", roundTrip(t, other, []byte("plaintext")))
	})
}

// A ciphertext is as long as the modulus (RFC 8017 section 7.1.2). Without the
// zero that one in 256 begins with, it is the same number, and yet refused:
// nobody makes a second form of a ciphertext.
func TestLeadingZero(t *testing.T) {
	pair := fixed(t, keypair.RSA2048).(keypair.Decrypter)
	for range 1 << 14 {
		ciphertext, err := pair.Encrypt([]byte("plaintext"))
		must(t, err)
		if ciphertext[0] == 0 {
			refused(t, pair, "its leading zero cut", ciphertext[1:])
			return
		}
	}
	t.Error("no ciphertext begins with a zero")
}
