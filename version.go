package kms

import (
	"context"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
)

// ScheduleVersionDestruction makes a key version that is not the primary one
// unusable at once and lets Maintain destroy it when window is over: 7 to 1,096
// whole days, 0 for 30. It returns the date. What the version has encrypted is
// refused from then on with ErrKeyPendingDeletion, and lost once it is
// destroyed: call ReEncrypt on all of it before, and use the window to find out
// what was missed. CancelVersionDestruction takes it back.
//
// The primary version is ErrInvalidState; one that does not exist, or is
// destroyed, is ErrVersionNotFound; one that is scheduled already is
// ErrKeyPendingDeletion.
func (k *KMS) ScheduleVersionDestruction(ctx context.Context, key string, version uint32, window time.Duration) (time.Time, error) {
	c := k.begin(OpScheduleVersionDestruction, key)
	date, err := k.deletionDate(window)
	if err == nil {
		err = k.changeVersion(ctx, &c, version, func(v *record.Version) error {
			if !v.DestructionDate.IsZero() {
				return KeyStatePendingDeletion.refusalOfVersion(version)
			}
			v.DestructionDate = date
			return nil
		})
	}
	if err = k.end(ctx, &c, nil, err); err != nil {
		return time.Time{}, err
	}
	return date, nil
}

// CancelVersionDestruction takes back ScheduleVersionDestruction. A version that
// is not scheduled is ErrInvalidState.
func (k *KMS) CancelVersionDestruction(ctx context.Context, key string, version uint32) error {
	c := k.begin(OpCancelVersionDestruction, key)
	err := k.changeVersion(ctx, &c, version, func(v *record.Version) error {
		if v.DestructionDate.IsZero() {
			return fmt.Errorf("%w: version %d is not scheduled for destruction", ErrInvalidState, version)
		}
		v.DestructionDate = time.Time{}
		return nil
	})
	return k.end(ctx, &c, nil, err)
}

// changeVersion runs edit on a version of the stored key that c.ref names.
func (k *KMS) changeVersion(ctx context.Context, c *call, version uint32, edit func(*record.Version) error) error {
	_, err := k.change(ctx, c, func(key *record.Key) (bool, error) {
		if err := stateOf(key, k.now()).stays(); err != nil {
			return false, err
		}
		n := uint32(len(key.Versions))
		switch {
		case version == 0 || version > n:
			return false, ErrVersionNotFound
		case version == n:
			return false, fmt.Errorf("%w: version %d is the primary one", ErrInvalidState, version)
		}
		v := &key.Versions[version-1]
		if !v.DestroyedAt.IsZero() {
			return false, KeyStateDestroyed.refusalOfVersion(version)
		}
		return true, edit(v)
	})
	if err == nil {
		c.version = version
	}
	return err
}
