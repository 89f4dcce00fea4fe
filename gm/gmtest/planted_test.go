package gmtest

import (
	"crypto/cipher"
	"crypto/fips140"
	"hash"
	"testing"

	"github.com/tjfoc/gmsm/sm3"
	"github.com/tjfoc/gmsm/sm4"

	"github.com/embedkms/kms/gm"
)

// A planted provider is a sound one with what is set here in its stead.
type planted struct {
	gm.Provider
	sm3 func() hash.Hash
	sm4 func(key *[16]byte) cipher.Block
	gcm func(key *[16]byte, sound cipher.AEAD) cipher.AEAD

	private func(d *[32]byte, sound gm.SM2Private) (gm.SM2Private, error)
	public  func(q *[65]byte, sound gm.SM2Public) gm.SM2Public
}

func (p planted) NewSM3() hash.Hash {
	if p.sm3 != nil {
		return p.sm3()
	}
	return p.Provider.NewSM3()
}

func (p planted) NewSM4(key *[16]byte) (cipher.Block, error) {
	if p.sm4 != nil {
		return p.sm4(key), nil
	}
	return p.Provider.NewSM4(key)
}

func (p planted) NewSM4GCM(key *[16]byte) (cipher.AEAD, error) {
	sound, err := p.Provider.NewSM4GCM(key)
	if p.gcm != nil && err == nil {
		return p.gcm(key, sound), nil
	}
	return sound, err
}

func (p planted) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	sound, err := p.Provider.SM2Private(d)
	if p.private != nil && err == nil {
		return p.private(d, sound)
	}
	return sound, err
}

func (p planted) SM2Public(q *[65]byte) (gm.SM2Public, error) {
	sound, err := p.Provider.SM2Public(q)
	if p.public != nil && err == nil {
		return p.public(q, sound), nil
	}
	return sound, err
}

// Each bug, and the cases that are there to catch it.
func TestPlantedBugs(t *testing.T) {
	skipEnforced(t)
	for _, bug := range []struct {
		name    string
		planted planted
		cases   []string
	}{
		{"Sum hashes its argument", planted{sm3: sm3.New}, []string{"SM3 Sum", "HMAC-SM3"}},
		{"zero value for a hash", planted{sm3: zeroSM3}, []string{"SM3 vectors"}},
		{"Reset does nothing", planted{sm3: stickySM3}, []string{"SM3 Reset", "HMAC-SM3"}},
		{"short buffers are truncated", planted{sm4: unguardedSM4}, []string{"SM4 short buffers"}},
		{"block keeps the key", planted{sm4: keepingBlock}, []string{"SM4 key"}},
		{"AEAD keeps the key", planted{gcm: keepingGCM}, []string{"SM4-GCM key"}},
		{"tag is not compared", planted{gcm: forgivingGCM}, []string{"SM4-GCM tampering"}},
		{"plaintext with the error", planted{gcm: leakingGCM}, []string{"SM4-GCM tampering"}},
	} {
		bug.planted.Provider = gm.Default()
		for _, name := range bug.cases {
			if err := find(t, name).check(bug.planted); err == nil {
				t.Errorf("%s: case %q passes", bug.name, name)
			}
		}
	}
}

// find returns the case of that name.
func find(t *testing.T, name string) testCase {
	for _, c := range cases {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no case is called %q", name)
	panic("unreachable")
}

func zeroSM3() hash.Hash { return new(sm3.SM3) }

type stickyHash struct{ hash.Hash }

func stickySM3() hash.Hash { return stickyHash{gm.Default().NewSM3()} }

func (stickyHash) Reset() {}

func unguardedSM4(key *[16]byte) cipher.Block {
	block, err := sm4.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	return block
}

// unguardedGCM shares one block between all who call the AEAD.
func unguardedGCM(key *[16]byte, _ cipher.AEAD) cipher.AEAD {
	aead, err := cipher.NewGCM(unguardedSM4(key))
	if err != nil {
		panic(err)
	}
	return aead
}

type keyKeeper struct{ key *[16]byte }

func keepingBlock(key *[16]byte) cipher.Block { return keyKeeper{key} }

func (k keyKeeper) BlockSize() int          { return 16 }
func (k keyKeeper) Encrypt(dst, src []byte) { unguardedSM4(k.key).Encrypt(dst, src) }
func (k keyKeeper) Decrypt(dst, src []byte) { unguardedSM4(k.key).Decrypt(dst, src) }

func keepingGCM(key *[16]byte, _ cipher.AEAD) cipher.AEAD {
	aead, err := cipher.NewGCM(keyKeeper{key})
	if err != nil {
		panic(err)
	}
	return aead
}

// A badAEAD hands out something where a sound one would not.
type badAEAD struct {
	cipher.AEAD
	plaintext []byte
	forgive   bool
}

func forgivingGCM(_ *[16]byte, sound cipher.AEAD) cipher.AEAD {
	return badAEAD{sound, nil, true}
}

func leakingGCM(_ *[16]byte, sound cipher.AEAD) cipher.AEAD {
	return badAEAD{sound, gcmPlaintext, false}
}

func (a badAEAD) Open(dst, nonce, sealed, aad []byte) ([]byte, error) {
	opened, err := a.AEAD.Open(dst, nonce, sealed, aad)
	if err == nil || a.forgive {
		return opened, nil
	}
	return a.plaintext, err
}

func skipEnforced(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("FIPS 140-3 mode is enforced")
	}
}
