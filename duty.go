package kms

import (
	"fmt"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/record"
)

// A duty is what is due to be done to a key.
type duty struct {
	kms      *KMS
	now      time.Time
	overused uint32 // a version that has encrypted enough, or 0
	rotation rotation

	expired, destroyed bool
	rotated            uint32   // the new version, or 0
	versions           []uint32 // that were destroyed
	unrotated          error    // why the key was not rotated, if it should be
}

// due reports whether there is anything to do.
func (d *duty) due(key *record.Key) bool {
	if !key.DestroyedAt.IsZero() {
		return false
	}
	return passed(key.DeletionDate, d.now) || d.mustRotate(key) ||
		slices.ContainsFunc(key.Versions, func(v record.Version) bool { return d.mustDestroy(&v) || d.mustExpire(&v) })
}

// since returns when the first of what is due became so, or the zero time.
func (d *duty) since(key *record.Key) time.Time {
	if !d.due(key) {
		return time.Time{}
	}
	var first time.Time
	note := func(must bool, date time.Time) {
		if must && !date.IsZero() && (first.IsZero() || date.Before(first)) {
			first = date
		}
	}
	note(passed(key.DeletionDate, d.now), key.DeletionDate)
	note(d.mustRotate(key), key.NextRotation)
	for i := range key.Versions {
		v := &key.Versions[i]
		note(d.mustDestroy(v), v.DestructionDate)
		note(d.mustExpire(v), v.ValidTo)
	}
	return first
}

func (d *duty) mustDestroy(v *record.Version) bool {
	return v.DestroyedAt.IsZero() && passed(v.DestructionDate, d.now)
}

func (d *duty) mustExpire(v *record.Version) bool {
	return v.Material != nil && passed(v.ValidTo, d.now)
}

func (d *duty) mustRotate(key *record.Key) bool {
	return d.wantsRotation(key) && len(key.Versions) < maxVersions
}

func (d *duty) wantsRotation(key *record.Key) bool {
	return key.Origin != record.OriginExternal && stateOf(key, d.now).encrypts() == nil &&
		(passed(key.NextRotation, d.now) || d.overused != 0 && d.overused == uint32(len(key.Versions)))
}

// full says that a key cannot be rotated any more, though it should.
func (d *duty) full(key *record.Key) error {
	if d.wantsRotation(key) && len(key.Versions) >= maxVersions {
		return fmt.Errorf("%w: it has %d versions and is due for rotation", ErrLimitExceeded, maxVersions)
	}
	return nil
}

// apply does what is due on the key as it is stored now, which another process
// may have maintained meanwhile.
func (d *duty) apply(key *record.Key) (bool, error) {
	d.rotated, d.expired, d.destroyed, d.versions, d.unrotated = d.rotation.made(key), false, false, nil, nil
	if passed(key.DeletionDate, d.now) && key.DestroyedAt.IsZero() {
		key.Destroy(d.now)
		d.destroyed = true
		return true, nil
	}
	d.expired = removeMaterial(key, d.mustExpire)
	for i := range key.Versions {
		if v := &key.Versions[i]; d.mustDestroy(v) {
			v.Destroy(d.now)
			d.versions = append(d.versions, uint32(i+1))
		}
	}
	rotates := d.mustRotate(key)
	if rotates {
		d.unrotated = d.rotation.apply(d.kms, key, d.now)
		rotates = d.unrotated == nil
	}
	if rotates {
		d.rotated = uint32(len(key.Versions))
	}
	return d.expired || len(d.versions) > 0 || rotates, nil
}
