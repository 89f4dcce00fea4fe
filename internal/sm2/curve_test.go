package sm2_test

import (
	"bytes"
	"crypto/ecdsa"
	"math/big"
	"slices"
	"testing"

	tjfoc "github.com/tjfoc/gmsm/sm2"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

const (
	primeP = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff"
	orderN = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"
	allOne = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	zero   = "0000000000000000000000000000000000000000000000000000000000000000"
	one    = "0000000000000000000000000000000000000000000000000000000000000001"

	// Points with a coordinate so small that 32 bytes hold it plus p: (0, y0)
	// and (x1, 1).
	y0      = "fd4511e81736a60f07e88a83d6cf5a167fae6d1a9c9330e76e232e00f5cdc154"
	x1      = "9c17043effe1a805a74a9a5e70b9d659705d3242094a566dc016f49311178d1f"
	onePlus = "fffffffeffffffffffffffffffffffffffffffff000000010000000000000000"
)

var notPoints = map[string][]byte{
	"nothing":       {},
	"no y":          publicA[:33],
	"64 bytes":      publicA[:64],
	"66 bytes":      append(publicA[:65:65], 0),
	"infinity":      {0},
	"hybrid":        append([]byte{7}, publicA[1:]...),
	"compressed":    append([]byte{3}, publicA[1:33]...),
	"origin":        unhex("04" + zero + zero),
	"y is p":        unhex("04" + x1 + primeP),
	"x is 0 + p":    unhex("04" + primeP + y0),
	"y is 1 + p":    unhex("04" + x1 + onePlus),
	"2^256-1":       unhex("04" + allOne + allOne),
	"x and y alike": unhex("04" + x1 + x1),
	"one y off":     unhex("04" + x1 + zero[:63] + "2"),
}

// The provider is not asked about what is not a point.
func TestNotPoints(t *testing.T) {
	for name, point := range notPoints {
		asked := false
		f := newFake()
		f.public = func() (gm.SM2Public, error) { asked = true; return fakeKey{f}, nil }
		if k, err := sm2.NewPublicKey(f, point); err != sm2.ErrInvalidKey || k != nil || asked {
			t.Errorf("%s: %v, asked %v", name, err, asked)
		}
	}
	for first := range 256 {
		point := slices.Concat([]byte{byte(first)}, publicA[1:])
		if _, err := sm2.NewPublicKey(newFake(), point); (err == nil) != (first == 4) {
			t.Errorf("first byte %d: %v", first, err)
		}
	}
	for bit := range 8 * 64 {
		point := bytes.Clone(publicA[:])
		point[1+bit/8] ^= 1 << (bit % 8)
		if _, err := sm2.NewPublicKey(newFake(), point); err != sm2.ErrInvalidKey {
			t.Errorf("bit %d altered: %v", bit, err)
		}
	}
}

func TestPoints(t *testing.T) {
	for _, point := range [][]byte{publicA[:], unhex("04" + zero + y0), unhex("04" + x1 + one)} {
		k, err := sm2.NewPublicKey(newFake(), point)
		must(t, err)
		if got := k.Bytes(); !bytes.Equal(got[:], point) {
			t.Errorf("%x became %x", point, got)
		}
	}
}

func TestCurve(t *testing.T) {
	got, want := sm2.Curve().Params(), tjfoc.P256Sm2().Params()
	for name, n := range map[string][2]*big.Int{
		"p": {got.P, want.P}, "n": {got.N, want.N}, "b": {got.B, want.B}, "x": {got.Gx, want.Gx}, "y": {got.Gy, want.Gy},
	} {
		if n[0].Cmp(n[1]) != 0 {
			t.Errorf("%s is %x, want %x", name, n[0], n[1])
		}
	}
	if got.BitSize != 256 || got.Name != "sm2p256v1" {
		t.Errorf("%d bits, name %s", got.BitSize, got.Name)
	}
}

// The generic code of the standard library computes on the curve, as a user of
// the ecdsa.PublicKey might have it do.
func TestECDSA(t *testing.T) {
	newPublic := func() *ecdsa.PublicKey {
		k, err := sm2.NewPublicKey(newFake(), publicA[:])
		must(t, err)
		return k.ECDSA()
	}
	k := newPublic()
	if !k.Equal(newPublic()) {
		t.Error("a key does not equal itself")
	}
	x, y := k.ScalarBaseMult(privateA[:])
	//lint:ignore SA1019 as above
	if x.Cmp(k.X) != 0 || y.Cmp(k.Y) != 0 || !k.IsOnCurve(x, y) {
		t.Errorf("dG is %x, %x", x, y)
	}
}

// Who alters what Curve returned does not move the curve that is checked here.
func TestCurveAltered(t *testing.T) {
	p := sm2.Curve().Params().P
	was := new(big.Int).Set(p)
	defer p.Set(was)
	p.SetInt64(7)
	_, err := sm2.NewPublicKey(newFake(), publicA[:])
	must(t, err)
	if _, err := sm2.NewPublicKey(newFake(), notPoints["one y off"]); err != sm2.ErrInvalidKey {
		t.Error(err)
	}
}
