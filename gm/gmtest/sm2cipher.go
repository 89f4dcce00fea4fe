package gmtest

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// GB/T 32918.5-2017, C.2, as C1 ‖ C3 ‖ C2. OpenSSL decrypts it.
var (
	sm2Plaintext  = []byte("encryption standard")
	sm2Ciphertext = unhex("0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73" +
		"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0" +
		"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766" +
		"21886ca989ca9c7d58087307ca93092d651efa")
)

// checkSM2Lengths encrypts every length up to two digests of the keystream, and
// around every fourth digest up to the most that callers encrypt. It does so to
// d = 1, where what the ciphertext has to be is known once C1 is: a provider that
// is wrong both ways alike decrypts what it encrypts.
func checkSM2Lengths(p gm.Provider) error {
	k, err := sm2EdgeKeys[0].pair(p)
	if err != nil {
		return err
	}
	for n := 1; n <= sm2.MaxPlaintext; n++ {
		if n > 66 && (n+1)%128 > 2 {
			continue
		}
		m := pattern(n)
		c, err := k.ciphertext(m)
		if err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
		want := sealToOne(p, [65]byte(c), m)
		if err := errors.Join(equal("encrypted", c, want), k.decrypts(want, m)); err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
	}
	return nil
}

// checkSM2Buffers changes what was given and returned, and looks at what lies
// behind it.
func checkSM2Buffers(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	roomy := append(make([]byte, 0, 300), "a message"...)
	c, err := k.Encrypt(roomy)
	if err != nil {
		return err
	}
	whole := append(bytes.Clone(c), pattern(50)...)
	first, err := k.Decrypt(whole[:len(c)])
	if err != nil {
		return err
	}
	if err := errors.Join(
		equal("plaintext afterwards", roomy[:9], []byte("a message")),
		equal("behind the plaintext", roomy[9:300], make([]byte, 291)),
		equal("ciphertext afterwards", whole[:len(c)], c),
		equal("behind the ciphertext", whole[len(c):], pattern(50)),
	); err != nil {
		return err
	}
	if _, err := k.Encrypt([]byte("something else")); err != nil {
		return err
	}
	clear(whole)
	if err := vectors(k); err != nil {
		return err
	}
	if err := equal("decrypted, later", first, roomy); err != nil {
		return err
	}
	again, err := k.Decrypt(c)
	return errors.Join(err, equal("decrypted from what Encrypt returned before", again, roomy))
}

// checkSM2LeadingZeros decrypts what was encrypted to d = 1, for which the shared
// point is C1 itself, with coordinates that begin with zeros.
func checkSM2LeadingZeros(p gm.Provider) error {
	k, err := sm2EdgeKeys[0].pair(p)
	if err != nil {
		return err
	}
	found := 0
	for x := int64(0); found < 6; x++ {
		y := sm2Y(big.NewInt(x))
		if y == nil || found > 2 && y.BitLen() > 248 {
			continue // after some of which x is short, those of which y is short too
		}
		found++
		point := sm2PointBytes(big.NewInt(x), y)
		got, err := k.Decrypt(sealToOne(p, point, pattern(50)))
		if err != nil {
			return fmt.Errorf("C1 = %x: %w", point, err)
		}
		if err := equal("decrypted", got, pattern(50)); err != nil {
			return fmt.Errorf("C1 = %x: %w", point, err)
		}
	}
	return nil
}

// checkSM2ZeroKeystream wants a ciphertext refused of which C2 is the plaintext.
func checkSM2ZeroKeystream(p gm.Provider) error {
	k, err := sm2EdgeKeys[0].pair(p)
	if err != nil {
		return err
	}
	for x := int64(0); ; x++ {
		y := sm2Y(big.NewInt(x))
		if y == nil {
			continue
		}
		c := sealToOne(p, sm2PointBytes(big.NewInt(x), y), []byte("m"))
		if c[97] != 'm' {
			continue
		}
		if m, err := k.Decrypt(c); err == nil || m != nil {
			return fmt.Errorf("got %q, %v", m, err)
		}
		return nil
	}
}

// sealToOne encrypts m to the private key 1: the shared point is C1, on whatever
// curve it may be.
func sealToOne(p gm.Provider, c1 [65]byte, m []byte) []byte {
	var keystream []byte
	for counter := uint32(1); len(keystream) < len(m); counter++ {
		h := p.NewSM3()
		h.Write(c1[1:])
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		keystream = h.Sum(keystream)
	}
	h := p.NewSM3()
	h.Write(c1[1:33])
	h.Write(m)
	h.Write(c1[33:])
	c := h.Sum(c1[:])
	c2 := make([]byte, len(m))
	subtle.XORBytes(c2, m, keystream)
	return append(c, c2...)
}

// sm2Y returns an y with y² = x³ - 3x + b, or nil.
func sm2Y(x *big.Int) *big.Int {
	params := sm2.Curve().Params()
	y := new(big.Int).Mul(x, x)
	y.Sub(y, big.NewInt(3)).Mul(y, x).Add(y, params.B).Mod(y, params.P)
	return y.ModSqrt(y, params.P)
}

func sm2PointBytes(x, y *big.Int) (b [65]byte) {
	b[0] = 4
	x.FillBytes(b[1:33])
	y.FillBytes(b[33:])
	return b
}
