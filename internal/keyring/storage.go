package keyring

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/rootkey"
)

// A storageKey is one version of the key that seals records.
type storageKey struct {
	version   uint32
	createdAt time.Time
	key       [32]byte
}

// newStorageKey returns a storage key that has no number yet.
func newStorageKey(now time.Time) *storageKey {
	s := &storageKey{createdAt: now}
	rand.Read(s.key[:])
	return s
}

// AddStorageKey adds a version of the storage key, created now, which seals from
// then on. root opens the keyring. It returns the keyring as it is then stored.
func AddStorageKey(ctx context.Context, w *settle.Writer, known *Ring, root rootkey.Provider,
	now time.Time) (*Ring, error) {
	roots, forget := onceEach(root)
	defer forget()
	fresh := newStorageKey(now)
	defer clear(fresh.key[:])
	return modify(ctx, w, known, roots, func(d *draft) (bool, error) {
		if d.hasKey(fresh) {
			return false, nil // by an earlier run
		}
		d.addKey(fresh)
		return true, nil
	})
}

// hasKey reports whether d has the bytes of s as any version.
func (d *draft) hasKey(s *storageKey) bool {
	return slices.ContainsFunc(d.ring.storage, func(have *storageKey) bool {
		return subtle.ConstantTimeCompare(have.key[:], s.key[:]) == 1
	})
}

// addKey adds a copy of s, which outlives d, as the newest version.
func (d *draft) addKey(s *storageKey) {
	added := *s
	added.version = d.ring.Primary() + 1
	d.ring.storage = append(d.ring.storage, &added)
}

// DropStorageKeys drops all versions of the storage key below primary, once
// nothing is sealed under them any more. If primary is not the newest version
// in the store, or the only one, nothing is changed. root opens the keyring,
// which is returned as it is then stored.
func DropStorageKeys(ctx context.Context, w *settle.Writer, known *Ring, root rootkey.Provider,
	primary uint32) (*Ring, error) {
	roots, forget := onceEach(root)
	defer forget()
	return modify(ctx, w, known, roots, func(d *draft) (bool, error) {
		if d.ring.Primary() != primary || d.ring.OlderVersions() == 0 {
			return false, nil
		}
		d.dropOlder()
		return true, nil
	})
}

// dropOlder drops all versions but the newest.
func (d *draft) dropOlder() {
	last := len(d.ring.storage) - 1
	for _, s := range d.ring.storage[:last] {
		clear(s.key[:])
	}
	d.ring.storage = d.ring.storage[last:]
}

// Primary is the version of the storage key that seals, the newest.
func (r *Ring) Primary() uint32 { return r.storage[len(r.storage)-1].version }

// PrimarySince is when the primary version was made.
func (r *Ring) PrimarySince() time.Time { return r.storage[len(r.storage)-1].createdAt }

// OlderVersions is how many versions of the storage key r has besides the primary.
func (r *Ring) OlderVersions() int { return len(r.storage) - 1 }

// Older reports whether r has a version that is not the primary one.
func (r *Ring) Older(version uint32) bool {
	return version != r.Primary() && slices.ContainsFunc(r.storage, func(s *storageKey) bool {
		return s.version == version
	})
}

// Adopt returns a copy of r with which OpenOwn also opens what the versions of
// older sealed, and that r has no more. An adopted version neither seals nor
// counts as one that r has. A ring of another store is not adopted.
func (r *Ring) Adopt(older *Ring) *Ring {
	adopted := *r
	if !r.SameStore(older) {
		return &adopted
	}
	adopted.adopted = maps.Clone(older.sealers)
	maps.Copy(adopted.adopted, older.adopted)
	return &adopted
}
