// Package rootkey provides the key at the top of the hierarchy: the one secret
// that is not in the key store.
//
// A root key wraps the small keyring record that opens everything else, so it
// is asked once when a store is opened and then stays out of the way. Whoever
// has the root key and a copy of the store has every key in it; without the
// root key the store cannot be opened by anyone, so keep it apart from the
// store's backups, and keep a copy.
//
// # Choosing one
//
// [File] suits most services: a file of 32 random bytes that only the service
// can read, made by hand, by a deployment, or by File itself.
//
// [Static] is for a program that gets the 32 bytes some other way: from a
// secret manager, an environment variable, a hardware token. It and File open
// each other's wraps when the bytes are the same.
//
// [Passphrase] is for a person who types a secret in. It is the only one whose
// strength depends on a choice somebody makes, since anyone with a copy of the
// store can guess at leisure, and the only one that costs time and memory.
//
// A [Provider] for a cloud KMS or an HSM is three methods, and keeps the root
// key where no program can read it.
//
// # Losing it
//
// There is no recovery: no master key, nothing that an author of this module
// could do. Give the store a second root key with kms.KMS.AddRoot, or store the
// root key's backup before the first record is written, and not with the store's
// backups, or one stolen tape is everything. Try now and then whether the two,
// put together, still open. A root key that leaked is replaced with AddRoot and
// RemoveRoot, and so is every copy of the store that it opens: whoever has both
// an old backup and the old root key can still read it.
package rootkey

import (
	"context"
	"errors"

	"github.com/embedkms/kms/internal/algorithm"
)

// A Provider wraps and unwraps the keyring's key, 32 bytes, under a root key.
// It must be safe for concurrent use and honour ctx.
type Provider interface {
	// ID names the root key in the keyring, in clear: 1 to 255 bytes, the
	// same for as long as the root key is the same, and no secret.
	ID() string

	// Wrap encrypts plaintext and binds it to aad. The result is at most
	// 65,535 bytes.
	Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error)

	// Unwrap returns what Wrap was given. It returns ErrWrongKey only when it
	// is certain that this root key did not wrap these bytes, ErrTampered when
	// it did but they or aad were altered, and ErrFormatTooNew when a newer
	// version of this module wrote them. Any other error says that the root key
	// could not be reached.
	Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error)
}

// Errors of Unwrap, matched with errors.Is.
var (
	ErrWrongKey     = errors.New("rootkey: wrapped by another root key")
	ErrTampered     = errors.New("rootkey: wrapped bytes were altered")
	ErrFormatTooNew = errors.New("rootkey: wrapped in a newer format")
)

// ErrUnsupportedAlgorithm is returned by Passphrase in FIPS 140-3 mode.
var ErrUnsupportedAlgorithm = algorithm.ErrUnsupported
