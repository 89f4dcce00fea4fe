package gm

import (
	"crypto/rand"
	"math/big"

	"github.com/tjfoc/gmsm/sm2"
)

// sm2Curve is what is used of tjfoc's curve.
var sm2Curve interface {
	IsOnCurve(x, y *big.Int) bool
	Add(x1, y1, x2, y2 *big.Int) (x, y *big.Int)
	Double(x1, y1 *big.Int) (x, y *big.Int)
	ScalarMult(x1, y1 *big.Int, k []byte) (x, y *big.Int)
	ScalarBaseMult(k []byte) (x, y *big.Int)
} = sm2.P256Sm2()

var (
	sm2P     = sm2.P256Sm2().Params().P // the field's prime
	sm2N     = sm2.P256Sm2().Params().N // the order of the group, a prime too
	sm2HalfN = new(big.Int).Rsh(sm2N, 1)
)

// An sm2Point is a point on the curve that is not at infinity.
type sm2Point struct{ x, y *big.Int }

// newSM2Point refuses what is not on the curve. That is (0, 0) too, which
// stands for the point at infinity in what the curve returns, and what a fault
// in its arithmetic would leave. The curve takes x+p for x, so callers see to
// the range of what they have from elsewhere.
func newSM2Point(x, y *big.Int) (sm2Point, error) {
	if !sm2Curve.IsOnCurve(x, y) {
		return sm2Point{}, errSM2Point
	}
	return sm2Point{x, y}, nil
}

// parseSM2Point takes 04 ‖ x ‖ y. Callers have checked it; but a point off the
// curve is what gives a key away, so it is checked where keys are used, too.
func parseSM2Point(b []byte) (sm2Point, error) {
	x, y := new(big.Int).SetBytes(b[1:33]), new(big.Int).SetBytes(b[33:65])
	if b[0] != 4 || x.Cmp(sm2P) >= 0 || y.Cmp(sm2P) >= 0 {
		return sm2Point{}, errSM2Point
	}
	return newSM2Point(x, y)
}

// bytes returns 04 ‖ x ‖ y.
func (p sm2Point) bytes() (b [65]byte) {
	b[0] = 4
	p.x.FillBytes(b[1:33])
	p.y.FillBytes(b[33:])
	return b
}

// mult returns [k]p for 0 < k < n. Where tjfoc's last step would add a point to
// itself, it returns infinity. That happens for four k close below n, so k from
// the upper half are replaced: [k]p = -[n-k]p.
func (p sm2Point) mult(k *big.Int) (sm2Point, error) {
	negative := k.Cmp(sm2HalfN) > 0
	if negative {
		k = new(big.Int).Sub(sm2N, k)
	}
	b := scalarBytes(k)
	defer clear(b[:])
	x, y := sm2Curve.ScalarMult(p.x, p.y, b[:])
	if negative {
		y.Sub(sm2P, y)
	}
	return newSM2Point(x, y)
}

// baseMult returns [k]G for 0 < k < n. It reads whole tables, whatever k is, but
// is faster for a k with certain bits zero.
func baseMult(k *big.Int) (sm2Point, error) {
	b := scalarBytes(k)
	defer clear(b[:])
	return newSM2Point(sm2Curve.ScalarBaseMult(b[:]))
}

// add returns p+q, an error for infinity. tjfoc's Add returns infinity for equal
// points.
func (p sm2Point) add(q sm2Point) (sm2Point, error) {
	switch {
	case p.x.Cmp(q.x) != 0:
		return newSM2Point(sm2Curve.Add(p.x, p.y, q.x, q.y))
	case p.y.Cmp(q.y) == 0:
		return newSM2Point(sm2Curve.Double(p.x, p.y))
	}
	return sm2Point{}, errSM2Point
}

// scalarBytes returns k for the curve, which panics or goes wrong for more and
// for fewer bytes.
func scalarBytes(k *big.Int) (b [32]byte) {
	k.FillBytes(b[:])
	return b
}

// randomScalar returns a uniformly random number from 1 to n-1.
func randomScalar() *big.Int {
	var b [32]byte
	defer clear(b[:])
	for {
		rand.Read(b[:]) // it never fails
		k := new(big.Int).SetBytes(b[:])
		if inGroup(k) {
			return k
		}
	}
}

// inGroup reports whether 0 < k < n.
func inGroup(k *big.Int) bool { return k.Sign() > 0 && k.Cmp(sm2N) < 0 }

func mulMod(a, b *big.Int) *big.Int {
	c := new(big.Int).Mul(a, b)
	return c.Mod(c, sm2N)
}

// inverse returns a⁻¹ mod n for a that is not 0 mod n.
func inverse(a *big.Int) *big.Int { return new(big.Int).ModInverse(a, sm2N) }
