package kms

import (
	"context"
	"errors"
	"fmt"

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
	k.rootMu.Lock()
	defer k.rootMu.Unlock()
	roots := make([]RootInfo, len(ids))
	for i, id := range ids {
		roots[i] = RootInfo{id, id == k.root.ID()}
	}
	return roots, nil
}

// AddRoot lets another root key open the store, such as one that is kept
// elsewhere for recovery: it is needed here once, and then not before the other
// is lost. If the store has p already, nothing changes; if another root has its
// ID, the error is ErrInvalidArgument.
func (k *KMS) AddRoot(ctx context.Context, p rootkey.Provider) error {
	c := k.begin(OpAddRoot, "")
	err := k.changeRoots(ctx, &c, []rootkey.Provider{p}, func(known *keyring.Ring) (*keyring.Ring, error) {
		return keyring.AddRoot(ctx, k.writer, known, k.root, p)
	})
	return k.end(ctx, &c, nil, err)
}

// RemoveRoot keeps a root key from opening the store. All roots that stay are
// needed, because they get a new keyring key to open; the one that this KMS was
// opened with need not be named. The last one cannot be removed: that is
// ErrInvalidState. Staying providers that are not the store's are
// ErrWrongRootKey, and if they are not all that stay, ErrInvalidArgument.
//
// From then on records are sealed under a new storage key, and Maintain seals
// the others anew: call it. Whoever has the removed root key and an old copy of
// the store can still read that copy. If that is the reason for removing it,
// rotate the keys in the store as well, and what they have encrypted.
func (k *KMS) RemoveRoot(ctx context.Context, id string, staying ...rootkey.Provider) error {
	c := k.begin(OpRemoveRoot, "")
	err := k.changeRoots(ctx, &c, staying, func(known *keyring.Ring) (*keyring.Ring, error) {
		staying := k.withOwnRoot(id, staying)
		ring, err := keyring.RemoveRoot(ctx, k.writer, known, id, staying, k.timestamp())
		if err == nil && k.root.ID() == id {
			k.root = staying[0]
		}
		return ring, err
	})
	return k.end(ctx, &c, nil, err)
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
// next Maintain seals all others anew, and then drops the old key; if it is
// interrupted, the one after goes on.
func (k *KMS) RotateStorageKey(ctx context.Context) error {
	c := k.begin(OpRotateStorageKey, "")
	err := k.changeRoots(ctx, &c, nil, func(known *keyring.Ring) (*keyring.Ring, error) {
		return keyring.AddStorageKey(ctx, k.writer, known, k.root, k.timestamp())
	})
	return k.end(ctx, &c, nil, err)
}

func (k *KMS) changeRoots(ctx context.Context, c *call, given []rootkey.Provider, change func(*keyring.Ring) (*keyring.Ring, error)) error {
	for _, p := range given {
		if p == nil {
			return fmt.Errorf("%w: a root key is needed", ErrInvalidArgument)
		}
	}
	if err := k.admitStore(ctx, c); err != nil {
		return err
	}
	return k.changeRing(change)
}

// changeRing makes a change of the stored keyring and uses the result. While it
// is made no other keyring is taken up: it may be one that only the root key
// which the change leaves opens.
func (c *core) changeRing(change func(known *keyring.Ring) (*keyring.Ring, error)) error {
	c.rootMu.Lock()
	defer c.rootMu.Unlock()
	ring, err := change(c.ring.Load())
	switch {
	case errors.Is(err, keyring.ErrRootExists), errors.Is(err, keyring.ErrRootsDiffer):
		return fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	case errors.Is(err, keyring.ErrLastRoot):
		return fmt.Errorf("%w: %w", ErrInvalidState, err)
	case errors.Is(err, keyring.ErrFull):
		return fmt.Errorf("%w: %w", ErrLimitExceeded, err)
	case errors.Is(err, keyring.ErrOld):
		return fmt.Errorf("%w: %w", ErrRollback, err)
	case err != nil:
		return storeError(err)
	}
	if ring.Rev() > c.ring.Load().Rev() {
		c.useRing(ring)
	}
	return nil
}
