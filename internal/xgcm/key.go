package xgcm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/rand"
	"errors"
)

// Overhead is what Seal adds to a plaintext: a nonce of 24 bytes and a tag of 16.
const Overhead = 2*NonceHalf + 16

// A Key seals with XAES-256-GCM under one 32-byte key. Its 192-bit nonces are
// random, so there is no limit on messages that a caller could reach. It is
// safe for concurrent use.
type Key struct{ kdf *KDF }

// NewKey returns the Key of 32 bytes, which it does not keep.
func NewKey(key *[32]byte) *Key {
	block := newAES(key[:])
	if fips140.Enabled() {
		block = cbcBlock{block}
	}
	return &Key{NewKDF(block)}
}

// Session returns the NewGCM of the key derived from n1, NonceHalf bytes. The key
// is derived in kx, 32 bytes, which is clear again afterwards.
func (k *Key) Session(n1, kx []byte) cipher.AEAD {
	k.kdf.Derive(kx, n1)
	aead := NewGCM(kx)
	clear(kx)
	return aead
}

// NewGCM returns AES-256-GCM under a key of 32 bytes, which it does not keep. The
// AEAD draws each message's N2 itself and takes no nonce: what it seals and opens
// is N2 ‖ ciphertext ‖ tag. It is safe for concurrent use.
func NewGCM(key []byte) cipher.AEAD {
	// The one GCM that FIPS 140-3 mode allows, and the one whose nonces
	// cannot be got wrong.
	aead, err := cipher.NewGCMWithRandomNonce(newAES(key))
	if err != nil {
		panic("xgcm: " + err.Error()) // only for a block that is not AES
	}
	return aead
}

// Seal appends nonce ‖ ciphertext ‖ tag to dst and returns it. The appended
// bytes must not overlap plaintext or aad.
func (k *Key) Seal(dst, plaintext, aad []byte) []byte {
	n1 := make([]byte, NonceHalf)
	rand.Read(n1)
	return k.Session(n1, make([]byte, 32)).Seal(append(dst, n1...), nil, plaintext, aad)
}

// ErrOpen says that sealed bytes, or what they are bound to, were altered.
var ErrOpen = errors.New("message authentication failed")

// Open appends to dst the plaintext of what Seal appended, and returns it.
func (k *Key) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	plaintext, err := k.Session(sealed[:NonceHalf], make([]byte, 32)).Open(dst, nil, sealed[NonceHalf:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// newAES returns AES for a key of 32 bytes.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("xgcm: " + err.Error()) // only for another key size
	}
	return block
}

// A cbcBlock encrypts one block as CBC does under a zero IV, which is the same
// permutation: FIPS 140-3 mode counts CBC, and so CMAC, as approved, but not
// the bare block cipher.
type cbcBlock struct{ cipher.Block }

func (b cbcBlock) Encrypt(dst, src []byte) {
	var zero [aes.BlockSize]byte
	cipher.NewCBCEncrypter(b.Block, zero[:]).CryptBlocks(dst, src[:aes.BlockSize])
}
