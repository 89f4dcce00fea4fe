// Package sm2 is SM2 (GB/T 32918) over an implementation of the arithmetic,
// [gm.Provider]. Whatever comes from outside is checked here: sizes, encodings,
// ranges, and that points are on the curve. So a provider sees canonical bytes
// only, and one that does not check them itself is safe.
//
// What a provider returns is checked as well, and a provider that panics is one
// that failed.
package sm2

import "errors"

const (
	// MaxPlaintext is the most that Encrypt takes, in bytes. The least is 1:
	// the scheme has no ciphertext of nothing.
	MaxPlaintext = 1024

	// Overhead is what a ciphertext is longer than its plaintext, in bytes: the
	// point C1, 04 ‖ x ‖ y, and the hash C3. C2 follows, the masked plaintext.
	Overhead = pointSize + 32

	// DefaultUserID is the user ID of signers that have none of their own
	// (GM/T 0009-2012 section 10).
	DefaultUserID = "1234567812345678"
)

var (
	// ErrInvalidKey says that a private key is out of range, that a public key
	// is not a point of the curve, or that the encoding of a key is not the one
	// that is read here.
	ErrInvalidKey = errors.New("SM2 key is invalid")

	// ErrInvalidPlaintext says that a plaintext is empty or too long.
	ErrInvalidPlaintext = errors.New("SM2 plaintext is not 1 to 1024 bytes")

	// ErrInvalidCiphertext says that a ciphertext was altered, or is of another
	// key or form. It does not say which, and never has a cause: an answer that
	// tells more is an oracle.
	ErrInvalidCiphertext = errors.New("SM2 ciphertext is invalid")

	// ErrInvalidUserID says that a user ID is over 8191 bytes.
	ErrInvalidUserID = errors.New("SM2 user ID is over 8191 bytes")

	// ErrProvider says that a provider failed, panicked, or returned what is
	// not of the right form. The provider's own words are not passed on, since
	// they might tell of a secret.
	ErrProvider = errors.New("SM2 implementation failed")
)
