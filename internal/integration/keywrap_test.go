package integration_test

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/keywrap"
)

func keyWrap(t *testing.T, g *group) func(*vector) outcome {
	return func(v *vector) outcome {
		if len(v.Key)*8 != g.KeySize {
			t.Errorf("%v: kek of %d bytes in a group of %d bits", v, len(v.Key), g.KeySize)
		}
		plaintext, err := keywrap.Unwrap(v.Key, v.Ct)
		if err != nil && (err != keywrap.ErrInvalid || plaintext != nil) {
			t.Errorf("%v: %x, %v", v, plaintext, err)
		}
		if err == nil {
			v.checkUnwrapped(t, plaintext)
		}
		return v.verdict(t, err == nil, ran)
	}
}

// checkUnwrapped checks a plaintext, and that it wraps to the same bytes again.
func (v *vector) checkUnwrapped(t *testing.T, plaintext []byte) {
	t.Helper()
	if !bytes.Equal(plaintext, v.Msg) {
		t.Errorf("%v: unwrapped %x", v, plaintext)
	}
	if wrapped, err := keywrap.Wrap(v.Key, plaintext); err != nil || !bytes.Equal(wrapped, v.Ct) {
		t.Errorf("%v: wrapped %x, %v", v, wrapped, err)
	}
}
