package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/rootkey"
)

// A RootInfo describes a root key of a store.
type RootInfo struct {
	ID    string // as its provider says
	InUse bool   // by this KMS
}

// Roots returns the root keys that open the store, from the store.
func (k *KMS) Roots(ctx context.Context) ([]RootInfo, error) {
	c := k.begin(OpRoots, "")
	roots, err := k.roots(ctx, &c)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return roots, nil
}

func (k *KMS) roots(ctx context.Context, c *call) ([]RootInfo, error) {
	if err := k.admitStore(ctx, c); err != nil {
		return nil, err
	}
	rec, err := k.find(ctx, keyring.Key)
	if err != nil {
		return nil, err
	}
	ids, err := keyring.RootIDs(rec)
	if err != nil {
		return nil, storeError(err)
	}
	if err := k.lockRing(ctx); err != nil {
		return nil, storeError(err)
	}
	defer k.unlockRing()
	roots := make([]RootInfo, len(ids))
	for i, id := range ids {
		roots[i] = RootInfo{id, id == k.root.ID()}
	}
	return roots, nil
}

// AddRoot lets another root key open the store, such as one that is kept
// elsewhere for recovery: it is needed here once, and then not before the other
// is lost. If the store has p already, nothing changes; if another root has its
// ID, the error is ErrInvalidArgument. If a root is removed at the same time it is
// ErrConflict: see what there is before trying again.
func (k *KMS) AddRoot(ctx context.Context, p rootkey.Provider) error {
	c := k.begin(OpAddRoot, "")
	return k.end(ctx, &c, nil, k.addRoot(ctx, &c, p))
}

func (k *KMS) addRoot(ctx context.Context, c *call, p rootkey.Provider) error {
	if p == nil {
		return fmt.Errorf("%w: a root key is needed", ErrInvalidArgument)
	}
	if err := k.admitStore(ctx, c); err != nil {
		return err
	}
	return k.changeRing(ctx, func(known *keyring.Ring) (*keyring.Ring, error) {
		return keyring.AddRoot(ctx, k.ringWriter, known, k.root, p)
	})
}

// RemoveRoot keeps a root key from opening the store. All roots that stay are
// needed, because they get a new keyring key to open; the one that this KMS was
// opened with need not be named. The last one cannot be removed: that is
// ErrInvalidState. Staying providers that are not the store's are
// ErrWrongRootKey, and if they are not all that stay, ErrInvalidArgument.
//
// From then on records are sealed under a new storage key, and Maintain seals
// the others anew: call it. A process that was opened with the removed root has
// to be opened anew with another; it goes on for as long as it meets nothing
// newer, and then answers ErrWrongRootKey. Whoever has the removed root key and
// an old copy of the store can still read that copy. If that is the reason for
// removing it, rotate the keys in the store as well, and what they have
// encrypted; docs/threat-model.md says more.
func (k *KMS) RemoveRoot(ctx context.Context, id string, staying ...rootkey.Provider) error {
	c := k.begin(OpRemoveRoot, "")
	return k.end(ctx, &c, nil, k.removeRoot(ctx, &c, id, staying))
}

func (k *KMS) removeRoot(ctx context.Context, c *call, id string, staying []rootkey.Provider) error {
	if slices.Contains(staying, nil) {
		return fmt.Errorf("%w: a root key is nil", ErrInvalidArgument)
	}
	switch err := k.admitStore(ctx, c); err {
	case nil:
	case ErrDryRun: // itself: an Authorizer's error may wrap it
		return cmp.Or(k.checkRemoval(ctx, id, staying), err)
	default:
		return err
	}
	return k.changeRing(ctx, func(known *keyring.Ring) (*keyring.Ring, error) {
		staying := k.withOwnRoot(id, staying)
		if gone, err := k.ownRootIsGone(ctx, id); err != nil {
			return nil, err
		} else if gone && len(staying) > 0 {
			return k.moveTo(ctx, staying[0])
		}
		ring, err := keyring.RemoveRoot(ctx, k.ringWriter, known, id, staying, k.timestamp())
		if err == nil && k.root.ID() == id {
			k.root = staying[0]
		}
		return ring, err
	})
}

// ownRootIsGone reports whether id is the root of this KMS and the store's no
// more: by an earlier call whose outcome was unknown, or by another process.
func (c *core) ownRootIsGone(ctx context.Context, id string) (bool, error) {
	if c.root.ID() != id {
		return false, nil
	}
	rec, err := c.find(ctx, keyring.Key)
	if err != nil {
		return false, err
	}
	ids, err := keyring.RootIDs(rec)
	return !slices.Contains(ids, id), err
}

// moveTo makes p the root of this KMS, if it opens the store.
func (c *core) moveTo(ctx context.Context, p rootkey.Provider) (*keyring.Ring, error) {
	rec, err := c.find(ctx, keyring.Key)
	if err != nil {
		return nil, err
	}
	if rec.Rev < c.ring.Load().Rev() {
		return nil, fmt.Errorf("%w: an old keyring", ErrRollback)
	}
	ring, err := c.openRing(ctx, rec, p)
	if err == nil {
		c.root, c.refused = p, refusedRing{}
	}
	return ring, err
}

// checkRemoval returns the error that RemoveRoot would meet before it asks a
// root key.
func (k *KMS) checkRemoval(ctx context.Context, id string, staying []rootkey.Provider) error {
	rec, err := k.find(ctx, keyring.Key)
	if err != nil {
		return err
	}
	if err := k.lockRing(ctx); err != nil {
		return storeError(err)
	}
	defer k.unlockRing()
	if gone, err := k.ownRootIsGone(ctx, id); gone && len(staying) > 0 || err != nil {
		return err // to move to another is all there is to do
	}
	return ringError(keyring.CheckRemoval(rec, id, k.withOwnRoot(id, staying)))
}

// withOwnRoot returns staying with the root of this KMS, unless that is to go.
func (c *core) withOwnRoot(id string, staying []rootkey.Provider) []rootkey.Provider {
	own := c.root.ID()
	for _, p := range staying {
		if p.ID() == own {
			return staying
		}
	}
	if own == id {
		return staying
	}
	return append([]rootkey.Provider{c.root}, staying...)
}

// RotateStorageKey makes records be sealed under a new key from now on. The
// next Maintain seals all others anew; if it is interrupted, the one after goes
// on. A day later Maintain drops the old key.
func (k *KMS) RotateStorageKey(ctx context.Context) error {
	c := k.begin(OpRotateStorageKey, "")
	err := k.admitStore(ctx, &c)
	if err == nil {
		err = k.changeRing(ctx, func(known *keyring.Ring) (*keyring.Ring, error) {
			return keyring.AddStorageKey(ctx, k.ringWriter, known, k.root, k.timestamp())
		})
	}
	return k.end(ctx, &c, nil, err)
}

// changeRing makes a change of the stored keyring and uses the result. While it
// is made no other keyring is taken up: it may be one that only the root key
// which the change leaves opens.
func (c *core) changeRing(ctx context.Context, change func(known *keyring.Ring) (*keyring.Ring, error)) error {
	if err := c.lockRing(ctx); err != nil {
		return storeError(err)
	}
	defer c.unlockRing()
	ring, err := change(c.ring.Load())
	if err != nil {
		return ringError(err)
	}
	if ring.Rev() > c.ring.Load().Rev() {
		c.useRing(ring)
	}
	return nil
}

// ringError makes an error of a changed keyring one of this package.
func ringError(err error) error {
	switch {
	case errors.Is(err, keyring.ErrRootExists), errors.Is(err, keyring.ErrRootsDiffer):
		return fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	case errors.Is(err, keyring.ErrLastRoot):
		return fmt.Errorf("%w: %w", ErrInvalidState, err)
	case errors.Is(err, keyring.ErrFull):
		return fmt.Errorf("%w: %w", ErrLimitExceeded, err)
	case errors.Is(err, keyring.ErrOld):
		return fmt.Errorf("%w: %w", ErrRollback, err)
	}
	return storeError(err)
}
