package gm

import (
	"errors"
	"math/big"
)

// sm2Tries is how often a random scalar is drawn before an operation gives up.
// One draw in 256 is refused for the encryption of a single byte, and next to
// none elsewhere, so 64 run out only where something is broken.
const sm2Tries = 64

var (
	errSM2Private = errors.New("SM2: the private key is out of range")
	errSM2Point   = errors.New("SM2: the point is not on the curve")
	errSM2Decrypt = errors.New("SM2: the ciphertext does not decrypt")
	errSM2Random  = errors.New("SM2: no random number will do")
)

// An sm2Private is an SM2 private key d. Both secrets are captured variables
// rather than fields, so that no print of the key shows them.
type sm2Private struct {
	public  [65]byte
	d       sm2Secret
	inverse sm2Secret // (1+d)⁻¹, which signatures are made with
}

// newSM2Private reads d and does not keep it. To d as it is, two things happen:
// it is compared, and it is multiplied by random numbers. Whatever else is
// computed here and later sees the products, also the inverse of 1+d.
func newSM2Private(d *[32]byte) (*sm2Private, error) {
	key := new(big.Int).SetBytes(d[:])
	if key.Sign() == 0 || key.Cmp(new(big.Int).Sub(sm2N, big.NewInt(1))) >= 0 {
		return nil, errSM2Private
	}
	// The product takes longer the more words there are. d+2n has the same
	// number of them for every d.
	key.Add(key, sm2N).Add(key, sm2N)
	w := randomScalar()
	k := &sm2Private{d: newSM2Secret(inverse(w), mulMod(key, w))}
	w = randomScalar()
	k.inverse = newSM2Secret(w, inverse(mulMod(key.Add(key, big.NewInt(1)), w)))
	clear(key.Bits())

	a, b := k.d()
	public, err := baseMult(a)
	if err == nil {
		public, err = public.mult(b)
	}
	if err != nil {
		return nil, err
	}
	k.public = public.bytes()
	return k, nil
}

func (k *sm2Private) Public() [65]byte { return k.public }

// An sm2Public is an SM2 public key.
type sm2Public struct{ point sm2Point }

func newSM2Public(p *[65]byte) (*sm2Public, error) {
	point, err := parseSM2Point(p[:])
	if err != nil {
		return nil, err
	}
	return &sm2Public{point}, nil
}

// An sm2Secret is a number modulo n as two factors: their product is the
// number, while each on its own is uniformly random and tells nothing of it.
// Every call returns another two.
//
// The arithmetic of math/big, and tjfoc's multiplication of any point but the
// base, take as long as their operands make them take, and nothing here can make
// their time constant. So that it tells nothing of a key, they are given such
// factors instead, and no two operations get the same. What they leave in memory
// are factors too; it cannot be wiped.
type sm2Secret func() (a, b *big.Int)

// newSM2Secret returns the secret u·v mod n and keeps u and v.
func newSM2Secret(u, v *big.Int) sm2Secret {
	return func() (a, b *big.Int) {
		w := randomScalar()
		return mulMod(u, w), mulMod(v, inverse(w))
	}
}
