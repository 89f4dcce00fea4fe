package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"slices"

	emmansun "github.com/emmansun/gmsm/sm4"
	tjfoc "github.com/tjfoc/gmsm/sm4"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	rawName     = "AES-256-GCM" // what everything is measured against
	bareSM4Name = "SM4-GCM, emmansun"
)

// bare is what a cipher and a key are without a library around them.
var bare = traits{context: "bytes"}

func primitives() []subject {
	gcm, extended := bare, bare
	gcm.messages, extended.messages = "2^32", "2^80"
	return []subject{
		{name: rawName, class: primitive, has: gcm, make: rawGCM, note: "the unit: a kept " +
			"`cipher.NewGCM`, a nonce of `rand.Read`, a reused buffer"},
		{name: "AES-256-GCM, NewGCMWithRandomNonce", class: primitive, has: gcm, make: randomNonceGCM},
		{name: "XChaCha20-Poly1305", module: "golang.org/x/crypto", class: primitive, has: extended,
			make: xChaCha},
		{name: bareSM4Name, module: "github.com/emmansun/gmsm", class: primitive, has: gcm,
			make: func() (box, error) { return blockGCM(emmansun.NewCipher(random(16))) }},
		{name: "SM4-GCM, tjfoc", module: "github.com/tjfoc/gmsm", class: primitive, has: gcm, single: true,
			make: func() (box, error) { return blockGCM(tjfoc.NewCipher(random(16))) },
			note: "its block cipher may not be shared by goroutines, so it runs on one core only"},
	}
}

// An aeadBox is an AEAD whose nonce stands before the ciphertext. It authenticates
// as many bytes as an envelope of this library.
type aeadBox struct{ cipher.AEAD }

func (a aeadBox) seal(dst, plaintext []byte, b *binding) ([]byte, error) {
	n, size := len(dst), a.NonceSize()
	dst = slices.Grow(dst, size+len(plaintext)+a.Overhead())[:n+size]
	rand.Read(dst[n:])
	return a.Seal(dst, dst[n:n+size], plaintext, b.padded), nil
}

func (a aeadBox) open(dst, ciphertext []byte, b *binding) ([]byte, error) {
	size := a.NonceSize()
	if len(ciphertext) < size {
		return nil, errors.New("ciphertext is too short")
	}
	return a.Open(dst, ciphertext[:size], ciphertext[size:], b.padded)
}

func rawGCM() (box, error) { return blockGCM(aes.NewCipher(random(32))) }

// blockGCM is GCM over what a constructor of block ciphers has returned.
func blockGCM(block cipher.Block, err error) (box, error) {
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aeadBox{aead}, err
}

func randomNonceGCM() (box, error) {
	block, err := aes.NewCipher(random(32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return nonceless{aead}, err
}

func xChaCha() (box, error) {
	aead, err := chacha20poly1305.NewX(random(chacha20poly1305.KeySize))
	return aeadBox{aead}, err
}

// A nonceless is an AEAD that draws its nonces itself.
type nonceless struct{ cipher.AEAD }

func (a nonceless) seal(dst, plaintext []byte, b *binding) ([]byte, error) {
	return a.Seal(dst, nil, plaintext, b.padded), nil
}

func (a nonceless) open(dst, ciphertext []byte, b *binding) ([]byte, error) {
	return a.Open(dst, nil, ciphertext, b.padded)
}
