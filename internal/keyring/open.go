package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// ErrNoKeyring says that a store is empty and must not be made a new one.
var ErrNoKeyring = errors.New("store has no keyring")

// Open opens the store's keyring with root. A provably empty store gets a new
// one, exactly once however many processes open it, unless mustExist is set.
func Open(ctx context.Context, w *settle.Writer, root rootkey.Provider, mustExist bool,
	now time.Time) (*Ring, error) {
	if err := checkID(root.ID()); err != nil {
		return nil, err
	}
	rec, err := w.Store.Get(ctx, Key)
	if errors.Is(err, keystore.ErrNotFound) {
		rec, err = found(ctx, w, root, mustExist, now)
	}
	if err != nil {
		return nil, err
	}
	return Load(ctx, rec, root)
}

// found returns the keyring record of a store in which there was none: a new
// one, or that of whoever was first.
func found(ctx context.Context, w *settle.Writer, root rootkey.Provider, mustExist bool,
	now time.Time) (keystore.Record, error) {
	records, err := w.Store.List(ctx, "", "", 1)
	if err != nil {
		return keystore.Record{}, err
	}
	if len(records) > 0 {
		// A keyring may have come between the two calls, and only then records.
		rec, err := w.Store.Get(ctx, Key)
		if errors.Is(err, keystore.ErrNotFound) {
			err = fmt.Errorf("%w: keyring missing, records present", record.ErrTampered)
		}
		return rec, err
	}
	if mustExist {
		return keystore.Record{}, ErrNoKeyring
	}
	if err := create(ctx, w, root, now); err != nil {
		return keystore.Record{}, err
	}
	return w.Store.Get(ctx, Key)
}

// create puts a new keyring, unless there is one by then.
func create(ctx context.Context, w *settle.Writer, root rootkey.Provider, now time.Time) error {
	_, rec, err := New(ctx, root, now)
	if err != nil {
		return err
	}
	_, err = w.Create(ctx, Key, func(cur keystore.Record) ([]byte, error) {
		if cur.Rev != 0 {
			return nil, nil // another process was first
		}
		return rec.Data, nil
	})
	return err
}

// New returns the keyring of a new store, and the record to put it as, which
// opens with root.
func New(ctx context.Context, root rootkey.Provider, now time.Time) (*Ring, keystore.Record, error) {
	if err := checkID(root.ID()); err != nil {
		return nil, keystore.Record{}, err
	}
	d := newDraft(now)
	defer d.clear()
	if err := d.wrap(ctx, root); err != nil {
		return nil, keystore.Record{}, err
	}
	data, err := d.seal(1)
	if err != nil {
		return nil, keystore.Record{}, err
	}
	return d.ring.ready(), keystore.Record{Key: Key, Rev: 1, Data: data}, nil
}

// Load opens a keyring record with root.
func Load(ctx context.Context, rec keystore.Record, root rootkey.Provider) (*Ring, error) {
	sealed, err := parse(rec.Data)
	if err != nil {
		return nil, err
	}
	d, err := sealed.draft(ctx, rec.Rev, root)
	if err != nil {
		return nil, err
	}
	defer d.clear()
	return d.ring.ready(), nil
}
