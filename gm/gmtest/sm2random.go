package gmtest

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// sm2Generic is the arithmetic of package elliptic. It is slow, and no provider's.
var sm2Generic interface {
	ScalarBaseMult(k []byte) (x, y *big.Int)
} = sm2.Curve()

func checkSM2Random(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	return errors.Join(freshPoints(k), freshNonces(k))
}

// freshPoints wants another C1, which is [k]G, each time. One k in two ciphertexts
// gives away what one says of the other.
func freshPoints(k sm2Pair) error {
	seen := make(map[string]bool)
	for range 64 {
		c, err := k.ciphertext(sm2Plaintext)
		if err != nil {
			return err
		}
		point := string(c[:65])
		if seen[point] {
			return errors.New("two ciphertexts have one C1")
		}
		seen[point] = true
	}
	return nil
}

// freshNonces wants another k each time, whether or not the digest is another, at
// no distance from the one before that was there already, and random bits in it.
// Two signatures with one k give the private key away, and so do two of which the
// distance is known, or a few more of which some bits are.
func freshNonces(k sm2Pair) error {
	var nonces []*big.Int
	seen := make(map[string]bool) // numbers, and their distances
	for i := range 100 {
		e := sm2Digest
		e[0] = byte(max(i, 8))
		rs, err := k.SignDigest(&e)
		if err != nil {
			return err
		}
		nonce, err := sm2Nonce(e, rs)
		if err != nil {
			return err
		}
		fresh := []*big.Int{nonce}
		if i > 0 {
			distance := new(big.Int).Sub(nonce, nonces[i-1])
			fresh = append(fresh, distance.Mod(distance, sm2.Curve().Params().N))
		}
		for _, number := range fresh {
			if seen[number.String()] {
				return errors.New("a random number, or the distance of two, is there twice")
			}
			seen[number.String()] = true
		}
		nonces = append(nonces, nonce)
	}
	return ordinaryBits(nonces)
}

// ordinaryBits wants each bit of a hundred numbers in 10 to 90 of them, and 45 to
// 55 percent of all bits in each 64. That is eight standard deviations on either
// side, and random numbers are beyond it once in 10¹³ runs.
func ordinaryBits(numbers []*big.Int) error {
	for word := 0; word < 256; word += 64 {
		inWord := 0
		for bit := word; bit < word+64; bit++ {
			set := 0
			for _, number := range numbers {
				set += int(number.Bit(bit))
			}
			if set < len(numbers)/10 || set > len(numbers)*9/10 {
				return fmt.Errorf("bit %d is set in %d of %d random numbers", bit, set, len(numbers))
			}
			inWord += set
		}
		if all := 64 * len(numbers); inWord < all*9/20 || inWord > all*11/20 {
			return fmt.Errorf("%d of %d random bits are set, from bit %d on", inWord, all, word)
		}
	}
	return nil
}

// sm2Nonce returns the k that sm2Private signed e with, and an error unless rs is
// a signature: r = e + x of [k]G. It asks no provider.
func sm2Nonce(e [32]byte, rs [64]byte) (*big.Int, error) {
	n := sm2.Curve().Params().N
	d := new(big.Int).SetBytes(sm2Private[:])
	r, s := new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])
	k := new(big.Int).Add(r, s)
	k.Mul(k, d).Add(k, s).Mod(k, n) // s(1+d) + rd
	x, _ := sm2Generic.ScalarBaseMult(k.Bytes())
	x.Add(x, new(big.Int).SetBytes(e[:])).Mod(x, n)
	if !canonical(rs) || k.Sign() == 0 || x.Cmp(r) != 0 {
		return nil, fmt.Errorf("%x is no signature of %x", rs, e)
	}
	return k, nil
}
