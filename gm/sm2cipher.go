package gm

import (
	"crypto/subtle"
	"encoding/binary"
)

// sm2Overhead is the length of what stands before C2: 04 ‖ x ‖ y ‖ C3.
const sm2Overhead = 65 + 32

// Encrypt encrypts as GB/T 32918.4, 6.1, says. A number k is used once, and no
// operation has it before or after, so how long its multiplications take is not
// hidden.
func (p *sm2Public) Encrypt(m []byte) ([]byte, error) {
	for range sm2Tries {
		k := randomScalar()
		c1, err := baseMult(k)
		if err != nil {
			return nil, err
		}
		shared, err := p.point.mult(k)
		if err != nil {
			return nil, err
		}
		if c, ok := sealSM2(c1, shared, m); ok {
			return c, nil
		}
	}
	return nil, errSM2Random // as for an empty m, for which every keystream is zero
}

// sealSM2 returns 04 ‖ x ‖ y ‖ C3 ‖ C2, or false if the keystream is zero and
// would leave m as it is.
func sealSM2(c1, shared sm2Point, m []byte) ([]byte, bool) {
	secret := shared.bytes()
	defer clear(secret[:])
	keystream := sm2Keystream(&secret, len(m))
	defer clear(keystream)
	if allZero(keystream) {
		return nil, false
	}
	point, mac := c1.bytes(), sm2MAC(&secret, m)
	c := make([]byte, sm2Overhead+len(m))
	copy(c, point[:])
	copy(c[65:], mac[:])
	subtle.XORBytes(c[sm2Overhead:], m, keystream)
	return c, true
}

// Decrypt decrypts as GB/T 32918.4, 7.1, says, with d in two random factors: one
// multiplication more. All that is wrong with a ciphertext is one error.
func (k *sm2Private) Decrypt(c []byte) ([]byte, error) {
	if len(c) <= sm2Overhead {
		return nil, errSM2Decrypt
	}
	shared, err := parseSM2Point(c[:65])
	if err != nil {
		return nil, errSM2Decrypt
	}
	a, b := k.d()
	if shared, err = shared.mult(a); err == nil {
		shared, err = shared.mult(b)
	}
	if err != nil {
		return nil, errSM2Decrypt
	}
	return openSM2(shared, c[65:sm2Overhead], c[sm2Overhead:])
}

// openSM2 returns the plaintext of c2, if c3 says that it is.
func openSM2(shared sm2Point, c3, c2 []byte) ([]byte, error) {
	secret := shared.bytes()
	defer clear(secret[:])
	m := sm2Keystream(&secret, len(c2))
	zero := allZero(m)
	subtle.XORBytes(m, m, c2)
	mac := sm2MAC(&secret, m)
	if zero || subtle.ConstantTimeCompare(mac[:], c3) != 1 {
		clear(m)
		return nil, errSM2Decrypt
	}
	return m, nil
}

// sm2Keystream returns n bytes of the KDF of GB/T 32918.4, 5.4.3, over x ‖ y of a
// shared point. The hash keeps a copy of the point that cannot be wiped.
func sm2Keystream(shared *[65]byte, n int) []byte {
	t := make([]byte, 0, n+32) // the last digest may be more than is needed
	h := newSM3()
	for counter := uint32(1); len(t) < n; counter++ {
		h.Reset()
		h.Write(shared[1:])
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		t = h.Sum(t)
	}
	clear(t[n:])
	return t[:n]
}

// sm2MAC returns C3, SM3(x ‖ m ‖ y) of a shared point. Its coordinates always
// have 32 bytes.
func sm2MAC(shared *[65]byte, m []byte) (mac [32]byte) {
	h := newSM3()
	h.Write(shared[1:33])
	h.Write(m)
	h.Write(shared[33:])
	h.Sum(mac[:0])
	return mac
}

// allZero takes the same time for all b of a length.
func allZero(b []byte) bool {
	return subtle.ConstantTimeCompare(b, make([]byte, len(b))) == 1
}
