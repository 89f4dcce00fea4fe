package sm2_test

import (
	"crypto/rand"
	"math/big"
	"testing"

	tjfoc "github.com/tjfoc/gmsm/sm2"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// A provider is gm.Default with SM2 added, straight from tjfoc's functions and
// without a check of its own.
type provider struct{ gm.Provider }

func newProvider() gm.Provider { return provider{gm.Default()} }

func (provider) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	k := new(tjfoc.PrivateKey)
	k.Curve = tjfoc.P256Sm2()
	k.D = new(big.Int).SetBytes(d[:])
	//lint:ignore SA1019 tjfoc has no other way to multiply
	k.X, k.Y = k.Curve.ScalarBaseMult(d[:])
	return (*private)(k), nil
}

func (provider) SM2Public(p *[65]byte) (gm.SM2Public, error) {
	x, y := new(big.Int).SetBytes(p[1:33]), new(big.Int).SetBytes(p[33:])
	return (*public)(&tjfoc.PublicKey{Curve: tjfoc.P256Sm2(), X: x, Y: y}), nil
}

type private tjfoc.PrivateKey

func (k *private) Public() (p [65]byte) {
	p[0] = 4
	k.X.FillBytes(p[1:33])
	k.Y.FillBytes(p[33:])
	return p
}

func (k *private) Decrypt(c []byte) ([]byte, error) {
	return tjfoc.Decrypt((*tjfoc.PrivateKey)(k), c, tjfoc.C1C3C2)
}

// SignDigest is GB/T 32918.2 section 6.1: r = e + x1, s = (k - rd) / (1 + d).
// The chance of an r or s that the standard has it try again for is neglected.
func (k *private) SignDigest(e *[32]byte) (rs [64]byte, err error) {
	n := k.Curve.Params().N
	nonce, err := rand.Int(rand.Reader, n)
	if err != nil {
		return rs, err
	}
	//lint:ignore SA1019 as above
	x, _ := k.Curve.ScalarBaseMult(nonce.Bytes())
	r := new(big.Int).SetBytes(e[:])
	r.Add(r, x).Mod(r, n)
	s := new(big.Int).Mul(r, k.D)
	s.Sub(nonce, s).Mul(s, new(big.Int).ModInverse(new(big.Int).Add(k.D, big.NewInt(1)), n)).Mod(s, n)
	r.FillBytes(rs[:32])
	s.FillBytes(rs[32:])
	return rs, nil
}

type public tjfoc.PublicKey

func (k *public) Encrypt(m []byte) ([]byte, error) {
	return tjfoc.Encrypt((*tjfoc.PublicKey)(k), m, rand.Reader, tjfoc.C1C3C2)
}

func (k *public) VerifyDigest(e *[32]byte, rs *[64]byte) bool {
	r, s := new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])
	return tjfoc.Verify((*tjfoc.PublicKey)(k), e[:], r, s)
}

// The private key of GB/T 32918.5-2017, A.2.
var keyA = unhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")

func newPrivate(tb testing.TB, d []byte) *sm2.PrivateKey {
	tb.Helper()
	k, err := sm2.NewPrivateKey(newProvider(), d)
	must(tb, err)
	return k
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
