package suite

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/xgcm"
)

// A sessions makes AEADs that draw their own nonces: what they seal and open is
// N2 ‖ ciphertext ‖ tag. They are safe for concurrent use.
type sessions interface {
	// Session returns the AEAD of the key that n1 derives, in kx of 32 bytes,
	// which is clear again afterwards.
	Session(n1, kx []byte) cipher.AEAD
}

// newSessions returns the sessions of key, which they do not keep.
func newSessions(id ID, key []byte, p gm.Provider) (sessions, error) {
	if id == SM4 {
		return newSM4Sessions([16]byte(key), p)
	}
	return xgcm.NewKey((*[32]byte)(key)), nil
}

// An sm4Sessions is to SM4 what xgcm.Key is to AES-256. It keeps K rather than
// a KDF, because an SM4 block may serve one goroutine at a time only.
type sm4Sessions struct {
	key [16]byte
	gm  gm.Provider
}

func newSM4Sessions(key [16]byte, p gm.Provider) (*sm4Sessions, error) {
	// Whatever the provider refuses, it refuses here, so that Session cannot.
	_, err := p.NewSM4(&key)
	if err == nil {
		_, err = p.NewSM4GCM(&key)
	}
	if err != nil && !errors.Is(err, gm.ErrUnsupportedAlgorithm) {
		err = errProvider // its own words may tell of the key
	}
	if err != nil {
		return nil, err
	}
	return &sm4Sessions{key, p}, nil
}

var errProvider = fmt.Errorf("%w: the provider of SM4 failed", gm.ErrUnsupportedAlgorithm)

func (s *sm4Sessions) Session(n1, kx []byte) cipher.AEAD {
	block, err := s.gm.NewSM4(&s.key)
	if err != nil {
		panic("suite: " + err.Error())
	}
	xgcm.NewKDF(block).Derive(kx[:16], n1)
	aead, err := s.gm.NewSM4GCM((*[16]byte)(kx))
	if err != nil {
		panic("suite: " + err.Error())
	}
	clear(kx)
	return randomNonce{aead}
}

// A randomNonce is an AEAD that draws its nonces, as the one of
// cipher.NewGCMWithRandomNonce does for AES.
type randomNonce struct{ cipher.AEAD }

func (a randomNonce) NonceSize() int { return 0 }
func (a randomNonce) Overhead() int  { return xgcm.NonceHalf + a.AEAD.Overhead() }

func (a randomNonce) Seal(dst, _, plaintext, aad []byte) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, xgcm.NonceHalf)...)
	rand.Read(dst[n:])
	return a.AEAD.Seal(dst, dst[n:], plaintext, aad)
}

func (a randomNonce) Open(dst, _, sealed, aad []byte) ([]byte, error) {
	return a.AEAD.Open(dst, sealed[:xgcm.NonceHalf], sealed[xgcm.NonceHalf:], aad)
}
