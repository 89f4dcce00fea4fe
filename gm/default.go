package gm

import (
	"crypto/cipher"
	"crypto/fips140"
	"fmt"
	"hash"
)

// Default returns SM2 (GB/T 32918), SM3 (GB/T 32905) and SM4 (GB/T 32907) of
// github.com/tjfoc/gmsm behind guards:
//
//   - SM3 has a Sum that appends and a Write of any length on any platform;
//   - an SM4 block cipher panics for short buffers, as others do;
//   - SM4-GCM is the standard library's GCM over block ciphers of which no two
//     goroutines ever share one;
//   - SM2 uses tjfoc's curve and nothing else of its SM2. Points off the curve are
//     refused, what does not authenticate yields no plaintext, and private keys
//     meet arithmetic as random factors only, because it does not run in constant
//     time. That costs: about 2 ms a decryption.
//
// Where [fips140.Enforced] is true, every constructor that can return an error
// returns one that wraps [ErrUnsupportedAlgorithm]. NewSM3 cannot: whoever uses
// it refuses before.
func Default() Provider { return tjfoc{} }

type tjfoc struct{}

var _ Provider = tjfoc{}

func (tjfoc) Name() string { return "tjfoc/gmsm" }

func (tjfoc) NewSM3() hash.Hash { return newSM3() }

func (tjfoc) NewSM4(key *[16]byte) (cipher.Block, error) {
	if err := allowed("SM4"); err != nil {
		return nil, err
	}
	return newSM4(key), nil
}

func (tjfoc) NewSM4GCM(key *[16]byte) (cipher.AEAD, error) {
	if err := allowed("SM4-GCM"); err != nil {
		return nil, err
	}
	return newSM4GCM(key), nil
}

func (tjfoc) SM2Private(d *[32]byte) (SM2Private, error) {
	if err := allowed("SM2"); err != nil {
		return nil, err
	}
	key, err := newSM2Private(d)
	if err != nil {
		return nil, err
	}
	return key, nil
}

func (tjfoc) SM2Public(p *[65]byte) (SM2Public, error) {
	if err := allowed("SM2"); err != nil {
		return nil, err
	}
	key, err := newSM2Public(p)
	if err != nil {
		return nil, err
	}
	return key, nil
}

// allowed returns an error for algorithm where FIPS 140-3 mode is enforced. No
// GM algorithm is approved, and code from outside the standard library would run
// there unnoticed.
func allowed(algorithm string) error {
	if fips140.Enforced() {
		return fmt.Errorf("%s: %w: FIPS 140-3 mode forbids it", algorithm, ErrUnsupportedAlgorithm)
	}
	return nil
}
