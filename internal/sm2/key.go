package sm2

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"math/big"

	"github.com/embedkms/kms/gm"
)

// GenerateKey returns a private key of the system's randomness, each of those
// that NewPrivateKey takes as likely as any other. The caller clears it.
func GenerateKey() (d [32]byte) {
	for {
		rand.Read(d[:])
		if inRange(&d, &privateLimit) {
			return d
		}
	}
}

// A PrivateKey is an SM2 private key. It is safe for concurrent use.
type PrivateKey struct {
	// key is a captured variable rather than a field. A provider's key may be a
	// plain struct, whose number any print of a field would show.
	key    func() gm.SM2Private
	public *PublicKey
}

// NewPrivateKey takes d, big-endian, of exactly 32 bytes: 1 ≤ d < n-16, where n
// is the order of the curve. GB/T 32918.1 also has the 15 numbers from n-16 to
// n-2, which some implementations compute wrongly with. Anything else is
// ErrInvalidKey. A provider that fails is ErrProvider, or
// gm.ErrUnsupportedAlgorithm if it says so; in FIPS 140-3 mode that is the answer
// without asking it.
//
// The public key is computed from d. Where a stored one is at hand, compare it.
// NewPrivateKey does not keep d.
func NewPrivateKey(p gm.Provider, d []byte) (*PrivateKey, error) {
	if len(d) != 32 {
		return nil, ErrInvalidKey
	}
	scalar := [32]byte(d)
	defer clear(scalar[:])
	if !inRange(&scalar, &privateLimit) {
		return nil, ErrInvalidKey
	}
	if err := allowed(); err != nil {
		return nil, err
	}
	key, err := call(func() (gm.SM2Private, error) { return p.SM2Private(&scalar) })
	if err != nil {
		return nil, refusal(err)
	}
	point, err := call(func() ([pointSize]byte, error) { return key.Public(), nil })
	if err != nil {
		return nil, refusal(err)
	}
	public, err := NewPublicKey(p, point[:])
	if errors.Is(err, ErrInvalidKey) {
		return nil, ErrProvider // which has computed it
	}
	if err != nil {
		return nil, err
	}
	return &PrivateKey{func() gm.SM2Private { return key }, public}, nil
}

// Public returns the public key.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// A PublicKey is an SM2 public key. It is safe for concurrent use.
type PublicKey struct {
	provider gm.Provider
	key      gm.SM2Public
	point    [pointSize]byte
}

// NewPublicKey takes a point of the curve, 04 ‖ x ‖ y of 65 bytes with x and y
// below p. Anything else is ErrInvalidKey. A provider that fails is ErrProvider,
// or gm.ErrUnsupportedAlgorithm if it says so; in FIPS 140-3 mode that is the
// answer without asking it.
func NewPublicKey(p gm.Provider, point []byte) (*PublicKey, error) {
	if !isPoint(point) {
		return nil, ErrInvalidKey
	}
	if err := allowed(); err != nil {
		return nil, err
	}
	k := &PublicKey{provider: p, point: [pointSize]byte(point)}
	given := k.point // the provider may keep it
	key, err := call(func() (gm.SM2Public, error) { return p.SM2Public(&given) })
	if err != nil || key == nil {
		return nil, refusal(err)
	}
	k.key = key
	return k, nil
}

// Bytes returns 04 ‖ x ‖ y.
func (k *PublicKey) Bytes() [65]byte { return k.point }

// ECDSA returns the point for use with other packages. It is a carrier: the
// functions of package ecdsa compute ECDSA, which SM2 is not.
func (k *PublicKey) ECDSA() *ecdsa.PublicKey {
	x := new(big.Int).SetBytes(k.point[1 : 1+fieldSize])
	y := new(big.Int).SetBytes(k.point[1+fieldSize:])
	//lint:ignore SA1019 what takes their place knows the NIST curves only
	return &ecdsa.PublicKey{Curve: Curve(), X: x, Y: y}
}
