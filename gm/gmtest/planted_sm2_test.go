package gmtest

import (
	"bytes"
	"crypto/elliptic"
	"errors"
	"math/big"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/tjfoc/gmsm/sm2"

	"github.com/embedkms/kms/gm"
)

// Each bug of an SM2 key, and the case that is there to catch it.
func TestPlantedSM2(t *testing.T) {
	skipEnforced(t)
	for _, bug := range []struct {
		name    string
		planted planted
		cases   []string
	}{
		{"SM2 is refused", planted{private: refusedKey}, []string{"SM2 keys", "concurrent use"}},
		{"d = 1 is refused", planted{private: pickyKey}, []string{"SM2 keys"}},
		{"another point", planted{private: strangeKey}, []string{"SM2 keys"}},
		{"private key is kept", planted{private: keepingKey}, []string{"SM2 key bytes"}},
		{"public key is kept", planted{public: keepingPoint}, []string{"SM2 key bytes"}},
		{"C3 and C2 change places", planted{private: oldKey, public: oldPoint}, []string{"SM2 vectors"}},
		{"long plaintext is cut", planted{public: cuttingPoint}, []string{"SM2 lengths"}},
		{"coordinates are not padded", planted{private: unpaddedKey}, []string{"SM2 leading zeros"}},
		{"zero keystream is taken", planted{private: zeroKey}, []string{"SM2 zero keystream"}},
		{"buffer is shared", planted{private: sharedKey}, []string{"SM2 buffers"}},
		{"plaintext is wiped", planted{public: wipingPoint}, []string{"SM2 buffers"}},
		{"ciphertext is wiped", planted{private: wipingKey}, []string{"SM2 buffers"}},
		{"C3 is not compared", planted{private: forgivingKey}, []string{"SM2 tampering"}},
		{"plaintext with the error", planted{private: unguardedKey}, []string{"SM2 tampering"}},
		{"a cut ciphertext panics", planted{private: panickingKey}, []string{"SM2 tampering"}},
		{"C1 is not checked", planted{private: unguardedKey}, []string{"SM2 invalid points"}},
		{"everything verifies", planted{public: credulousPoint},
			[]string{"SM2 signatures", "SM2 edge signatures"}},
		{"nothing is compared but r", planted{public: halfPoint}, []string{"SM2 signatures"}},
		{"sums are not guarded", planted{public: unguardedPoint}, []string{"SM2 edge signatures"}},
		{"state is shared", planted{private: hastyKey}, []string{"SM2 concurrency"}},
		{"k of a ciphertext is fixed", planted{public: fixedPoint}, []string{"SM2 random numbers"}},
		{"k of a signature is fixed", planted{private: fixedKey}, []string{"SM2 random numbers"}},
		{"k of a signature has 64 bits", planted{private: nonceKey(shortNonce)},
			[]string{"SM2 random numbers"}},
		{"k of a signature is a counter", planted{private: nonceKey(countedNonces())},
			[]string{"SM2 random numbers"}},
		{"k of a signature is one of 16", planted{private: nonceKey(sixteenNonces())},
			[]string{"SM2 random numbers"}},
		{"C1 is one of 8", planted{public: eightPoint}, []string{"SM2 random numbers"}},
		{"another keystream beyond 64 bytes",
			planted{private: alteredKey(otherKeystream), public: alteredPoint(otherKeystream)},
			[]string{"SM2 lengths"}},
		{"another C3 beyond 64 bytes",
			planted{private: alteredKey(otherC3), public: alteredPoint(otherC3)},
			[]string{"SM2 lengths"}},
		{"e is not reduced", planted{private: unreducedKey}, []string{"SM2 corner digests"}},
		{"a bit of e is not seen", planted{public: roundPoint}, []string{"SM2 signatures"}},
		{"s is not padded", planted{private: shortKey}, []string{"SM2 short signatures"}},
		{"a forgery verifies beside a signature", planted{public: hastyPoint},
			[]string{"SM2 concurrency"}},
	} {
		bug.planted.Provider = gm.Default()
		for _, name := range bug.cases {
			if err := find(t, name).check(bug.planted); err == nil {
				t.Errorf("%s: case %q passes", bug.name, name)
			}
		}
	}
}

// panickingKey panics for what is shorter than any that a sound caller has.
func panickingKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		if len(c) == 97+2 {
			panic("index out of range")
		}
		return sound.Decrypt(c)
	}}, nil
}

// A badKey is a sound private key with what is set here in its stead.
type badKey struct {
	gm.SM2Private
	public  func() [65]byte
	decrypt func(c []byte) ([]byte, error)
	sign    func(e *[32]byte) ([64]byte, error)
}

func (k badKey) Public() [65]byte {
	if k.public != nil {
		return k.public()
	}
	return k.SM2Private.Public()
}

func (k badKey) Decrypt(c []byte) ([]byte, error) {
	if k.decrypt != nil {
		return k.decrypt(c)
	}
	return k.SM2Private.Decrypt(c)
}

func (k badKey) SignDigest(e *[32]byte) ([64]byte, error) {
	if k.sign != nil {
		return k.sign(e)
	}
	return k.SM2Private.SignDigest(e)
}

// A badPoint is a sound public key with what is set here in its stead.
type badPoint struct {
	gm.SM2Public
	encrypt func(m []byte) ([]byte, error)
	verify  func(e *[32]byte, rs *[64]byte) bool
}

func (p badPoint) Encrypt(m []byte) ([]byte, error) {
	if p.encrypt != nil {
		return p.encrypt(m)
	}
	return p.SM2Public.Encrypt(m)
}

func (p badPoint) VerifyDigest(e *[32]byte, rs *[64]byte) bool {
	if p.verify != nil {
		return p.verify(e, rs)
	}
	return p.SM2Public.VerifyDigest(e, rs)
}

func refusedKey(*[32]byte, gm.SM2Private) (gm.SM2Private, error) {
	return nil, gm.ErrUnsupportedAlgorithm
}

func pickyKey(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	if d[31] == 1 {
		return nil, errors.New("too small")
	}
	return sound, nil
}

func strangeKey(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, public: func() [65]byte {
		point := sound.Public()
		point[64] ^= byte(1 - d[31]&1) // of even keys
		return point
	}}, nil
}

// keepingKey makes its key again for each signature.
func keepingKey(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, sign: func(e *[32]byte) ([64]byte, error) {
		key, err := gm.Default().SM2Private(d)
		if err != nil {
			return [64]byte{}, err
		}
		return key.SignDigest(e)
	}}, nil
}

func keepingPoint(q *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
		point, err := gm.Default().SM2Public(q)
		if err != nil {
			return nil, err
		}
		return point.Encrypt(m)
	}}
}

// oldKey and oldPoint have C1 ‖ C2 ‖ C3, as the first edition of the standard.
func oldKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		n := len(c) - 32
		return sound.Decrypt(slices.Concat(c[:65], c[n:], c[65:n]))
	}}, nil
}

func oldPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
		c, err := sound.Encrypt(m)
		return slices.Concat(c[:65], c[97:], c[65:97]), err
	}}
}

func cuttingPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
		return sound.Encrypt(m[:min(len(m), 1000)])
	}}
}

// unpaddedKey fails as one does that hashes a coordinate without its zeros.
func unpaddedKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		if c[33] == 0 {
			return nil, errors.New("C3 is another")
		}
		return sound.Decrypt(c)
	}}, nil
}

func zeroKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		if m, err := sound.Decrypt(c); err == nil {
			return m, nil
		}
		return c[97:], nil
	}}, nil
}

func sharedKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	buf := make([]byte, 0, 1024)
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		m, err := sound.Decrypt(c)
		return append(buf, m...), err
	}}, nil
}

// hastyKey decrypts what it was given last, which between two calls at once is
// what the other was given. The race detector has nothing to say of it.
func hastyKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	var last atomic.Pointer[[]byte]
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		last.Store(&c)
		runtime.Gosched()
		return sound.Decrypt(*last.Load())
	}}, nil
}

func wipingKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		defer clear(c)
		return sound.Decrypt(c)
	}}, nil
}

func wipingPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
		defer clear(m)
		return sound.Encrypt(m)
	}}
}

// unguardedKey is tjfoc's own decryption.
func unguardedKey(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	key := &sm2.PrivateKey{D: new(big.Int).SetBytes(d[:])}
	key.Curve = sm2.P256Sm2()
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		return sm2.Decrypt(key, c, sm2.C1C3C2)
	}}, nil
}

func forgivingKey(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	key, _ := unguardedKey(d, sound)
	return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
		m, _ := key.Decrypt(c)
		return m, nil
	}}, nil
}

func credulousPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	return badPoint{SM2Public: sound, verify: func(*[32]byte, *[64]byte) bool { return true }}
}

// halfPoint takes any s with an r that it has seen.
func halfPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	seen := make(map[string]bool)
	return badPoint{SM2Public: sound, verify: func(e *[32]byte, rs *[64]byte) bool {
		seen[string(rs[:32])] = seen[string(rs[:32])] || sound.VerifyDigest(e, rs)
		return seen[string(rs[:32])]
	}}
}

// unguardedPoint verifies on tjfoc's curve, as its own verification does.
func unguardedPoint(q *[65]byte, sound gm.SM2Public) gm.SM2Public {
	var curve interface {
		Params() *elliptic.CurveParams
		Add(x1, y1, x2, y2 *big.Int) (x, y *big.Int)
		ScalarMult(x1, y1 *big.Int, k []byte) (x, y *big.Int)
		ScalarBaseMult(k []byte) (x, y *big.Int)
	} = sm2.P256Sm2()
	n := curve.Params().N
	px, py := new(big.Int).SetBytes(q[1:33]), new(big.Int).SetBytes(q[33:])
	return badPoint{SM2Public: sound, verify: func(e *[32]byte, rs *[64]byte) bool {
		r, t := new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])
		t.Add(t, r).Mod(t, n)
		x1, y1 := curve.ScalarBaseMult(rs[32:])
		x2, y2 := curve.ScalarMult(px, py, t.FillBytes(make([]byte, 32)))
		x, _ := curve.Add(x1, y1, x2, y2)
		x.Add(x, new(big.Int).SetBytes(e[:])).Mod(x, n)
		return t.Sign() != 0 && x.Cmp(r) == 0
	}}
}

func fixedPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	made := make(map[string][]byte)
	return badPoint{SM2Public: sound, encrypt: func(m []byte) (c []byte, err error) {
		if made[string(m)] == nil {
			made[string(m)], err = sound.Encrypt(m)
		}
		return bytes.Clone(made[string(m)]), err
	}}
}

func fixedKey(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
	made := make(map[[32]byte][64]byte)
	return badKey{SM2Private: sound, sign: func(e *[32]byte) (rs [64]byte, err error) {
		if _, ok := made[*e]; !ok {
			made[*e], err = sound.SignDigest(e)
		}
		return made[*e], err
	}}, nil
}
