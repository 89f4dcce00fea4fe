// Package ackload is the load under which key stores are crashed: writers that
// create, replace and delete records, a ledger of what the store acknowledged,
// and the check that all of it is there afterwards.
package ackload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/embedkms/kms/keystore"
)

const (
	kept   = 3 // records that a writer replaces again and again
	living = 4 // records that it has created and not deleted yet
	pause  = 5 * time.Millisecond
)

// Options are the optional arguments of Run.
type Options struct {
	// Writers is how many write at the same time, each its own records; 0 is 4.
	Writers int

	// Round makes new keys for the records that are created. It must be another
	// one in each Run on the same store.
	Round int

	// Note is told of each event, by all writers at once; nil is nobody.
	Note func(Event)

	// Failed is told of each call that failed, by all writers at once; nil is
	// nobody.
	Failed func(error)

	// Limit is how long a call may take; 0 is a second.
	Limit time.Duration
}

// Run writes to s until ctx is done, and goes on where another Run was ended by
// whatever means. A call that fails has an unknown outcome: the writer looks
// what is stored, as often as it takes, and makes the same write again if it
// has not happened.
//
// It returns an error when s breaks its contract: a conflict though nobody else
// writes, or a record that nobody wrote.
func Run(ctx context.Context, s keystore.Store, opts *Options) error {
	o := *opts
	if o.Writers == 0 {
		o.Writers = 4
	}
	if o.Limit == 0 {
		o.Limit = time.Second
	}
	if o.Note == nil {
		o.Note = func(Event) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	failed := make([]error, o.Writers)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			w := writer{Options: o, store: s, number: i}
			if failed[i] = w.run(ctx); failed[i] != nil {
				cancel(failed[i]) // and the others stop
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

type writer struct {
	Options
	store  keystore.Store
	number int
}

// run returns nil when ctx is done.
func (w *writer) run(ctx context.Context) error {
	revs, err := w.resume(ctx)
	for i := 0; err == nil; i++ {
		err = w.step(ctx, i, revs)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// step replaces a record, creates one and deletes one.
func (w *writer) step(ctx context.Context, i int, revs []uint64) error {
	rev := &revs[i%kept]
	*rev++
	if err := w.put(ctx, w.keptKey(i%kept), *rev); err != nil {
		return err
	}
	if err := w.put(ctx, w.passingKey(i), 1); err != nil || i < living {
		return err
	}
	return w.delete(ctx, w.passingKey(i-living))
}

func (w *writer) keptKey(i int) string { return fmt.Sprintf("key/%d-%d", w.number, i) }

func (w *writer) passingKey(i int) string {
	return fmt.Sprintf("passing/%d-%d-%d", w.number, w.Round, i)
}

// resume returns the revisions of the kept records, and deletes what the Run
// before has left.
func (w *writer) resume(ctx context.Context) ([]uint64, error) {
	revs := make([]uint64, kept)
	for i := range revs {
		r, err := w.stored(ctx, w.keptKey(i))
		if err != nil {
			return nil, err
		}
		revs[i] = r.Rev
	}
	for {
		var page []keystore.Record
		err := w.until(ctx, func(ctx context.Context) (err error) {
			page, err = w.store.List(ctx, fmt.Sprintf("passing/%d-", w.number), "", keystore.MaxLimit)
			return err
		})
		if err != nil || len(page) == 0 {
			return revs, err
		}
		for _, r := range page {
			if err := w.delete(ctx, r.Key); err != nil {
				return nil, err
			}
		}
	}
}

func (w *writer) put(ctx context.Context, key string, rev uint64) error {
	next := keystore.Record{Key: key, Rev: rev, Data: content(key, rev)}
	return w.write(ctx, next, rev-1, func(ctx context.Context) error { return w.store.Put(ctx, next) })
}

// delete deletes a record at its first revision.
func (w *writer) delete(ctx context.Context, key string) error {
	w.Note(Event{Key: key, Going: true})
	return w.write(ctx, keystore.Record{Key: key}, 1, func(ctx context.Context) error {
		return w.store.Delete(ctx, key, 1)
	})
}

// write makes a call until next is what is stored, in the place of the revision
// before, and notes it.
func (w *writer) write(
	ctx context.Context, next keystore.Record, before uint64, call func(context.Context) error,
) error {
	for first := true; ; first = false {
		err := w.limited(ctx, call)
		if err == nil {
			break
		}
		if first && (errors.Is(err, keystore.ErrConflict) || errors.Is(err, keystore.ErrNotFound)) {
			return fmt.Errorf("%s to %d: %w, though nobody else writes it", next.Key, next.Rev, err)
		}
		now, err := w.stored(ctx, next.Key)
		if err != nil {
			return err
		}
		if now.Rev == next.Rev && bytes.Equal(now.Data, next.Data) {
			break
		}
		if now.Rev != before {
			return fmt.Errorf("%s is at %d, which was to go from %d to %d",
				next.Key, now.Rev, before, next.Rev)
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
	w.Note(Event{Key: next.Key, Rev: next.Rev})
	return nil
}

// stored returns the stored record once there is an answer, with Rev 0 if there
// is none.
func (w *writer) stored(ctx context.Context, key string) (r keystore.Record, err error) {
	err = w.until(ctx, func(ctx context.Context) (err error) {
		if r, err = w.store.Get(ctx, key); errors.Is(err, keystore.ErrNotFound) {
			r, err = keystore.Record{Key: key}, nil
		}
		return err
	})
	return r, err
}

// until makes a call until it succeeds.
func (w *writer) until(ctx context.Context, call func(context.Context) error) error {
	for {
		err := w.limited(ctx, call)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, keystore.ErrCorrupt), errors.Is(err, keystore.ErrClosed):
			return err
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
}

// limited makes a call that is not cancelled with ctx: what was begun shall have
// an outcome.
func (w *writer) limited(ctx context.Context, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Limit)
	defer cancel()
	err := call(limited)
	if err != nil {
		w.Failed(err)
	}
	return err
}

// wait waits a moment before a call is made again.
func wait(ctx context.Context) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// content is what belongs into a record: up to 10 KiB, sometimes 100, so that a
// torn write shows.
func content(key string, rev uint64) []byte {
	times := 1 + int(rev%7)*100
	if rev%40 == 13 {
		times = 7000
	}
	return bytes.Repeat(fmt.Appendf(nil, "%s at %d, ", key, rev), times)
}
