package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// ErrOld says that the store shows an earlier keyring than it has shown.
var ErrOld = errors.New("stored keyring is an earlier one")

// An edit changes a draft of what is stored and reports whether it did. It runs
// again when another write came between, like a settle.Edit, and must
// recognise what an earlier run of it has stored.
type edit func(d *draft) (changed bool, err error)

// modify makes a change to the stored keyring, of which known is this or an
// earlier revision, and returns what is then stored. The first of roots that
// opens it is enough: another change may have removed one of them since a run
// of this one was stored, which it is then to find out.
func modify(ctx context.Context, w *settle.Writer, known *Ring, roots []rootkey.Provider,
	change edit) (*Ring, error) {
	var ring *Ring
	_, err := w.Update(ctx, Key, func(cur keystore.Record) ([]byte, error) {
		d, err := known.next(ctx, cur, roots)
		if err != nil {
			return nil, err
		}
		defer d.clear()
		data, err := d.change(change)
		if err == nil {
			ring = d.ring.ready()
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	return ring, nil
}

// change returns the data to store after an edit, nil if there is none.
func (d *draft) change(change edit) ([]byte, error) {
	changed, err := change(d)
	if err != nil || !changed {
		return nil, err
	}
	return d.seal(d.ring.rev + 1)
}

// next opens rec, a later keyring of r's store or r itself.
func (r *Ring) next(ctx context.Context, rec keystore.Record,
	roots []rootkey.Provider) (*draft, error) {
	sealed, err := r.parseNext(rec)
	if err != nil {
		return nil, err
	}
	d, err := sealed.draftAny(ctx, rec.Rev, roots)
	if err != nil {
		return nil, err
	}
	if !r.SameStore(d.ring) {
		d.clear()
		return nil, errOtherStore()
	}
	return d, nil
}

// parseNext reads rec, whose revision and store it checks first: a root key
// that is not of that store could only say that it is the wrong one.
func (r *Ring) parseNext(rec keystore.Record) (*sealedRing, error) {
	if rec.Rev == 0 {
		return nil, fmt.Errorf("%w: keyring missing", record.ErrTampered)
	}
	sealed, err := parse(rec.Data)
	switch {
	case err != nil:
		return nil, err
	case sealed.storeID != r.storeID:
		return nil, errOtherStore()
	case rec.Rev < r.rev:
		return nil, fmt.Errorf("%w: revision %d, was %d", ErrOld, rec.Rev, r.rev)
	}
	return sealed, nil
}

func errOtherStore() error {
	return fmt.Errorf("%w: keyring of another store", record.ErrTampered)
}

// draftAny opens s with the first of roots that does, of at least one.
func (s *sealedRing) draftAny(ctx context.Context, rev uint64,
	roots []rootkey.Provider) (*draft, error) {
	var err error
	for _, root := range roots {
		var d *draft
		if d, err = s.draft(ctx, rev, root); err == nil {
			return d, nil
		}
	}
	return nil, err
}
