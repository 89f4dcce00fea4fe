// Package keywrap is AES key wrap with padding: RFC 5649, and the same KWP of
// NIST SP 800-38F. It wraps a key under another without a nonce, which is what
// the key import formats of other systems (RSA_AES_KEY_WRAP, PKCS #11's
// CKM_AES_KEY_WRAP_KWP) are made of.
//
// The wrapping is deterministic: equal plaintexts under one key-encryption key
// wrap alike. There is no additional data, and what authenticates is about 64
// bits of redundancy, so nothing but key material belongs in it. What is sealed
// at rest here uses package xgcm instead.
package keywrap

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxPlaintext is the largest plaintext in bytes. RFC 5649 allows 2^32-1; every
// 8 bytes cost six AES blocks, and an RSA private key of 16384 bits in PKCS #8
// is under 10 KiB.
const MaxPlaintext = 16 << 10

// A semiblock is the 64-bit unit of RFC 3394 section 2: half an AES block.
const semiblock = aes.BlockSize / 2

// The first half of the alternative initial value, RFC 5649 section 3. The
// other half is the message length indicator (MLI), big-endian.
var aiv = [4]byte{0xa6, 0x59, 0x59, 0xa6}

// ErrInvalid says that wrapped bytes were altered, or were wrapped under another
// key or in another way. It does not say which: an answer that tells a wrong
// length from wrong padding would be an oracle.
var ErrInvalid = errors.New("wrapped key is invalid")

// Wrap wraps plaintext, 1 to MaxPlaintext bytes, under kek, an AES key of 16, 24
// or 32 bytes. The result is 8 bytes longer than plaintext rounded up to a
// multiple of 8. Another size of kek is an [aes.KeySizeError].
func Wrap(kek, plaintext []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	if len(plaintext) < 1 || len(plaintext) > MaxPlaintext {
		return nil, fmt.Errorf("plaintext of %d bytes, want 1 to %d", len(plaintext), MaxPlaintext)
	}
	buf := frame(plaintext)
	encrypt(block, buf)
	return buf, nil
}

// Unwrap returns the plaintext that Wrap, or another RFC 5649 implementation,
// wrapped under kek. Whatever is wrong with wrapped is ErrInvalid; a kek that is
// not 16, 24 or 32 bytes is the caller's mistake and an [aes.KeySizeError].
func Unwrap(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	if !wrappedLen(len(wrapped)) {
		return nil, ErrInvalid
	}
	buf := bytes.Clone(wrapped)
	decrypt(block, buf)
	return unframe(buf)
}

// wrappedLen reports whether Wrap makes values of n bytes. The length is public,
// so this need not be in constant time.
func wrappedLen(n int) bool {
	return n%semiblock == 0 && n >= 2*semiblock && n <= semiblock+MaxPlaintext
}

// frame returns the AIV, the plaintext and its zero padding (RFC 5649 section
// 4.1 step 1), in the one buffer that encrypt then works in.
func frame(plaintext []byte) []byte {
	padded := (len(plaintext) + semiblock - 1) / semiblock * semiblock
	buf := make([]byte, semiblock+padded)
	copy(buf, aiv[:])
	binary.BigEndian.PutUint32(buf[len(aiv):], uint32(len(plaintext)))
	copy(buf[semiblock:], plaintext)
	return buf
}

// unframe returns the plaintext within a decrypted buf, or clears buf. The three
// checks of RFC 5649 section 3 are one mask with one branch at the end, so that
// time does not tell which of them failed.
func unframe(buf []byte) ([]byte, error) {
	n := len(buf) - semiblock
	// Check 2, n-8 < MLI <= n, is a padding of 0 to 7 bytes. An MLI over n wraps
	// around to a huge one, on 32-bit machines too.
	padding := uint32(n) - binary.BigEndian.Uint32(buf[len(aiv):])
	ok := subtle.ConstantTimeCompare(buf[:len(aiv)], aiv[:])
	ok &= subtle.ConstantTimeEq(int32(padding/semiblock), 0)
	// A padding out of range has failed already: its low bits only keep the
	// third check within the last semiblock.
	low := int(padding % semiblock)
	ok &= zeroTail(buf, low)
	if ok != 1 {
		clear(buf)
		return nil, ErrInvalid
	}
	end := semiblock + n - low
	return buf[semiblock:end:end], nil
}

// zeroTail returns 1 if the last n bytes of buf are zero, and 0 otherwise. It
// reads all of the last semiblock whatever n, which is below 8, is.
func zeroTail(buf []byte, n int) int {
	var nonzero byte
	for i := range semiblock {
		padding := subtle.ConstantTimeLessOrEq(i+1, n)
		nonzero |= buf[len(buf)-1-i] & byte(-padding)
	}
	return subtle.ConstantTimeByteEq(nonzero, 0)
}

// encrypt wraps A ‖ R[1] ‖ … ‖ R[n] in place: the index-based W of RFC 3394
// section 2.2.1, whose t = n*j+i simply counts the steps from 1.
func encrypt(block cipher.Block, buf []byte) {
	if len(buf) == aes.BlockSize { // RFC 5649 section 4.1: one block is plain ECB
		block.Encrypt(buf, buf)
		return
	}
	b, n := make([]byte, aes.BlockSize), len(buf)/semiblock-1
	copy(b, buf[:semiblock])
	for t := 1; t <= 6*n; t++ {
		r := register(buf, n, t)
		copy(b[semiblock:], r)
		block.Encrypt(b, b)
		copy(r, b[semiblock:])
		xorStep(b, t)
	}
	copy(buf, b[:semiblock])
}

// decrypt is the inverse of encrypt: RFC 3394 section 2.2.2 without its
// integrity check, and RFC 5649 section 4.2 for one block.
func decrypt(block cipher.Block, buf []byte) {
	if len(buf) == aes.BlockSize {
		block.Decrypt(buf, buf)
		return
	}
	b, n := make([]byte, aes.BlockSize), len(buf)/semiblock-1
	copy(b, buf[:semiblock])
	for t := 6 * n; t >= 1; t-- {
		r := register(buf, n, t)
		xorStep(b, t)
		copy(b[semiblock:], r)
		block.Decrypt(b, b)
		copy(r, b[semiblock:])
	}
	copy(buf, b[:semiblock])
	clear(b) // ends with R[1], the first bytes of the plaintext
}

// register returns the R[i] of step t, of n registers.
func register(buf []byte, n, t int) []byte {
	i := (t-1)%n + 1
	return buf[i*semiblock:][:semiblock]
}

// xorStep adds the step to A, the first half of b. It is 64 bits wide: a counter
// of one byte breaks from the 43rd register on.
func xorStep(b []byte, t int) {
	binary.BigEndian.PutUint64(b, binary.BigEndian.Uint64(b)^uint64(t))
}
