package keypair

import (
	"bytes"
	"crypto"
	"errors"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// An SM2Public is a public key that encrypts with SM2 (GB/T 32918.4), to
// 04 ‖ x ‖ y ‖ C3 ‖ C2, and verifies SM2 signatures (GB/T 32918.2): DER, SEQUENCE
// of r and s.
type SM2Public struct{ Key *sm2.PublicKey }

func (SM2Public) Spec() string { return SM2 }

func (p SM2Public) Public() crypto.PublicKey { return p.Key.ECDSA() }

func (p SM2Public) SPKI() ([]byte, error) {
	point := p.Key.Bytes()
	return sm2.MarshalSPKI(&point), nil
}

func (p SM2Public) MaxPlaintext() int { return sm2.MaxPlaintext }

func (p SM2Public) Encrypt(plaintext []byte) ([]byte, error) { return p.Key.Encrypt(plaintext) }

// Digest returns SM3(ZA ‖ message), with the user ID that everyone has who has
// agreed on none.
func (p SM2Public) Digest(_ string, message []byte) ([]byte, error) {
	e, err := p.Key.Digest([]byte(sm2.DefaultUserID), message)
	return e[:], err
}

func (p SM2Public) DigestSize(string) int { return len([32]byte{}) }

func (p SM2Public) Verify(_ string, digest, signature []byte) bool {
	return p.Key.Verify((*[32]byte)(digest), signature)
}

// An SM2Pair is an SM2 pair.
type SM2Pair struct {
	SM2Public
	private *sm2.PrivateKey
	d       func() [32]byte // does not show in a print
}

func newSM2(private *sm2.PrivateKey, d [32]byte) *SM2Pair {
	return &SM2Pair{SM2Public{private.Public()}, private, func() [32]byte { return d }}
}

func generateSM2(p gm.Provider) (Pair, error) {
	d := sm2.GenerateKey()
	defer clear(d[:])
	private, err := sm2.NewPrivateKey(p, d[:])
	if err != nil {
		return nil, err
	}
	return newSM2(private, d), nil
}

// parseSM2 returns the pair of d, and of the public key that was stated with it
// unless it is nil.
func parseSM2(d [32]byte, stated []byte, p gm.Provider) (Pair, error) {
	defer clear(d[:])
	private, err := sm2.NewPrivateKey(p, d[:])
	if errors.Is(err, sm2.ErrInvalidKey) {
		return nil, ErrInvalidKey
	}
	if err != nil {
		return nil, err
	}
	if point := private.Public().Bytes(); stated != nil && !bytes.Equal(stated, point[:]) {
		return nil, ErrInvalidKey
	}
	return newSM2(private, d), nil
}

func (p *SM2Pair) PKCS8() ([]byte, error) {
	d, point := p.d(), p.Key.Bytes()
	defer clear(d[:])
	return sm2.MarshalPKCS8(&d, &point), nil
}

func (p *SM2Pair) Decrypt(ciphertext []byte) ([]byte, error) {
	plaintext, err := p.private.Decrypt(ciphertext)
	if err != nil {
		return nil, ErrInvalidCiphertext
	}
	return plaintext, nil
}

func (p *SM2Pair) Sign(_ string, digest []byte) ([]byte, error) {
	return p.private.Sign((*[32]byte)(digest))
}
