package gmtest

import (
	"math/big"
	"runtime"
	"sync/atomic"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// nonceKey signs with the random numbers that next returns.
func nonceKey(next func() *big.Int) func(*[32]byte, gm.SM2Private) (gm.SM2Private, error) {
	return func(key *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
		d := new(big.Int).SetBytes(key[:])
		return badKey{SM2Private: sound, sign: func(e *[32]byte) ([64]byte, error) {
			return signWith(next(), d, e), nil
		}}, nil
	}
}

// signWith returns the signature by d with the random number k.
func signWith(k, d *big.Int, e *[32]byte) (rs [64]byte) {
	n := sm2.Curve().Params().N
	r, _ := sm2Generic.ScalarBaseMult(k.Bytes())
	r.Add(r, new(big.Int).SetBytes(e[:])).Mod(r, n)
	s := new(big.Int).Mul(r, d)
	s.Sub(k, s)
	inverse := new(big.Int).Add(d, big.NewInt(1))
	s.Mul(s, inverse.ModInverse(inverse, n)).Mod(s, n)
	r.FillBytes(rs[:32])
	s.FillBytes(rs[32:])
	return rs
}

func randomNonce() *big.Int {
	k := sm2.GenerateKey()
	return new(big.Int).SetBytes(k[:])
}

// shortNonce returns a number of 64 bits.
func shortNonce() *big.Int {
	k := randomNonce()
	return k.Rsh(k, 192)
}

// countedNonces returns a counter.
func countedNonces() func() *big.Int {
	k := randomNonce()
	return func() *big.Int {
		k = new(big.Int).Add(k, big.NewInt(1))
		return k
	}
}

// sixteenNonces returns sixteen numbers in turn.
func sixteenNonces() func() *big.Int {
	var ks [16]*big.Int
	for i := range ks {
		ks[i] = randomNonce()
	}
	i := 0
	return func() *big.Int {
		i++
		return ks[i%len(ks)]
	}
}

// unreducedKey is wrong where e is not below n.
func unreducedKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	n := sm2.Curve().Params().N
	return badKey{SM2Private: sound, sign: func(e *[32]byte) ([64]byte, error) {
		other := *e
		if new(big.Int).SetBytes(e[:]).Cmp(n) >= 0 {
			other[31] ^= 1
		}
		return sound.SignDigest(&other)
	}}, nil
}

// shortKey does not pad s.
func shortKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, sign: func(e *[32]byte) ([64]byte, error) {
		rs, err := sound.SignDigest(e)
		s := new(big.Int).SetBytes(rs[32:]).Bytes()
		clear(rs[32:])
		copy(rs[32:], s)
		return rs, err
	}}, nil
}

// roundPoint does not see the lowest bit of e.
func roundPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, verify: func(e *[32]byte, rs *[64]byte) bool {
		other := *e
		other[31] ^= 1
		return sound.VerifyDigest(e, rs) || sound.VerifyDigest(&other, rs)
	}}
}

// hastyPoint verifies what it was given last, as hastyKey decrypts.
func hastyPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	type signed struct {
		e  *[32]byte
		rs *[64]byte
	}
	var last atomic.Pointer[signed]
	return badPoint{SM2Public: sound, verify: func(e *[32]byte, rs *[64]byte) bool {
		last.Store(&signed{e, rs})
		runtime.Gosched()
		given := last.Load()
		return sound.VerifyDigest(given.e, given.rs)
	}}
}
