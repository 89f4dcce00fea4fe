package sm2

import (
	"crypto/elliptic"
	"encoding/binary"
	"math/big"
	"math/bits"
)

// The sizes in bytes of a field element, and of a point 04 ‖ x ‖ y.
const (
	fieldSize = 32
	pointSize = 1 + 2*fieldSize
)

// uncompressed is the first byte of a point of both its coordinates. It is the
// only form that is taken here.
const uncompressed = 4

// The curve of GB/T 32918.5: y² = x³ + ax + b modulo p, and the base point G of
// prime order n.
var (
	curveP = number("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF")
	curveA = number("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC")
	curveB = number("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93")
	curveN = number("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123")
	curveX = number("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7")
	curveY = number("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0")
)

// What numbers of 32 bytes must be below.
var (
	coordinateLimit = octets(curveP)
	scalarLimit     = octets(curveN)
	// Some implementations go wrong with a private key just below n: there is
	// no inverse of 1+d for n-1, and for a few others an addition meets two
	// equal points.
	privateLimit = octets(new(big.Int).Sub(curveN, big.NewInt(16)))
)

// shared is what Curve returns. Its numbers are copies: nobody who alters them
// alters what is checked here.
var shared = &elliptic.CurveParams{
	P: clone(curveP), N: clone(curveN), B: clone(curveB), Gx: clone(curveX), Gy: clone(curveY),
	BitSize: 8 * fieldSize, Name: "sm2p256v1",
}

// Curve returns SM2's curve for an ecdsa.PublicKey, the same value every time.
// Its a is p-3, as the generic code of package elliptic has it. That code is
// slow and not in constant time; nothing here uses it.
func Curve() elliptic.Curve { return shared }

// isPoint reports whether b is 04 ‖ x ‖ y of a point of the curve, x and y below
// p. Points are public, so this need not be in constant time.
func isPoint(b []byte) bool {
	if len(b) != pointSize || b[0] != uncompressed {
		return false
	}
	x, y := [fieldSize]byte(b[1:]), [fieldSize]byte(b[1+fieldSize:])
	return less(&x, &coordinateLimit) && less(&y, &coordinateLimit) &&
		onCurve(new(big.Int).SetBytes(x[:]), new(big.Int).SetBytes(y[:]))
}

// onCurve reports whether y² = (x² + a)x + b modulo p.
func onCurve(x, y *big.Int) bool {
	right := new(big.Int).Mul(x, x)
	right.Add(right, curveA).Mul(right, x).Add(right, curveB).Mod(right, curveP)
	left := new(big.Int).Mul(y, y)
	return left.Mod(left, curveP).Cmp(right) == 0
}

// inRange reports whether 1 ≤ a < limit, in constant time.
func inRange(a, limit *[32]byte) bool {
	var zero [32]byte
	positive, below := less(&zero, a), less(a, limit)
	return positive && below
}

// less reports whether a < b, both big-endian, in constant time.
func less(a, b *[32]byte) bool {
	var borrow uint64
	for i := len(a) - 8; i >= 0; i -= 8 {
		_, borrow = bits.Sub64(binary.BigEndian.Uint64(a[i:]), binary.BigEndian.Uint64(b[i:]), borrow)
	}
	return borrow == 1
}

func number(hex string) *big.Int {
	n, _ := new(big.Int).SetString(hex, 16)
	return n
}

func clone(n *big.Int) *big.Int { return new(big.Int).Set(n) }

func octets(n *big.Int) (b [32]byte) {
	n.FillBytes(b[:])
	return b
}
