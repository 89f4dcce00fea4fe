package gmtest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
)

// The key pair of GB/T 32918.5-2017, A.2 and C.2.
var (
	sm2Private = [32]byte(unhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
	sm2Public  = [65]byte(unhex("04" +
		"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" +
		"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"))
)

// Private keys at both ends of the range, with few bits set and with many, and
// the points that OpenSSL computes of them.
var sm2EdgeKeys = []sm2EdgeKey{
	{"1", "0000000000000000000000000000000000000000000000000000000000000001",
		"0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7" +
			"bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"},
	{"2", "0000000000000000000000000000000000000000000000000000000000000002",
		"0456cefd60d7c87c000d58ef57fa73ba4d9c0dfa08c08a7331495c2e1da3f2bd52" +
			"31b7e7e6cc8189f668535ce0f8eaf1bd6de84c182f6c8e716f780d3a970a23c3"},
	{"n-17", "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54112",
		"04dd18aa4aec26eac41c993f01115c57f7bf5113ab85b5ed4436969f8b77125e6a" +
			"e9e1a7ad696257ddcc9eb6c089053af093319ffd283f47ad1fe7f2ab2b51ddde"},
	{"one bit", "8000000000000000000000000000000000000000000000000000000000000000",
		"04dcb53eb5b07c0513881158cfe779f44aa3fa4bfbdaeda1eb48bb387a1529db42" +
			"571adb13e629a820f0ab2ad4e5fd9181083d8d22bc54738063d0aca20746e1aa"},
	{"two bits", "8000000000000000000000000000000000000000000000000000000000000001",
		"04c01d18cbc4144cc366e894cd10f9f40cec1169145ee2dbdd33d519b536fcdda7" +
			"7d5430ff60e363a4e51c656afad5821fb8b1c388629df964e84329768aff3418"},
	{"192 bits", "0000000000000000ffffffffffffffffffffffffffffffffffffffffffffffff",
		"04faeacad05ebef231812bb4f0e51b83f40757d5e05be31223621e9640795fd04a" +
			"44828760d514312b29020964164f997363abb34b4a88c3f6ed876ec31500007b"},
	{"255 bits", "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"047dc9d378bfb1db3d0382d2ae294a47f01664f1995f89934dd13a9a6bdc31d6c0" +
			"fbcae0b234ee5e5b22a9b4edb0243ab232202ee9e9e9013be8dd5bb6f38de043"},
	{"zeros below", "fffffffeffffffffffffffffffffffff00000000000000000000000000000000",
		"046533108f5e7b209d62207e37d6653683a5dd69c7e69ab8b2c0045af5b780cb7d" +
			"2c3e4bdb07ff25e356a4098ad3a62412a2c7a3cd1c7e1ec2f27284e88fbc4799"},
}

// An sm2Pair is a private key of a provider, and its public key.
type sm2Pair struct {
	gm.SM2Private
	gm.SM2Public
}

type sm2EdgeKey struct{ name, private, public string }

func (edge sm2EdgeKey) pair(p gm.Provider) (sm2Pair, error) {
	return newSM2Pair(p, [32]byte(unhex(edge.private)), [65]byte(unhex(edge.public)))
}

// newSM2 returns the standard's key pair.
func newSM2(p gm.Provider) (sm2Pair, error) {
	return newSM2Pair(p, sm2Private, sm2Public)
}

// newSM2Pair has p make keys of copies of d and q.
func newSM2Pair(p gm.Provider, d [32]byte, q [65]byte) (sm2Pair, error) {
	private, err1 := p.SM2Private(&d)
	public, err2 := p.SM2Public(&q)
	return sm2Pair{private, public}, errors.Join(err1, err2)
}

// encrypts has the pair's public key encrypt m, and its private key decrypt it.
func (k sm2Pair) encrypts(m []byte) error {
	c, err := k.ciphertext(m)
	if err != nil {
		return err
	}
	return k.decrypts(c, m)
}

// ciphertext has the pair's public key encrypt m.
func (k sm2Pair) ciphertext(m []byte) ([]byte, error) {
	c, err := k.Encrypt(m)
	if err != nil {
		return nil, err
	}
	if len(c) != 97+len(m) || c[0] != 4 {
		return nil, fmt.Errorf("%d bytes are encrypted to %x", len(m), c)
	}
	return c, nil
}

// decrypts wants m of c.
func (k sm2Pair) decrypts(c, m []byte) error {
	got, err := k.Decrypt(c)
	if err != nil {
		return err
	}
	return equal("decrypted", got, m)
}

// signs has the pair's private key sign e, and its public key verify that.
func (k sm2Pair) signs(e [32]byte) error {
	rs, err := k.SignDigest(&e)
	if err != nil {
		return err
	}
	if !k.VerifyDigest(&e, &rs) {
		return fmt.Errorf("signature %x of %x does not verify", rs, e)
	}
	return nil
}

func checkSM2Keys(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	got := k.Public()
	if err := equal("public key", got[:], sm2Public[:]); err != nil {
		return err
	}
	for _, edge := range sm2EdgeKeys {
		k, err := edge.pair(p)
		if err != nil {
			return fmt.Errorf("d = %s: %w", edge.name, err)
		}
		got := k.Public()
		if err := errors.Join(equal("public key", got[:], unhex(edge.public)),
			k.encrypts(pattern(40)), k.signs(sm2Digest)); err != nil {
			return fmt.Errorf("d = %s: %w", edge.name, err)
		}
	}
	return nil
}

// checkSM2KeyBytes changes the bytes that keys were made of before they are used.
func checkSM2KeyBytes(p gm.Provider) error {
	d, q := sm2Private, sm2Public
	private, err := p.SM2Private(&d)
	if err != nil {
		return err
	}
	public, err := p.SM2Public(&q)
	if err != nil {
		return err
	}
	if d != sm2Private || q != sm2Public {
		return fmt.Errorf("afterwards the key is %x, the point %x", d, q)
	}
	clear(d[:])
	clear(q[:])
	k := sm2Pair{private, public}
	if err := errors.Join(vectors(k), k.encrypts(pattern(40)), k.signs(sm2Digest)); err != nil {
		return fmt.Errorf("after the key was wiped: %w", err)
	}
	got := k.Public()
	return equal("public key after the key was wiped", got[:], sm2Public[:])
}

// vectors wants of the standard's key pair what the standard does.
func vectors(k sm2Pair) error {
	m, err := k.Decrypt(bytes.Clone(sm2Ciphertext))
	if err != nil {
		return fmt.Errorf("GB/T 32918.5, C.2: %w", err)
	}
	e, rs := sm2Digest, sm2Signature
	if !k.VerifyDigest(&e, &rs) {
		return errors.New("GB/T 32918.5, A.2: the signature does not verify")
	}
	return equal("GB/T 32918.5, C.2", m, sm2Plaintext)
}

func checkSM2Vectors(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	return vectors(k)
}

// checkSM2Concurrency uses one key pair in eight goroutines, for what is sound and
// for what is not: neither may be taken for the other.
func checkSM2Concurrency(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	return parallel(8, func(goroutine int) error {
		for i := range 4 {
			e := sm2Digest
			e[0], e[1] = byte(goroutine), byte(i)
			if err := errors.Join(vectors(k), k.refusesForgeries(e),
				k.encrypts(pattern(1+20*goroutine+i)), k.signs(e)); err != nil {
				return fmt.Errorf("goroutine %d: %w", goroutine, err)
			}
		}
		return nil
	})
}

// refusesForgeries wants nothing of what the standard's vectors are when they are
// altered: the signature for e, and the ciphertext with another last byte.
func (k sm2Pair) refusesForgeries(e [32]byte) error {
	rs, c := sm2Signature, bytes.Clone(sm2Ciphertext)
	if k.VerifyDigest(&e, &rs) {
		return fmt.Errorf("the standard's signature verifies for %x", e)
	}
	c[len(c)-1] ^= 1
	return refuses(k, c)
}
