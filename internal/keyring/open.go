package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// Errors of a root key, beside those of a record.
var (
	ErrWrongRoot       = errors.New("root key does not open this store")
	ErrRootUnavailable = errors.New("root key could not be used")
)

// maxRootID is the longest ID of a root key in bytes.
const maxRootID = 255

// Open opens the store's keyring with root. A provably empty store gets a new
// one, exactly once however many processes open it, unless mustExist is set.
func Open(ctx context.Context, w *settle.Writer, root rootkey.Provider, mustExist bool, now time.Time) (*Ring, error) {
	if n := len(root.ID()); n == 0 || n > maxRootID {
		return nil, fmt.Errorf("%w: its ID has %d bytes, want 1 to %d", ErrRootUnavailable, n, maxRootID)
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
func found(ctx context.Context, w *settle.Writer, root rootkey.Provider, mustExist bool, now time.Time) (keystore.Record, error) {
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
	ring := newRing(now)
	var kk [32]byte
	rand.Read(kk[:])
	defer clear(kk[:])
	wrapped, err := root.Wrap(ctx, kk[:], wrapBound(ring.storeID, root.ID()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	}
	head, err := marshalHead(ring.storeID, []wrapping{{root.ID(), wrapped}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err) // wrapped is too long
	}
	data := ring.sealBody(&kk, head, 1)
	_, err = w.Create(ctx, Key, func(cur keystore.Record) ([]byte, error) {
		if cur.Rev != 0 {
			return nil, nil // another process was first
		}
		return data, nil
	})
	return err
}

// Load opens a keyring record with root.
func Load(ctx context.Context, rec keystore.Record, root rootkey.Provider) (*Ring, error) {
	sealed, err := parse(rec.Data)
	if err != nil {
		return nil, err
	}
	kk, err := sealed.unwrap(ctx, root)
	if err != nil {
		return nil, err
	}
	defer clear(kk[:])
	ring, err := sealed.open(kk, rec.Rev)
	if err != nil {
		return nil, err
	}
	return ring.ready(), nil
}

// unwrap returns KK, by root's wrapping of it.
func (s *sealedRing) unwrap(ctx context.Context, root rootkey.Provider) (*[32]byte, error) {
	for _, w := range s.wrappings {
		if w.id != root.ID() {
			continue
		}
		kk, err := root.Unwrap(ctx, w.wrapped, wrapBound(s.storeID, w.id))
		defer clear(kk)
		switch {
		case errors.Is(err, rootkey.ErrWrongKey):
			return nil, fmt.Errorf("%w: %w", ErrWrongRoot, err)
		case errors.Is(err, rootkey.ErrTampered):
			return nil, fmt.Errorf("%w: %w", record.ErrTampered, err)
		case errors.Is(err, rootkey.ErrFormatTooNew):
			return nil, fmt.Errorf("%w: %w", record.ErrFormatTooNew, err)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrRootUnavailable, err)
		case len(kk) != 32:
			return nil, fmt.Errorf("%w: unwrapped %d bytes, want 32", record.ErrTampered, len(kk))
		}
		return (*[32]byte)(append([]byte(nil), kk...)), nil
	}
	return nil, fmt.Errorf("%w: it is wrapped by %s, not by %q",
		ErrWrongRoot, quoteIDs(s.wrappings), root.ID())
}
