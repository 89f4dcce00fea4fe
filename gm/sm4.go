package gm

import (
	"crypto/cipher"
	"crypto/fips140"
	"sync"

	"github.com/tjfoc/gmsm/sm4"
)

// An sm4Block is SM4 (GB/T 32907) for one goroutine at a time: tjfoc's cipher
// works in memory of its own, so two calls at once give wrong blocks without an
// error. That memory and the round keys, from which the key follows, cannot be
// wiped.
type sm4Block struct{ block cipher.Block }

// newSM4 returns SM4 under key, which it reads and does not keep.
func newSM4(key *[16]byte) sm4Block {
	block, err := sm4.NewCipher(key[:])
	if err != nil {
		panic("gm: " + err.Error()) // only for another key size
	}
	return sm4Block{block}
}

func (b sm4Block) BlockSize() int { return sm4.BlockSize }

func (b sm4Block) Encrypt(dst, src []byte) {
	checkBlock(dst, src)
	b.block.Encrypt(dst, src)
}

func (b sm4Block) Decrypt(dst, src []byte) {
	checkBlock(dst, src)
	b.block.Decrypt(dst, src)
}

// checkBlock panics for less than a block, as the ciphers of the standard
// library do. tjfoc's drops what does not fit into dst, and the loss shows only
// when nothing decrypts.
func checkBlock(dst, src []byte) {
	if len(src) < sm4.BlockSize {
		panic("gm: SM4 input not full block")
	}
	if len(dst) < sm4.BlockSize {
		panic("gm: SM4 output not full block")
	}
}

// An sm4GCM is SM4-GCM (RFC 8998) that is safe for concurrent use: each call
// takes an AEAD, and with it a block cipher, that is nobody else's until the
// call returns.
type sm4GCM struct{ aeads sync.Pool }

// newSM4GCM copies key, because the pool needs it whenever more calls run at
// once than before, or the garbage collector has emptied it. The copy lives as
// long as the AEAD and cannot be wiped. It is a captured variable rather than a
// field, so that no print of the AEAD shows it.
func newSM4GCM(key *[16]byte) *sm4GCM {
	k := *key
	return &sm4GCM{sync.Pool{New: func() any { return newExclusiveGCM(&k) }}}
}

// newExclusiveGCM returns SM4-GCM for one goroutine at a time.
func newExclusiveGCM(key *[16]byte) (aead cipher.AEAD) {
	block := newSM4(key)
	// Whether FIPS 140-3 mode allows SM4-GCM was decided when the sm4GCM was
	// made. As with the AEADs of the standard library, one that was made works.
	fips140.WithoutEnforcement(func() {
		var err error
		if aead, err = cipher.NewGCM(block); err != nil {
			panic("gm: " + err.Error()) // only for another block size
		}
	})
	return aead
}

func (*sm4GCM) NonceSize() int { return 12 }

func (*sm4GCM) Overhead() int { return 16 }

// Seal panics for a nonce of another length than 12 bytes.
func (g *sm4GCM) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	aead := g.aeads.Get().(cipher.AEAD)
	defer g.aeads.Put(aead)
	return aead.Seal(dst, nonce, plaintext, additionalData)
}

// Open panics for a nonce of another length than 12 bytes.
func (g *sm4GCM) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	aead := g.aeads.Get().(cipher.AEAD)
	defer g.aeads.Put(aead)
	return aead.Open(dst, nonce, ciphertext, additionalData)
}
