package gm_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"
	"testing/cryptotest"

	"github.com/embedkms/kms/gm"
)

const (
	sm2Order = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"
	sm2Base  = "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7" +
		"bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)

// What callers check is refused here as well, should one forget.
func TestSM2RefusesKeys(t *testing.T) {
	skipEnforced(t)
	order := [32]byte(unhex(sm2Order))
	beforeOrder := order
	beforeOrder[31]-- // 1+d has no inverse, so it cannot sign
	for _, d := range [][32]byte{{}, beforeOrder, order, [32]byte(bytes.Repeat([]byte{0xff}, 32))} {
		if key, err := gm.Default().SM2Private(&d); err == nil || key != nil {
			t.Errorf("private key %x: got %v, %v", d, key, err)
		}
	}
	base := [65]byte(unhex(sm2Base))
	compressed, off, wide := base, base, base
	compressed[0] = 2
	off[64]++
	copy(wide[1:33], bytes.Repeat([]byte{0xff}, 32))
	for _, q := range [][65]byte{{}, {4}, compressed, off, wide} {
		if key, err := gm.Default().SM2Public(&q); err == nil || key != nil {
			t.Errorf("public key %x: got %v, %v", q, key, err)
		}
	}
}

func TestSM2RefusesInput(t *testing.T) {
	skipEnforced(t)
	private, public := newSM2(t)
	c, err := public.Encrypt([]byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range c {
		if m, err := private.Decrypt(c[:n:n]); err == nil || m != nil {
			t.Errorf("%d bytes decrypt to %x, %v", n, m, err)
		}
	}
	if c, err := public.Encrypt(nil); err == nil || c != nil {
		t.Errorf("nothing encrypts to %x, %v", c, err)
	}
	order, e := unhex(sm2Order), [32]byte{}
	rs, err := private.SignDigest(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, half := range [][]byte{make([]byte, 32), order, bytes.Repeat([]byte{0xff}, 32)} {
		r, s := [64]byte(slices.Concat(half, rs[32:])), [64]byte(slices.Concat(rs[:32], half))
		if public.VerifyDigest(&e, &r) || public.VerifyDigest(&e, &s) {
			t.Errorf("a signature with %x verifies", half)
		}
	}
}

// One number in 256 makes a keystream of zeros for one byte, which would be
// encrypted to itself. Then another number is taken.
func TestSM2ZeroKeystream(t *testing.T) {
	skipEnforced(t)
	private, public := newSM2(t)
	for seed := uint64(334); ; seed++ { // the first that will do, as of Go 1.26
		cryptotest.SetGlobalRandom(t, seed)
		var k [32]byte
		rand.Read(k[:])
		point := publicOf(t, k) // both C1 and, the key being 1, the shared point
		h := gm.Default().NewSM3()
		h.Write(point[1:])
		h.Write([]byte{0, 0, 0, 1})
		if h.Sum(nil)[0] == 0 {
			cryptotest.SetGlobalRandom(t, seed)
			c, err := public.Encrypt([]byte("a"))
			if err != nil {
				t.Fatal(err)
			}
			if m, err := private.Decrypt(c); err != nil || string(m) != "a" || bytes.Equal(c[:65], point[:]) {
				t.Errorf("got %x, which decrypts to %q, %v", c, m, err)
			}
			return
		}
	}
}

// newSM2 returns the private key 1 and its public key.
func newSM2(t *testing.T) (gm.SM2Private, gm.SM2Public) {
	d, q := [32]byte{31: 1}, [65]byte(unhex(sm2Base))
	private, err := gm.Default().SM2Private(&d)
	if err != nil {
		t.Fatal(err)
	}
	public, err := gm.Default().SM2Public(&q)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func publicOf(t *testing.T, d [32]byte) [65]byte {
	key, err := gm.Default().SM2Private(&d)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
