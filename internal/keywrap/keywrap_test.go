package keywrap_test

import (
	"bytes"
	"crypto/aes"
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/keywrap"
)

var kekSizes = []int{16, 24, 32}

// rfc5649 holds the examples of RFC 5649 section 6, which share a kek.
var rfc5649 = []struct{ kek, plaintext, wrapped []byte }{
	{
		unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"),
		unhex("c37b7e6492584340bed12207808941155068f738"),
		unhex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
	},
	{
		unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"),
		unhex("466f7250617369"),
		unhex("afbeb0f07dfbf5419200f2ccb50bb24f"),
	},
}

func TestRFC5649(t *testing.T) {
	for _, v := range rfc5649 {
		if got := wrap(t, v.kek, v.plaintext); !bytes.Equal(got, v.wrapped) {
			t.Errorf("wrapped %x, want %x", got, v.wrapped)
		}
		got, err := keywrap.Unwrap(v.kek, v.wrapped)
		if err != nil || !bytes.Equal(got, v.plaintext) {
			t.Errorf("unwrapped %x, %v, want %x", got, err, v.plaintext)
		}
	}
}

// FIPS 140-3 mode must not refuse the block cipher. The test runs itself again
// in that mode.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		TestRFC5649(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFIPS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, size := range kekSizes {
		for n := 1; n <= 100; n++ {
			roundTrip(t, pattern(size), pattern(n))
		}
		roundTrip(t, pattern(size), pattern(keywrap.MaxPlaintext-1))
		roundTrip(t, pattern(size), pattern(keywrap.MaxPlaintext))
	}
}

// A plaintext that ends in zeros is not mistaken for its padding.
func TestTrailingZeros(t *testing.T) {
	for n := 1; n <= 24; n++ {
		roundTrip(t, pattern(16), make([]byte, n))
	}
}

func roundTrip(t *testing.T, kek, plaintext []byte) {
	t.Helper()
	n := len(plaintext)
	wrapped := wrap(t, kek, plaintext)
	if want := (n+7)/8*8 + 8; len(wrapped) != want {
		t.Errorf("%d bytes wrap to %d, want %d", n, len(wrapped), want)
	}
	before := bytes.Clone(wrapped)
	got, err := keywrap.Unwrap(kek, wrapped)
	if err != nil || !bytes.Equal(got, plaintext) {
		t.Fatalf("%d bytes under %d: %x, %v", n, len(kek), got, err)
	}
	if !bytes.Equal(wrapped, before) {
		t.Errorf("%d bytes: unwrapping wrote to its input", n)
	}
}

func TestTampered(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 16, 20, 32} {
		kek := pattern(32)
		wrapped := wrap(t, kek, pattern(n))
		for bit := range len(wrapped) * 8 {
			bad := bytes.Clone(wrapped)
			bad[bit/8] ^= 1 << (bit % 8)
			invalid(t, kek, bad)
		}
		for cut := range wrapped {
			invalid(t, kek, wrapped[:cut])
			invalid(t, kek, wrapped[len(wrapped)-cut:])
		}
		invalid(t, pattern(16), wrapped)
	}
}

func TestWrappedLengths(t *testing.T) {
	wrapped := wrap(t, pattern(16), pattern(keywrap.MaxPlaintext))
	invalid(t, pattern(16), append(wrapped, make([]byte, 8)...))
	for n := range 64 {
		invalid(t, pattern(16), make([]byte, n))
	}
}

// In one block, AES alone forges a value that fails just one of the checks.
func TestForged(t *testing.T) {
	block, err := aes.NewCipher(pattern(16))
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range forgeries() {
		block.Encrypt(forged, forged)
		invalid(t, pattern(16), forged)
	}
}

// forgeries returns the plain blocks that differ from a sound one in the
// constant of the AIV, in the MLI, or in one bit of the padding.
func forgeries() (blocks [][]byte) {
	alter := func(mli byte, at int, xor byte) {
		b := []byte{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, mli, 15: 0}
		copy(b[8:], pattern(int(mli)))
		b[at] ^= xor
		blocks = append(blocks, b)
	}
	for mli := byte(1); mli <= 8; mli++ {
		for bit := range 8 {
			for at := range 7 { // the AIV, and MLIs of 256 and more
				alter(mli, at, 1<<bit)
			}
			for at := 8 + int(mli); at < 16; at++ {
				alter(mli, at, 1<<bit)
			}
		}
	}
	alter(0, 7, 0)
	for mli := 9; mli < 256; mli++ {
		alter(8, 7, byte(mli)^8)
	}
	return blocks
}

// A mistake of the caller is not ErrInvalid: it is not for a client to see.
func TestCallerErrors(t *testing.T) {
	for _, size := range []int{0, 15, 17, 31, 33, 64} {
		var want aes.KeySizeError
		if _, err := keywrap.Wrap(pattern(size), pattern(16)); !errors.As(err, &want) {
			t.Errorf("Wrap, kek of %d bytes: %v", size, err)
		}
		if _, err := keywrap.Unwrap(pattern(size), pattern(24)); !errors.As(err, &want) {
			t.Errorf("Unwrap, kek of %d bytes: %v", size, err)
		}
	}
	for _, n := range []int{0, keywrap.MaxPlaintext + 1} {
		out, err := keywrap.Wrap(pattern(16), pattern(n))
		if err == nil || errors.Is(err, keywrap.ErrInvalid) || out != nil {
			t.Errorf("Wrap, %d bytes: %x, %v", n, out, err)
		}
	}
}
