package keyring

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// Errors of changes to the set of root keys.
var (
	ErrRootExists  = errors.New("another root key has this ID")
	ErrRootsDiffer = errors.New("root keys are not those of the store")
	ErrLastRoot    = errors.New("last root key of the store")
)

// RootIDs returns the IDs of the root keys that wrap a keyring record, in their
// order. The record is not opened, so this proves nothing.
func RootIDs(rec keystore.Record) ([]string, error) {
	sealed, err := parse(rec.Data)
	if err != nil {
		return nil, err
	}
	return sealed.wrappings.ids(), nil
}

// AddRoot makes added one more root key of the store, which root opens now. If
// it is one already, nothing is written. It returns the keyring as it is then
// stored. If a root key was removed meanwhile, perhaps this one, it is
// settle.ErrConflict: made again, the change could bring back what another has
// just taken away.
func AddRoot(ctx context.Context, w *settle.Writer, known *Ring,
	root, added rootkey.Provider) (*Ring, error) {
	if err := checkID(added.ID()); err != nil {
		return nil, err
	}
	roots, forget := onceEach(root, added)
	defer forget()
	var first [32]byte // KK when this was first tried; every removal changes it
	defer clear(first[:])
	return modify(ctx, w, known, roots[:1], func(d *draft) (bool, error) {
		if first == [32]byte{} {
			first = *d.kk
		}
		if d.wrappings.find(added.ID()) == nil && subtle.ConstantTimeCompare(first[:], d.kk[:]) != 1 {
			return false, fmt.Errorf("%w: a root key was removed meanwhile", settle.ErrConflict)
		}
		return d.addRoot(ctx, roots[1])
	})
}

// addRoot adds added, unless it is there, and reports whether it did.
func (d *draft) addRoot(ctx context.Context, added rootkey.Provider) (bool, error) {
	if d.wrappings.find(added.ID()) != nil {
		err := d.verify(ctx, added)
		if errors.Is(err, ErrWrongRoot) {
			err = fmt.Errorf("%w: %q", ErrRootExists, added.ID())
		}
		return false, err
	}
	if len(d.wrappings) >= maxRoots {
		return false, fmt.Errorf("%w: it has %d root keys", ErrFull, len(d.wrappings))
	}
	if err := d.wrap(ctx, added); err != nil {
		return false, err
	}
	return true, nil
}

// RemoveRoot makes the root key with this ID one of the store's no more: staying,
// which are all others, wrap a new KK, and a new version of the storage key,
// created now, seals from then on. Whoever has the removed root key and a copy
// of the old keyring opens nothing that is sealed under the new version. It
// returns the keyring as it is then stored.
func RemoveRoot(ctx context.Context, w *settle.Writer, known *Ring, id string,
	staying []rootkey.Provider, now time.Time) (*Ring, error) {
	if err := checkStored(ctx, w, known, id, staying); err != nil {
		return nil, err
	}
	roots, forget := onceEach(staying...)
	defer forget()
	r := removal{id: id, staying: roots, key: newStorageKey(now)}
	rand.Read(r.kk[:])
	defer r.clear()
	return modify(ctx, w, known, roots, func(d *draft) (bool, error) {
		return r.edit(ctx, d)
	})
}

// checkStored checks the roots that stay against the stored keyring before any
// of them is asked: there may be none to open it with.
func checkStored(ctx context.Context, w *settle.Writer, known *Ring, id string,
	staying []rootkey.Provider) error {
	_, err := w.Update(ctx, Key, func(cur keystore.Record) ([]byte, error) {
		sealed, err := known.parseNext(cur)
		if err != nil {
			return nil, err
		}
		return nil, checkStaying(sealed.wrappings, id, staying)
	})
	return err
}

// CheckRemoval returns the error that RemoveRoot would meet before it asks a
// root key.
func CheckRemoval(rec keystore.Record, id string, staying []rootkey.Provider) error {
	sealed, err := parse(rec.Data)
	if err != nil {
		return err
	}
	return checkStaying(sealed.wrappings, id, staying)
}

// checkStaying returns an error unless staying are all roots that wrap but id.
func checkStaying(ws wrappings, id string, staying []rootkey.Provider) error {
	others := ws.ids()
	at := slices.Index(others, id)
	if at < 0 {
		return fmt.Errorf("%w: they are %s, not %q", ErrRootsDiffer, quote(others), id)
	}
	if len(others) == 1 {
		return fmt.Errorf("%w: %q", ErrLastRoot, id)
	}
	others = slices.Delete(others, at, at+1)
	for _, root := range staying {
		at := slices.Index(others, root.ID())
		if at < 0 {
			return fmt.Errorf("%w: %q is none that stays, or is there twice", ErrRootsDiffer, root.ID())
		}
		others = slices.Delete(others, at, at+1)
	}
	if len(others) > 0 {
		return fmt.Errorf("%w: %s missing", ErrRootsDiffer, quote(others))
	}
	return nil
}

// A removal is what a call of RemoveRoot has drawn, once for all runs.
type removal struct {
	id      string
	staying []rootkey.Provider
	kk      [32]byte
	key     *storageKey
}

func (r *removal) clear() {
	clear(r.kk[:])
	clear(r.key.key[:])
}

func (r *removal) edit(ctx context.Context, d *draft) (bool, error) {
	if d.hasKey(r.key) {
		return false, nil // by an earlier run
	}
	if err := checkStaying(d.wrappings, r.id, r.staying); err != nil {
		return false, err
	}
	for _, root := range r.staying {
		if err := d.verify(ctx, root); err != nil {
			return false, err
		}
	}
	d.addKey(r.key)
	if err := r.rewrap(ctx, d); err != nil {
		return false, err
	}
	return true, nil
}

// rewrap puts the new KK in place of the old one, with the wrappings in the
// order that they had.
func (r *removal) rewrap(ctx context.Context, d *draft) error {
	old := d.wrappings
	*d.kk, d.wrappings = r.kk, nil
	for _, w := range old {
		at := slices.IndexFunc(r.staying, func(p rootkey.Provider) bool { return p.ID() == w.id })
		if at < 0 {
			continue // the one that goes
		}
		if err := d.wrap(ctx, r.staying[at]); err != nil {
			return err
		}
	}
	return nil
}
