// Package gm is the seam between this module and an implementation of the
// Chinese national algorithms: SM2 (GB/T 32918), SM3 (GB/T 32905) and SM4
// (GB/T 32907).
//
// [Default] is github.com/tjfoc/gmsm behind guards for every weakness known of
// it. Another implementation takes its place through kms.Options.GM; package
// gmtest checks that it is fit to.
package gm

import (
	"crypto/cipher"
	"hash"

	"github.com/embedkms/kms/internal/algorithm"
)

// ErrUnsupportedAlgorithm is returned by a Provider for an algorithm that it
// does not offer, or must not run in FIPS 140-3 mode.
var ErrUnsupportedAlgorithm = algorithm.ErrUnsupported

// A Provider implements SM2, SM3 and SM4. It sees canonical bytes only:
// lengths, encodings and limits are checked by its callers. All methods may be
// called from many goroutines.
type Provider interface {
	// Name says which implementation this is, for diagnostics.
	Name() string

	// NewSM3 returns a hash of 32-byte digests and 64-byte blocks. Its Sum
	// appends to its argument and leaves the state as it was, as hash.Hash asks.
	NewSM3() hash.Hash

	// NewSM4 returns a block cipher that one goroutine may use at a time. It
	// does not change or keep key.
	NewSM4(key *[16]byte) (cipher.Block, error)

	// NewSM4GCM returns SM4-GCM (RFC 8998) with 12-byte nonces and 16-byte
	// tags, safe for concurrent use. It does not change or keep key.
	NewSM4GCM(key *[16]byte) (cipher.AEAD, error)

	// SM2Private takes a private key d, big-endian, 1 ≤ d ≤ n-2.
	SM2Private(d *[32]byte) (SM2Private, error)

	// SM2Public takes an uncompressed point, 04 ‖ x ‖ y, on the curve.
	SM2Public(p *[65]byte) (SM2Public, error)
}

// An SM2Private is an SM2 private key (GB/T 32918.3, 32918.4).
type SM2Private interface {
	// Public returns 04 ‖ x ‖ y.
	Public() [65]byte

	// Decrypt opens 04 ‖ x ‖ y ‖ C3 ‖ C2.
	Decrypt(c1c3c2 []byte) ([]byte, error)

	// SignDigest returns r ‖ s over e = SM3(ZA ‖ M).
	SignDigest(e *[32]byte) ([64]byte, error)
}

// An SM2Public is an SM2 public key.
type SM2Public interface {
	// Encrypt returns 04 ‖ x ‖ y ‖ C3 ‖ C2 over at least one byte.
	Encrypt(m []byte) ([]byte, error)

	// VerifyDigest reports whether r ‖ s is a signature over e = SM3(ZA ‖ M).
	VerifyDigest(e *[32]byte, rs *[64]byte) bool
}
