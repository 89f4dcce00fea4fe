package keycache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/embedkms/kms/keystore"
)

// A flight is one load of a key, which any number of callers wait for. It is
// no caller's own, so that one who gives up does not fail the rest.
type flight[K comparable, V any] struct {
	start time.Duration // of its Get, or of its latest if it read again
	done  chan struct{} // closed when entry and err are set
	entry *Entry[K, V]
	err   error
}

var errClosed = errors.New("cache is closed")

// join returns a flight of key whose Get starts no earlier than since.
func (c *Cache[K, V]) join(key K, since time.Duration) *flight[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joinLocked(key, since)
}

// joinLocked is join. c.mu is held.
func (c *Cache[K, V]) joinLocked(key K, since time.Duration) *flight[K, V] {
	// With MaxStale 0 a call takes part only in a Get that began after it did.
	if f := c.flights[key]; f != nil && f.start >= since && c.MaxStale > 0 {
		return f
	}
	f := &flight[K, V]{start: c.elapsed(), done: make(chan struct{})}
	if !c.Outage.Go(func(ctx context.Context) { c.run(ctx, key, f) }) {
		f.err = errClosed
		close(f.done)
		return f
	}
	c.flights[key] = f
	return f
}

// wait returns what f brings, or e, if it is given, once the store has proved
// slow or unreachable.
func (c *Cache[K, V]) wait(ctx context.Context, f *flight[K, V], e *Entry[K, V]) (*Entry[K, V], error) {
	var patience <-chan time.Time
	if e != nil {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-f.done:
		if e != nil && isOutage(f.err) {
			return e, nil
		}
		return f.entry, f.err
	case <-patience:
		c.Outage.report()
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run loads key for f.
func (c *Cache[K, V]) run(ctx context.Context, key K, f *flight[K, V]) {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	late := time.AfterFunc(slow, c.Outage.report)
	defer late.Stop()

	for again := true; again; {
		f.entry, again, f.err = c.load(ctx, key, f)
	}
	if isOutage(f.err) {
		c.Outage.report()
	}
	c.mu.Lock()
	c.retire(key, f)
	c.mu.Unlock()
	close(f.done)
}

// retire keeps callers that come later from joining f. Where f has a result,
// that is before c.mu is let go: a local write could come next, and who begins
// after it must not get what was before. c.mu is held.
func (c *Cache[K, V]) retire(key K, f *flight[K, V]) {
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}

// An unreachableError says that the store did not answer.
type unreachableError struct{ error }

func (e unreachableError) Unwrap() error { return e.error }

// Unreachable makes err one of a Build that needed the store and did not reach
// it: what was built before is then used as in any other outage.
func Unreachable(err error) error { return unreachableError{err} }

func isOutage(err error) bool {
	_, ok := errors.AsType[unreachableError](err)
	return ok
}

// A get is what was known when a Get began.
type get[K comparable, V any] struct {
	flight *flight[K, V] // that it is for
	start  time.Duration
	began  Moment
	writes uint64 // local ones, of the key
	hints  uint64 // of any key
}

// load reads key once. Its result is void, and again is set, if the Get
// started before a local write, or before something newer was learned.
func (c *Cache[K, V]) load(ctx context.Context, key K, f *flight[K, V]) (e *Entry[K, V], again bool, err error) {
	c.mu.Lock()
	g := get[K, V]{f, c.elapsed(), c.moment, c.marks[key].writes, c.hints}
	f.start = g.start
	c.mu.Unlock()

	rec, err := c.Get(ctx, key)
	switch {
	case errors.Is(err, keystore.ErrNotFound):
		rec = keystore.Record{}
	case errors.Is(err, keystore.ErrCorrupt), errors.Is(err, keystore.ErrTooNew):
		c.expel(key)
		return nil, false, err
	case err != nil:
		return nil, false, unreachableError{err}
	}
	e, err = c.judge(key, rec, g)
	switch {
	case e == nil && err == nil:
		e, err = c.build(ctx, key, rec, g)
	case errors.Is(err, ErrRollback) && rec.Rev > 0:
		// An earlier state is one that opens. What does not is worse.
		if _, damage := c.Build(ctx, key, rec); damage != nil && !isOutage(damage) {
			err = damage
		}
	}
	if errors.Is(err, errReadAgain) {
		if ctx.Err() == nil {
			return nil, true, nil
		}
		err = unreachableError{fmt.Errorf("record keeps changing: %w", ctx.Err())}
	}
	return e, false, err
}

// judge says what rec means beside what is known: the entry there is, an error,
// or neither if an entry is to be built.
func (c *Cache[K, V]) judge(key K, rec keystore.Record, g get[K, V]) (*Entry[K, V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.marks[key]
	if m.writes != g.writes {
		return nil, errReadAgain
	}
	if err := m.check(rec, g.began); err != nil {
		if errors.Is(err, ErrRollback) {
			c.drop(key)
		}
		return nil, err
	}
	if rec.Rev == 0 {
		if g.hints == c.hints {
			c.rememberAbsent(key)
		}
		c.retire(key, g.flight)
		return nil, keystore.ErrNotFound
	}
	if e := c.entry(key); e != nil && e.rev == rec.Rev {
		c.confirm(e, g)
		c.retire(key, g.flight)
		return e, nil
	}
	return nil, nil
}

// build makes an entry of rec and publishes it. Only what opens is learned: a
// damaged record's revision is no more to be believed than the rest of it.
func (c *Cache[K, V]) build(ctx context.Context, key K, rec keystore.Record, g get[K, V]) (*Entry[K, V], error) {
	v, err := c.Build(ctx, key, rec)
	if isOutage(err) {
		return nil, err
	}
	if err != nil {
		// A record that does not open is not what was cached: fail closed.
		c.expel(key)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.marks[key]
	if m.writes != g.writes || m.rev > rec.Rev {
		return nil, errReadAgain
	}
	c.learn(key, m, rec)
	c.retire(key, g.flight)
	return c.publish(key, v, rec.Rev, g), nil
}

func (c *Cache[K, V]) expel(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
}

// rememberAbsent notes that key is not there. c.mu is held.
func (c *Cache[K, V]) rememberAbsent(key K) {
	if len(c.absent) >= maxAbsent {
		clear(c.absent)
	}
	c.absent[key] = c.elapsed()
}
