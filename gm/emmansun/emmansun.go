// Package emmansun offers github.com/emmansun/gmsm to kms, in place of
// [gm.Default]:
//
//	kms.Open(ctx, store, root, &kms.Options{GM: emmansun.Provider()})
//
// Keys, ciphertexts and signatures of either are those of the other, so a
// service may change from one to the other at any time.
//
// Choose this one where SM2, SM3 or SM4 carry your load, or where others can
// measure how long you take. Its SM2 is written to run in constant time; gm.Default
// hides keys in random factors instead. SM4-GCM is two to six times as fast, SM2
// ten to forty times, with assembly for the usual processors. It is maintained,
// and under the MIT licence.
//
// Choose gm.Default where no further module may be required. It is made of
// github.com/tjfoc/gmsm, which has had no release since 2021 and is under the
// Apache licence 2.0, and of guards of this module's own.
package emmansun

import (
	"crypto/cipher"
	"crypto/fips140"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"github.com/embedkms/kms/gm"
)

// Provider returns SM2 (GB/T 32918), SM3 (GB/T 32905) and SM4 (GB/T 32907) of
// github.com/emmansun/gmsm.
//
// Where [fips140.Enforced] is true, every constructor that can return an error
// returns one that wraps [gm.ErrUnsupportedAlgorithm], as those of [gm.Default]
// do.
func Provider() gm.Provider { return provider{} }

type provider struct{}

var _ gm.Provider = provider{}

func (provider) Name() string { return "emmansun/gmsm" }

func (provider) NewSM3() hash.Hash { return sm3.New() }

func (provider) NewSM4(key *[16]byte) (cipher.Block, error) {
	if err := allowed("SM4"); err != nil {
		return nil, err
	}
	return sm4.NewCipher(key[:])
}

// NewSM4GCM needs no pool of ciphers: a cipher holds its round keys and works in
// memory of each call. The standard library hands it the whole mode, which it
// has in assembly.
func (provider) NewSM4GCM(key *[16]byte) (cipher.AEAD, error) {
	if err := allowed("SM4-GCM"); err != nil {
		return nil, err
	}
	block, err := sm4.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// allowed returns an error for algorithm where FIPS 140-3 mode is enforced: no
// GM algorithm is approved.
func allowed(algorithm string) error {
	if fips140.Enforced() {
		return fmt.Errorf("%s: %w: FIPS 140-3 mode forbids it", algorithm, gm.ErrUnsupportedAlgorithm)
	}
	return nil
}
