package tencent

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/front"
)

// Answers with plaintexts can be cleared, and a plaintext that is wrapped is gone.
func TestClear(t *testing.T) {
	plaintexts := [][]byte{[]byte("plaintext"), []byte("data key"), []byte("too long to be wrapped")}
	(&plaintextAnswer{Plaintext: plaintexts[0]}).Clear()
	var c front.Clearer = &dataKeyAnswer{Plaintext: plaintexts[1]}
	c.Clear()
	fails := func([]byte) ([]byte, error) { return nil, faultWrapping }
	if out, err := wrapWith(fails)(plaintexts[2]); err == nil || out != nil {
		t.Errorf("%q, %v", out, err)
	}
	for _, p := range plaintexts {
		if !bytes.Equal(p, make([]byte, len(p))) {
			t.Errorf("%q is left", p)
		}
	}
}
