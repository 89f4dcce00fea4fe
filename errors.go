package kms

import (
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
)

// Errors of a request.
var (
	// ErrInvalidKeyRef says that a string is neither a key ID nor an alias in form.
	ErrInvalidKeyRef = errors.New("key reference is neither a key ID nor alias/<name>")

	// ErrInvalidPlaintext says that a plaintext is empty or too long.
	ErrInvalidPlaintext = errors.New("plaintext is invalid")

	// ErrInvalidAAD says that an encryption context or additional data is out
	// of its limits or not UTF-8.
	ErrInvalidAAD = suite.ErrContext

	// ErrInvalidArgument says that another argument is out of its limits.
	ErrInvalidArgument = errors.New("argument is invalid")

	// ErrUnsupportedAlgorithm says that a key spec or algorithm does not exist
	// here, is not one of the key's, must not run in FIPS 140-3 mode, or that its
	// implementation failed.
	ErrUnsupportedAlgorithm = gm.ErrUnsupportedAlgorithm

	// ErrInvalidUsage says that a key's usage is not for the operation, or that
	// no key of the spec can have the usage.
	ErrInvalidUsage = errors.New("key usage does not fit")

	// ErrDigestMismatch says that a data key is not the one its digest names.
	ErrDigestMismatch = errors.New("digest does not match the data key")

	// ErrLimitExceeded says that a key or the store has as many of something
	// as it may have.
	ErrLimitExceeded = errors.New("limit exceeded")

	// ErrAccessDenied is the Authorizer's answer, with its own error as cause.
	ErrAccessDenied = errors.New("access denied")

	// ErrDryRun says that a call on a DryRun view would have been made.
	ErrDryRun = errors.New("dry run: the call is valid and was not made")

	// ErrClosed says that the KMS is closed.
	ErrClosed = errors.New("closed")
)

// Errors of a key's existence and state.
var (
	// ErrKeyNotFound says that there is no key with this ID.
	ErrKeyNotFound = errors.New("key not found")

	// ErrVersionNotFound says that the key has no such version.
	ErrVersionNotFound = errors.New("key version not found")

	// ErrAliasNotFound says that there is no such alias.
	ErrAliasNotFound = errors.New("alias not found")

	// ErrAliasExists says that the alias is taken.
	ErrAliasExists = errors.New("alias exists")

	// ErrKeyDisabled says that the key is disabled; EnableKey brings it back.
	ErrKeyDisabled = errors.New("key is disabled")

	// ErrKeyArchived says that the key may only decrypt and verify.
	ErrKeyArchived = errors.New("key is archived")

	// ErrKeyPendingImport says that the key has no material yet, or no longer.
	ErrKeyPendingImport = errors.New("key is waiting for its material")

	// ErrKeyPendingDeletion says that the key is going to be destroyed.
	ErrKeyPendingDeletion = errors.New("key is scheduled for deletion")

	// ErrInvalidImportToken says that an import token is unknown, used, or of
	// another key.
	ErrInvalidImportToken = errors.New("import token is invalid")

	// ErrExpiredImportToken says that an import token is too old.
	ErrExpiredImportToken = errors.New("import token has expired")

	// ErrInvalidKeyMaterial says that imported material cannot be unwrapped, or
	// is not what the key needs.
	ErrInvalidKeyMaterial = errors.New("key material is invalid")

	// ErrInvalidState says that the operation does not fit the key's or the
	// store's state.
	ErrInvalidState = errors.New("operation does not fit the state")
)

// ErrInvalidCiphertext is the one answer to a ciphertext that does not open:
// altered, cut, of another key, context, suite or purpose, or never one. It has
// one text and no cause, for another would tell an attacker how far he got.
var ErrInvalidCiphertext = suite.ErrInvalid

// ErrInvalidSignature is the one answer to a signature or MAC that is not of the
// message under the key version and algorithm. It has no cause.
var ErrInvalidSignature = errors.New("signature or MAC is invalid")

// Errors of the key store and the root key.
var (
	// ErrStoreUnavailable says that the key store did not answer.
	ErrStoreUnavailable = errors.New("key store is unavailable")

	// ErrConflict says that others kept changing the record, or changed what
	// the call was authorised for, at the same time; try again.
	ErrConflict = settle.ErrConflict

	// ErrUnknownOutcome says that a change may have happened, or may still
	// happen. Describe the key before making it again.
	ErrUnknownOutcome = settle.ErrUnknownOutcome

	// ErrStoreNotEmpty says that the store already holds something.
	ErrStoreNotEmpty = errors.New("key store is not empty")

	// ErrBackupFailed says that a backup could not be written or read; the cause
	// is the writer's or reader's error.
	ErrBackupFailed = errors.New("backup could not be written or read")

	// ErrTampered says that a stored record is damaged or was altered, or that
	// the keyring is gone while records are there.
	ErrTampered = record.ErrTampered

	// ErrRollback says that the store shows an earlier state than it has shown
	// this process: an old copy came back. After a restore that you know of,
	// open the store anew.
	ErrRollback = keycache.ErrRollback

	// ErrWrongRootKey says that the store was made with another root key.
	ErrWrongRootKey = keyring.ErrWrongRoot

	// ErrRootUnavailable says that the root key could not be used.
	ErrRootUnavailable = keyring.ErrRootUnavailable

	// ErrFormatTooNew says that a newer version of this module wrote to the store.
	ErrFormatTooNew = record.ErrFormatTooNew
)

// An Error is what every operation returns when it fails. Match the sentinel
// inside with errors.Is; where the failure has a cause, such as a driver's
// error or context.Canceled, errors.Is and errors.As find it too.
type Error struct {
	Op  string // the operation, such as OpEncrypt
	Key string // the key reference as it was given, or the key's ID, or empty
	Err error  // a sentinel of this package, or one wrapped with its cause
}

// Error returns, for instance, "kms: Encrypt alias/orders: key is disabled".
func (e *Error) Error() string {
	if e.Key == "" {
		return "kms: " + e.Op + ": " + e.Err.Error()
	}
	return "kms: " + e.Op + " " + e.Key + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// algorithmError makes an error of an algorithm's implementation, which failed or
// does not do what it should, one of this package.
func algorithmError(err error) error {
	if err == nil || errors.Is(err, ErrUnsupportedAlgorithm) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnsupportedAlgorithm, err)
}

// storeSentinels are what the layers below, and the edits that run there, may
// return that callers know.
var storeSentinels = []error{
	ErrTampered, ErrFormatTooNew, ErrRollback, ErrUnknownOutcome, ErrConflict, ErrStoreNotEmpty,
	ErrWrongRootKey, ErrRootUnavailable, ErrUnsupportedAlgorithm, ErrInvalidArgument, ErrLimitExceeded,
	ErrKeyNotFound, ErrVersionNotFound, ErrAliasNotFound, ErrAliasExists, ErrInvalidState,
	ErrKeyDisabled, ErrKeyArchived, ErrKeyPendingImport, ErrKeyPendingDeletion,
	ErrInvalidImportToken, ErrExpiredImportToken, ErrInvalidKeyMaterial, ErrClosed,
}

// storeError makes an error of the layers below one of this package.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	for _, sentinel := range storeSentinels {
		if errors.Is(err, sentinel) {
			return err
		}
	}
	switch {
	case errors.Is(err, keystore.ErrCorrupt):
		return fmt.Errorf("%w: %w", ErrTampered, err)
	case errors.Is(err, keystore.ErrTooNew):
		return fmt.Errorf("%w: %w", ErrFormatTooNew, err)
	}
	return fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
}
