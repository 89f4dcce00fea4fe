// Package settle makes writes certain. A Put that fails may have happened, or
// may still happen; settling finds out which, so that a lost reply neither
// loses a change nor makes it twice.
package settle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"time"

	"github.com/embedkms/kms/keystore"
)

var (
	// ErrUnknownOutcome says that a write could not be settled: it may have
	// happened, or may still happen.
	ErrUnknownOutcome = errors.New("outcome of the write is unknown")

	// ErrConflict says that others changed the record at the same time, and
	// kept doing so.
	ErrConflict = errors.New("others made changes at the same time: try again")
)

const (
	settleLimit = 3 * time.Second       // for settling one Put
	settleAfter = 90 * time.Millisecond // for the same once ctx is done: a call has 100 ms to return
	maxRuns     = 64                    // of one mutation
	minPause    = 5 * time.Millisecond  // between tries, doubling
	maxPause    = 250 * time.Millisecond
	lanes       = 64
)

// An Edit is a mutation: it returns the sealed bytes to store at cur.Rev+1, nil
// for nothing to do, or the error that ends the mutation. cur.Rev is 0 where
// there is no record. It runs again on what is stored whenever another write
// came between, so it must recognise its own work: it carries an identity that
// is drawn once, outside of it, and kept in the record.
type Edit func(cur keystore.Record) ([]byte, error)

// A Writer makes settled writes to Store.
type Writer struct {
	Store keystore.Store

	// Mutations of one record in this process queue here, rather than
	// conflict in the store. The rest is left to compare-and-swap.
	lanes [lanes]chan struct{}
	seed  maphash.Seed
}

// NewWriter returns a Writer to store.
func NewWriter(store keystore.Store) *Writer {
	w := &Writer{Store: store, seed: maphash.MakeSeed()}
	for i := range w.lanes {
		w.lanes[i] = make(chan struct{}, 1)
	}
	return w
}

// Create runs edit on the absence of a record, and on what is stored if there
// is one. Like Update it returns the record as it stands after the edit; its
// Data is nil if nothing was written.
func (w *Writer) Create(ctx context.Context, key string, edit Edit) (keystore.Record, error) {
	return w.run(ctx, key, edit, func() (keystore.Record, error) {
		return keystore.Record{Key: key}, nil
	})
}

// Update runs edit on the stored record, or on its absence.
func (w *Writer) Update(ctx context.Context, key string, edit Edit) (keystore.Record, error) {
	return w.run(ctx, key, edit, func() (keystore.Record, error) {
		return current(ctx, w.Store, key)
	})
}

func (w *Writer) run(ctx context.Context, key string, edit Edit, first func() (keystore.Record, error)) (keystore.Record, error) {
	lane := w.lanes[maphash.String(w.seed, key)%lanes]
	select {
	case lane <- struct{}{}:
		defer func() { <-lane }()
	case <-ctx.Done():
		return keystore.Record{}, ctx.Err()
	}
	cur, err := first()
	if err != nil {
		return keystore.Record{}, err
	}
	for try := 0; ; try++ {
		// This also tells whether an earlier attempt has been stored, and what is
		// stored by now leaves no room for it to land later. So an end without a
		// write, below, is a certain one.
		data, err := edit(cur)
		if err != nil || data == nil {
			return keystore.Record{Key: key, Rev: cur.Rev}, err
		}
		if err := ctx.Err(); err != nil {
			return keystore.Record{}, err
		}
		if try == maxRuns {
			return keystore.Record{}, ErrConflict
		}
		next := keystore.Record{Key: key, Rev: cur.Rev + 1, Data: data}
		if cur, err = w.put(ctx, next); err != nil {
			return keystore.Record{}, err
		}
		if equal(cur, next) {
			return next, nil
		}
		_ = pause(ctx, try)
		// Others have gone on meanwhile: a write on top of cur would be lost.
		if fresh, err := current(ctx, w.Store, key); err == nil && fresh.Rev > cur.Rev {
			cur = fresh
		}
	}
}

// put stores next and returns what is then known to be stored: next itself, or
// what another writer stored at its revision or later.
func (w *Writer) put(ctx context.Context, next keystore.Record) (keystore.Record, error) {
	cause := w.Store.Put(ctx, next)
	if cause == nil {
		return next, nil
	}
	settling, stop := limit(ctx)
	defer stop()
	for try := 0; ; try++ {
		cur, err := current(settling, w.Store, next.Key)
		switch {
		case errors.Is(err, keystore.ErrClosed):
			return cur, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		case err != nil:
		case cur.Rev >= next.Rev:
			return cur, nil
		case cur.Rev == next.Rev-1:
			// The same bytes, never sealed anew: the first attempt may still
			// land, and must not be a second change when it does.
			if w.Store.Put(settling, next) == nil {
				return next, nil
			}
		}
		if pause(settling, try) != nil {
			return cur, fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
		}
	}
}

// Confirm reads a record after a write that the caller has made, with the
// patience that a write is settled with.
func (w *Writer) Confirm(ctx context.Context, key string) (keystore.Record, error) {
	settling, stop := limit(ctx)
	defer stop()
	for try := 0; ; try++ {
		cur, err := current(settling, w.Store, key)
		if err == nil {
			return cur, nil
		}
		if errors.Is(err, keystore.ErrClosed) || pause(settling, try) != nil {
			return cur, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		}
	}
}

// limit returns a context that outlives ctx, but not by much.
func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(settleAfter, cancel)
		context.AfterFunc(settling, func() { timer.Stop() })
	})
	return settling, func() { stop(); cancel() }
}

// current returns the stored record, with Rev 0 if there is none.
func current(ctx context.Context, s keystore.Store, key string) (keystore.Record, error) {
	rec, err := s.Get(ctx, key)
	if errors.Is(err, keystore.ErrNotFound) {
		return keystore.Record{Key: key}, nil
	}
	rec.Key = key // whatever the store says it is of
	return rec, err
}

func equal(a, b keystore.Record) bool { return a.Rev == b.Rev && bytes.Equal(a.Data, b.Data) }

// pause waits for a random time that doubles with try, or for ctx.
func pause(ctx context.Context, try int) error {
	most := min(minPause<<min(try, 10), maxPause)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
