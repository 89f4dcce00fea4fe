package gm

import "math/big"

// SignDigest signs as GB/T 32918.2, 6.1, says: r = e + x of [k]G, and
// s = (1+d)⁻¹·(k - r·d), which is the same as (1+d)⁻¹·(k + r) - r and so needs
// one secret only. A few bits of k in many signatures would give d away: k is
// uniform, and [k]G reads all of its tables.
func (k *sm2Private) SignDigest(e *[32]byte) ([64]byte, error) {
	for range sm2Tries {
		nonce := randomScalar()
		point, err := baseMult(nonce)
		if err != nil {
			return [64]byte{}, err
		}
		r := addMod(new(big.Int).SetBytes(e[:]), point.x)
		sum := addMod(nonce, r)
		if r.Sign() == 0 || sum.Sign() == 0 {
			continue // either would give d away
		}
		a, b := k.inverse()
		s := mulMod(mulMod(sum, a), b)
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
