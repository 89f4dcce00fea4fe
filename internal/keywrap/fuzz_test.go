package keywrap_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/keywrap"
)

// Wrapping is deterministic and unwrapping is strict, so that each plaintext has
// exactly one wrapped form: whatever unwraps wraps to the same bytes again.
func FuzzUnwrap(f *testing.F) {
	for _, v := range rfc5649 {
		f.Add(v.kek, v.wrapped)
	}
	for _, size := range kekSizes {
		f.Add(pattern(size), wrap(f, pattern(size), pattern(size)))
	}
	f.Add(pattern(16), make([]byte, 24))
	f.Add(pattern(17), make([]byte, 24))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		plaintext, err := keywrap.Unwrap(kek, wrapped)
		if err != nil {
			if errors.Is(err, keywrap.ErrInvalid) != slices.Contains(kekSizes, len(kek)) {
				t.Errorf("kek of %d bytes: %v", len(kek), err)
			}
			return
		}
		if again := wrap(t, kek, plaintext); !bytes.Equal(again, wrapped) {
			t.Errorf("%x wraps to %x, unwrapped from %x", plaintext, again, wrapped)
		}
	})
}
