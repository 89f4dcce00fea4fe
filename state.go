package kms

import (
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
)

// A KeyState says what a key, or a version of it, may do.
type KeyState string

const (
	KeyStateEnabled         KeyState = "Enabled"         // everything
	KeyStateDisabled        KeyState = "Disabled"        // nothing, until EnableKey
	KeyStateArchived        KeyState = "Archived"        // decrypt and verify only, until EnableKey
	KeyStatePendingImport   KeyState = "PendingImport"   // nothing, until material is imported
	KeyStatePendingDeletion KeyState = "PendingDeletion" // nothing; Maintain will destroy it
	KeyStateDestroyed       KeyState = "Destroyed"       // nothing, for good
)

// stateOf derives the state of a key from what is stored.
func stateOf(key *record.Key, now time.Time) KeyState {
	switch {
	case !key.DestroyedAt.IsZero():
		return KeyStateDestroyed
	case !key.DeletionDate.IsZero():
		return KeyStatePendingDeletion
	case len(key.Versions) == 0 || !hasMaterial(&key.Versions[len(key.Versions)-1], now):
		return KeyStatePendingImport
	case key.Mode == record.Disabled:
		return KeyStateDisabled
	case key.Mode == record.Archived:
		return KeyStateArchived
	}
	return KeyStateEnabled
}

// stateOfVersion derives the state of a key version, whatever its key's is.
func stateOfVersion(v *record.Version, now time.Time) KeyState {
	switch {
	case !v.DestroyedAt.IsZero():
		return KeyStateDestroyed
	case !v.DestructionDate.IsZero():
		return KeyStatePendingDeletion
	case !hasMaterial(v, now):
		return KeyStatePendingImport
	}
	return KeyStateEnabled
}

// hasMaterial reports whether v has material that may still be used.
func hasMaterial(v *record.Version, now time.Time) bool {
	return len(v.Material) > 0 && !passed(v.ValidTo, now)
}

// passed reports whether a date is set and has come.
func passed(date, now time.Time) bool { return !date.IsZero() && !now.Before(date) }

// encrypts returns nil if a key in the state may encrypt, or the error. So may
// it be rotated: there is no need for a version that must not be used.
func (s KeyState) encrypts() error {
	if s == KeyStateEnabled {
		return nil
	}
	return s.refusal()
}

// decrypts returns nil if a key in the state may decrypt, or the error.
func (s KeyState) decrypts() error {
	if s == KeyStateEnabled || s == KeyStateArchived {
		return nil
	}
	return s.refusal()
}

// switches returns nil if a key may be enabled, disabled and archived.
func (s KeyState) switches() error {
	if s == KeyStateDisabled {
		return nil
	}
	return s.decrypts()
}

// stays returns nil unless the key is destroyed or going to be.
func (s KeyState) stays() error {
	if s == KeyStatePendingImport {
		return nil
	}
	return s.switches()
}

// exists returns nil unless the key is destroyed.
func (s KeyState) exists() error {
	if s == KeyStateDestroyed {
		return s.refusal()
	}
	return nil
}

// refusal is the error of a call that the state does not allow.
func (s KeyState) refusal() error {
	switch s {
	case KeyStateDisabled:
		return ErrKeyDisabled
	case KeyStateArchived:
		return ErrKeyArchived
	case KeyStatePendingImport:
		return ErrKeyPendingImport
	case KeyStatePendingDeletion:
		return ErrKeyPendingDeletion
	case KeyStateDestroyed:
		return ErrKeyNotFound
	}
	return ErrInvalidState
}

// refusalOfVersion is the error of a call that needs a version in state s.
func (s KeyState) refusalOfVersion(version uint32) error {
	switch s {
	case KeyStateEnabled:
		return nil
	case KeyStateDestroyed:
		return fmt.Errorf("version %d is destroyed: %w", version, ErrVersionNotFound)
	}
	return fmt.Errorf("version %d: %w", version, s.refusal())
}
