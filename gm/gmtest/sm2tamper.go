package gmtest

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// checkSM2Tampering decrypts 10,000 altered ciphertexts: by the provider itself
// what gets past the checks of kms, and by way of those the rest.
func checkSM2Tampering(p gm.Provider) error {
	key, err := sm2.NewPrivateKey(p, sm2Private[:])
	if err != nil {
		return err
	}
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	message := pattern(9)
	c, err1 := k.Encrypt(message)
	other, err2 := k.Encrypt(message)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, altered := range altered(c, other) {
		if reaches(p, altered) {
			if err := refuses(k, altered); err != nil {
				return err
			}
			continue
		}
		m, err := key.Decrypt(altered)
		if err != sm2.ErrInvalidCiphertext || m != nil {
			return fmt.Errorf("%x: got %x, %v", altered, m, err)
		}
	}
	m, err := key.Decrypt(c)
	return errors.Join(err, equal("decrypted", m, message))
}

// reaches reports whether kms asks a provider to decrypt c: whether it is 04 ‖ x
// ‖ y ‖ C3 ‖ C2 of a point on the curve.
func reaches(p gm.Provider, c []byte) bool {
	if len(c) <= sm2.Overhead || len(c) > sm2.Overhead+sm2.MaxPlaintext {
		return false
	}
	_, err := sm2.NewPublicKey(p, c[:65])
	return err == nil
}

// refuses wants an error of k for c, and nothing else.
func refuses(k gm.SM2Private, c []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%x: panics with %v", c, v)
		}
	}()
	if m, err := k.Decrypt(c); err == nil || m != nil {
		return fmt.Errorf("%x: got %x, %v", c, m, err)
	}
	return nil
}

// altered returns 10,000 ciphertexts that are neither c nor other, which are
// ciphertexts of as many bytes of one key. Few of them have a C1 on the curve,
// because each of those costs a decryption.
func altered(c, other []byte) [][]byte {
	list := append(flips(c), misshapen(c)...)
	list = append(list, swapped(c, other)...)
	list = append(list, badPoints(c)...)
	random := rand.New(rand.NewChaCha8([32]byte{}))
	for len(list) < 10_000 {
		b := bytes.Clone(c)
		for range 1 + random.IntN(4) {
			b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
		}
		if random.IntN(64) > 0 {
			b[1+random.IntN(64)] ^= 0x55
		}
		if !bytes.Equal(b, c) {
			list = append(list, b)
		}
	}
	return list
}

// misshapen returns c cut to every length, lengthened, and with every other
// first byte.
func misshapen(c []byte) (list [][]byte) {
	for n := range c {
		list = append(list, c[:n:n])
	}
	for _, n := range []int{1, 2, 16, 31, 32, 33, 64, 65, 97, len(c), sm2.MaxPlaintext, 1 << 16} {
		list = append(list, append(slices.Clip(c), make([]byte, n)...), append(slices.Clip(c), pattern(n)...))
	}
	for first := range 256 {
		if first != 4 {
			list = append(list, slices.Concat([]byte{byte(first)}, c[1:]))
		}
	}
	for _, first := range []byte{2, 3} { // compressed
		list = append(list, slices.Concat([]byte{first}, c[1:33], c[65:]))
	}
	return list
}

// swapped returns the parts of c in other orders, and with parts of other.
func swapped(c, other []byte) [][]byte {
	c1, c3, c2 := c[:65], c[65:97], c[97:]
	o1, o3, o2 := other[:65], other[65:97], other[97:]
	return [][]byte{
		slices.Concat(c1, c2, c3), slices.Concat(c3, c2, c1), slices.Concat(c2, c1, c3),
		slices.Concat(c1, c3, c3), slices.Concat(c1, c2, c2), slices.Concat(c1, c1, c2),
		slices.Concat(c[:1], c[33:65], c[1:33], c3, c2),
		slices.Concat(o1, c3, c2), slices.Concat(c1, o3, c2), slices.Concat(c1, c3, o2),
		slices.Concat(c1, o3, o2), slices.Concat(o1, c3, o2), slices.Concat(o1, o3, c2),
	}
}

// badPoints returns c with a C1 that is not on the curve or not in canonical
// form, and as the last with -C1, which is both.
func badPoints(c []byte) (list [][]byte) {
	p := sm2.Curve().Params().P
	x, y := new(big.Int).SetBytes(c[1:33]), new(big.Int).SetBytes(c[33:65])
	zero, one, most := new(big.Int), big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	most.Sub(most, one)
	for _, xy := range [][2]*big.Int{
		{zero, zero}, {zero, y}, {x, zero}, {zero, one}, {one, one}, {p, zero}, {zero, p}, {p, p},
		{p, y}, {x, p}, {most, y}, {x, most}, {most, most}, {new(big.Int).Sub(p, x), y},
		{y, x}, {x, x}, {y, y}, {x, new(big.Int).Sub(p, y)},
	} {
		point := sm2PointBytes(xy[0], xy[1])
		list = append(list, slices.Concat(point[:], c[65:]))
	}
	return list
}

// checkSM2Points wants no key of a point off the curve, and no plaintext where C1
// is one. The ciphertexts are sound but for that: a key that takes them tells,
// with C1 of small order, its remainder modulo that order.
func checkSM2Points(p gm.Provider) error {
	k, err := sm2EdgeKeys[0].pair(p)
	if err != nil {
		return err
	}
	guarded, err := sm2.NewPrivateKey(p, unhex(sm2EdgeKeys[0].private))
	if err != nil {
		return err
	}
	points := badPoints(sm2Public[:])
	for _, b := range points[:len(points)-1] {
		point := [65]byte(b)
		if _, err := sm2.NewPublicKey(p, point[:]); !errors.Is(err, sm2.ErrInvalidKey) {
			return fmt.Errorf("public key %x: got %v", point, err)
		}
		c := sealToOne(p, point, pattern(40))
		if m, err := guarded.Decrypt(c); err != sm2.ErrInvalidCiphertext || m != nil {
			return fmt.Errorf("C1 = %x: got %x, %v", point, m, err)
		}
		if inField(point) {
			if err := refuses(k, c); err != nil {
				return fmt.Errorf("C1 = %x: %w", point, err)
			}
		}
	}
	return checkSM2Canonical(p, guarded)
}

// inField reports whether both coordinates of a point are below p.
func inField(point [65]byte) bool {
	p := sm2.Curve().Params().P
	return new(big.Int).SetBytes(point[1:33]).Cmp(p) < 0 && new(big.Int).SetBytes(point[33:]).Cmp(p) < 0
}

// checkSM2Canonical decrypts with the private key 1 what has x for C1's first
// coordinate, and wants the same refused with x + p.
func checkSM2Canonical(p gm.Provider, one *sm2.PrivateKey) error {
	x := new(big.Int)
	for sm2Y(x) == nil {
		x.Add(x, big.NewInt(1))
	}
	y := sm2Y(x)
	c := sealToOne(p, sm2PointBytes(x, y), pattern(40))
	m, err := one.Decrypt(c)
	if err := errors.Join(err, equal("decrypted", m, pattern(40))); err != nil {
		return err
	}
	point := sm2PointBytes(x.Add(x, sm2.Curve().Params().P), y)
	if _, err := sm2.NewPublicKey(p, point[:]); !errors.Is(err, sm2.ErrInvalidKey) {
		return fmt.Errorf("public key %x: got %v", point, err)
	}
	for _, c := range [][]byte{slices.Concat(point[:], c[65:]), sealToOne(p, point, pattern(40))} {
		if m, err := one.Decrypt(c); err != sm2.ErrInvalidCiphertext || m != nil {
			return fmt.Errorf("C1 = %x: got %x, %v", point, m, err)
		}
	}
	return nil
}
