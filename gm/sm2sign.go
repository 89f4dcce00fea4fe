package gm

import "math/big"

// SignDigest signs as GB/T 32918.2, 6.1, says: r = e + x of [k]G, and
// s = (1+d)⁻¹·(k - r·d), which is the same as (1+d)⁻¹·(k + r) - r and so needs
// one secret only. A few bits of k in many signatures would give d away, and the
// multiplication is faster for some k. So k is there as two random summands only,
// of which neither tells anything of k: each is multiplied on its own.
func (k *sm2Private) SignDigest(e *[32]byte) ([64]byte, error) {
	for range sm2Tries {
		k1, k2 := randomScalar(), randomScalar()
		point, err := baseMultSum(k1, k2)
		if err != nil {
			return [64]byte{}, err
		}
		r := addMod(new(big.Int).SetBytes(e[:]), point.x)
		a, b := k.inverse()
		sum := addMod(addMod(mulMod(a, k1), mulMod(a, k2)), mulMod(a, r)) // a·(k+r)
		if r.Sign() == 0 || sum.Sign() == 0 {
			continue // either would give d away
		}
		s := mulMod(sum, b)
		if s.Sub(s, r).Mod(s, sm2N).Sign() == 0 {
			continue // no signature has s = 0
		}
		var rs [64]byte
		r.FillBytes(rs[:32])
		s.FillBytes(rs[32:])
		return rs, nil
	}
	return [64]byte{}, errSM2Random
}

// baseMultSum returns [a+b]G without computing a+b.
func baseMultSum(a, b *big.Int) (sm2Point, error) {
	aG, err := baseMult(a)
	if err != nil {
		return sm2Point{}, err
	}
	bG, err := baseMult(b)
	if err != nil {
		return sm2Point{}, err
	}
	return aG.add(bG)
}

// VerifyDigest verifies as GB/T 32918.2, 7.1, says: r = e + x of [s]G + [t]P, of
// which t = r + s. It knows nothing secret.
func (p *sm2Public) VerifyDigest(e *[32]byte, rs *[64]byte) bool {
	r, s := new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])
	if !inGroup(r) || !inGroup(s) {
		return false
	}
	t := addMod(r, s)
	if t.Sign() == 0 {
		return false
	}
	sG, err := baseMult(s)
	if err != nil {
		return false
	}
	tP, err := p.point.mult(t)
	if err != nil {
		return false
	}
	sum, err := sG.add(tP)
	return err == nil && addMod(new(big.Int).SetBytes(e[:]), sum.x).Cmp(r) == 0
}

func addMod(a, b *big.Int) *big.Int {
	c := new(big.Int).Add(a, b)
	return c.Mod(c, sm2N)
}
