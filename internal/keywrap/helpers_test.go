package keywrap_test

import (
	"encoding/hex"
	"testing"

	"github.com/embedkms/kms/internal/keywrap"
)

func wrap(t testing.TB, kek, plaintext []byte) []byte {
	t.Helper()
	wrapped, err := keywrap.Wrap(kek, plaintext)
	if err != nil {
		t.Fatalf("%d bytes under %d: %v", len(plaintext), len(kek), err)
	}
	return wrapped
}

// invalid fails the test unless wrapped is ErrInvalid, as it is: callers compare
// it with ==, and an error that wraps it could say more than it should.
func invalid(t *testing.T, kek, wrapped []byte) {
	t.Helper()
	if out, err := keywrap.Unwrap(kek, wrapped); err != keywrap.ErrInvalid || out != nil {
		t.Errorf("%x unwrapped to %x, %v", wrapped, out, err)
	}
}

// pattern returns n bytes, none of which is zero.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%255) + 1
	}
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
