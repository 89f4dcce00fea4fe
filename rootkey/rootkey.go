// Package rootkey provides the key at the top of the hierarchy: the one secret
// that is not in the key store.
//
// A root key wraps the small keyring record that opens everything else, so it
// is asked once when a store is opened and then stays out of the way. Whoever
// has the root key and a copy of the store has every key in it; without the
// root key the store cannot be opened by anyone, so keep it apart from the
// store's backups, and keep a copy.
//
// Static, File and Passphrase need nothing but this module. A Provider for a
// cloud KMS or an HSM is three methods.
package rootkey

import (
	"context"
	"errors"
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
