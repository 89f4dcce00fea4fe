package integration_test

import (
	"bytes"
	"crypto/cipher"
	"slices"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/xgcm"
)

const (
	gcmKeySize = 256 // of AES, in bits
	gcmIVSize  = 96
)

// aesGCM checks the AEAD under which everything is sealed that is not under SM4.
// It draws its nonces, so a vector can be opened but not sealed again alike.
func aesGCM(t *testing.T, g *group) func(*vector) outcome {
	switch {
	case g.KeySize != gcmKeySize:
		return always(noKeySize)
	case g.IVSize != gcmIVSize:
		return always(noIVSize)
	}
	return func(v *vector) outcome {
		aead := xgcm.NewGCM(v.Key)
		sealed := aead.Seal(nil, nil, v.Msg, v.AAD)
		if got, err := aead.Open(nil, nil, sealed, v.AAD); err != nil || !bytes.Equal(got, v.Msg) {
			t.Errorf("%v: sealed and opened %x, %v", v, got, err)
		}
		return v.open(t, aead, nil, slices.Concat(v.IV, v.Ct, v.Tag))
	}
}

func sm4GCM(p gm.Provider) family {
	return func(t *testing.T, g *group) func(*vector) outcome {
		if g.IVSize != gcmIVSize {
			return always(noIVSize)
		}
		return func(v *vector) outcome { return v.checkSM4(t, p) }
	}
}

func (v *vector) checkSM4(t *testing.T, p gm.Provider) outcome {
	aead, err := p.NewSM4GCM((*[16]byte)(v.Key))
	if err != nil {
		t.Fatal(err)
	}
	sealed := slices.Concat(v.Ct, v.Tag)
	if got := aead.Seal(nil, v.IV, v.Msg, v.AAD); bytes.Equal(got, sealed) != (v.Result == "valid") {
		t.Errorf("%v: sealed %x", v, got)
	}
	return v.open(t, aead, v.IV, sealed)
}

// open checks what aead opens of a vector.
func (v *vector) open(t *testing.T, aead cipher.AEAD, nonce, sealed []byte) outcome {
	t.Helper()
	got, err := aead.Open(nil, nonce, sealed, v.AAD)
	if err != nil && got != nil || err == nil && !bytes.Equal(got, v.Msg) {
		t.Errorf("%v: opened %x, %v", v, got, err)
	}
	return v.verdict(t, err == nil, ran)
}
