// Package keycache keeps what was read from a key store ready for use, and
// bounds how long a change that another process made may stay unseen.
//
// An entry comes only from what a Get has returned, never from what was
// written; it never changes; and one that is replaced or dropped is left to
// the collector, never wiped, because a caller may still be using it.
package keycache

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedkms/kms/keystore"
)

const (
	loadLimit    = 3 * time.Second
	forcedPause  = time.Second // between forced refreshes of one entry
	maxAbsent    = 1024        // absent keys remembered
	absentLimit  = time.Second // for how long
	idleLimit    = 10 * time.Minute
	sweepPause   = time.Minute
	usedInterval = time.Second // precision of an entry's last use
)

// A Config says what is cached and for how long.
type Config[K comparable, V any] struct {
	// Get reads the record of a key from the store.
	Get func(ctx context.Context, key K) (keystore.Record, error)

	// Build makes of a record what is cached. An error is the caller's answer;
	// it does not mean that the store is unreachable.
	Build func(ctx context.Context, key K, rec keystore.Record) (V, error)

	MaxStale time.Duration // an entry of this age is validated; 0 = always
	Grace    time.Duration // how much older an entry may be while the store is down
	Capacity int           // entries kept
	Outage   *Outage       // shared by the caches of one store

	// Clock is read at each Lookup; it starts anywhere. Nil is the system's,
	// which costs more to read than to find the entry: then a timer says when
	// an entry is no longer young, and a Lookup reads no clock.
	Clock func() time.Duration

	// Hash spreads keys evenly.
	Hash func(K) uint64
}

// A Cache holds entries by key. It is safe for concurrent use; a Lookup that
// finds a young entry takes no lock and allocates nothing.
type Cache[K comparable, V any] struct {
	Config[K, V]
	elapsed func() time.Duration // Clock, or the system's
	table   atomic.Pointer[table[K, V]]

	mu      sync.Mutex // guards the rest
	size    int        // of entries
	marks   map[K]mark
	moment  Moment              // goes up with each revision that is learned
	hints   uint64              // goes up with each call of Expire
	absent  map[K]time.Duration // since when
	flights map[K]*flight[K, V]
	swept   time.Duration
}

// An Entry is what a record was made into.
type Entry[K comparable, V any] struct {
	Value     V
	key       K
	rev       uint64
	renewAt   time.Duration // age at which it is refreshed ahead of its time
	forced    time.Duration // when a refresh was last forced; guarded by the cache's mu
	hinted    uint64        // the last hint of it; guarded by the cache's mu
	timer     *time.Timer   // ends young; guarded by the cache's mu
	validated atomic.Int64  // start of the Get that last showed it
	used      atomic.Int64  // about when it was last looked up
	young     atomic.Bool   // with the system's clock: age is below renewAt
	stale     atomic.Bool   // a hint came after that Get had begun
	renewing  atomic.Bool   // such a refresh is under way
	dead      bool          // in the place of one that was dropped
}

// Used returns about when the entry was last looked up, by the cache's clock: no
// more than about half of MaxStale ago.
func (e *Entry[K, V]) Used() time.Duration { return time.Duration(e.used.Load()) }

// New returns an empty Cache.
func New[K comparable, V any](c Config[K, V]) *Cache[K, V] {
	elapsed := c.Clock
	if elapsed == nil {
		start := time.Now()
		elapsed = func() time.Duration { return time.Since(start) }
	}
	cache := &Cache[K, V]{
		Config:  c,
		elapsed: elapsed,
		marks:   map[K]mark{},
		absent:  map[K]time.Duration{},
		flights: map[K]*flight[K, V]{},
	}
	cache.table.Store(&table[K, V]{slots: make([]atomic.Pointer[Entry[K, V]], minSlots)})
	return cache
}

// Lookup returns the entry of key, no older than MaxStale, or up to Grace
// older while the store is down. Where there is no record the error is
// keystore.ErrNotFound.
func (c *Cache[K, V]) Lookup(ctx context.Context, key K) (*Entry[K, V], error) {
	e := c.entry(key)
	if e == nil {
		return c.cold(ctx, key)
	}
	if c.isYoung(e) {
		return e, nil
	}
	return c.validate(ctx, key, e)
}

func (c *Cache[K, V]) cold(ctx context.Context, key K) (*Entry[K, V], error) {
	now := c.elapsed()
	if err := c.known(key, now); err != nil {
		return nil, err
	}
	c.mu.Lock()
	if e := c.entry(key); e != nil && c.isYoung(e) { // loaded since the caller looked
		c.mu.Unlock()
		return e, nil
	}
	f := c.joinLocked(key, now-c.MaxStale)
	c.mu.Unlock()
	return c.wait(ctx, f, nil)
}

// isYoung reports whether e is young enough to be used without further ado.
func (c *Cache[K, V]) isYoung(e *Entry[K, V]) bool {
	if c.Clock == nil {
		return e.young.Load()
	}
	now := c.Clock()
	age := now - time.Duration(e.validated.Load())
	if young := 0 <= age && age < e.renewAt && !e.stale.Load(); !young {
		return false
	}
	e.touch(now)
	return true
}

// confirm notes that the Get g has shown e. c.mu is held.
func (c *Cache[K, V]) confirm(e *Entry[K, V], g get[K, V]) {
	now, start := c.elapsed(), g.start
	// An overtaken Get does not make e older; a clock that went back does.
	if was := time.Duration(e.validated.Load()); was < start || was > now {
		e.validated.Store(int64(start))
	}
	if g.hints < e.hinted {
		return // as stale as it was
	}
	e.stale.Store(false)
	if left := e.renewAt - (now - start); c.Clock == nil && left > 0 {
		e.young.Store(true)
		c.endYouth(e, left)
	}
}

// endYouth makes e young for no longer than left. A timer that fires late, on a
// busy machine, makes the refresh late. What bounds an entry's age is the clock,
// from then on. c.mu is held.
func (c *Cache[K, V]) endYouth(e *Entry[K, V], left time.Duration) {
	if e.timer != nil {
		e.timer.Reset(left) // one at a time, however often the entry is shown
		return
	}
	e.timer = time.AfterFunc(left, func() { e.young.Store(false) })
}

// touch notes a use, at most once in usedInterval: writing at each would make
// the cores pass the entry back and forth.
func (e *Entry[K, V]) touch(now time.Duration) {
	if now-time.Duration(e.used.Load()) >= usedInterval {
		e.used.Store(int64(now))
	}
}

// validate returns e, or what has replaced it, by way of the store if it must.
func (c *Cache[K, V]) validate(ctx context.Context, key K, e *Entry[K, V]) (*Entry[K, V], error) {
	now := c.elapsed()
	e.touch(now)
	age := now - time.Duration(e.validated.Load())
	switch {
	case 0 <= age && age < c.MaxStale && !e.stale.Load():
		c.refreshAhead(key, e, now)
		return e, nil
	case 0 <= age && age < c.MaxStale+c.Grace:
		if c.Outage.down.Load() {
			return e, nil
		}
		return c.wait(ctx, c.join(key, now-c.MaxStale), e)
	}
	return c.wait(ctx, c.join(key, now-c.MaxStale), nil)
}

// refreshAhead validates e in the background, so that a key in use never waits.
func (c *Cache[K, V]) refreshAhead(key K, e *Entry[K, V], now time.Duration) {
	if c.Outage.down.Load() || !e.renewing.CompareAndSwap(false, true) {
		return
	}
	started := c.Outage.Go(func(ctx context.Context) {
		c.wait(ctx, c.join(key, now-c.MaxStale), nil)
		e.renewing.Store(false)
	})
	if !started {
		e.renewing.Store(false)
	}
}

// Refresh returns an entry of key that is newer than e, or e itself if there is
// none. At most once a second does it ask the store whether there is: what a
// caller presents cannot make the library load the store.
func (c *Cache[K, V]) Refresh(ctx context.Context, key K, e *Entry[K, V]) (*Entry[K, V], error) {
	f := c.force(key, e)
	if f == nil {
		if newer := c.entry(key); newer != nil {
			return newer, nil
		}
		f = c.join(key, c.elapsed())
	}
	return c.wait(ctx, f, nil)
}

// force returns the flight that refreshes e, or nil if e was replaced already
// or none may be made.
func (c *Cache[K, V]) force(key K, e *Entry[K, V]) *flight[K, V] {
	now := c.elapsed()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entry(key) != e {
		return nil
	}
	if since := now - e.forced; 0 <= since && since < forcedPause {
		return c.flights[key] // perhaps another caller's, which will tell
	}
	e.forced = now
	return c.joinLocked(key, now)
}

// known returns keystore.ErrNotFound if key was absent a moment ago.
func (c *Cache[K, V]) known(key K, now time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.absent[key]
	if age := now - since; ok && 0 <= age && age < min(absentLimit, c.MaxStale) {
		return keystore.ErrNotFound
	}
	return nil
}

// Wrote says that this process has stored rec under key, or, if rec has no
// Data, that it may have stored something. It drops the entry: the next Lookup
// reads the store.
func (c *Cache[K, V]) Wrote(key K, rec keystore.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.marks[key]
	m.writes++
	if rec.Data == nil {
		rec.Rev = 0
	}
	c.learn(key, m, rec)
	delete(c.absent, key)
	c.drop(key)
}

// Forget says that this process has removed the record under key, which it
// does only to one that it has created and never told of.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[key] = mark{writes: c.marks[key].writes + 1}
	c.drop(key)
}

// Check checks what a read past the cache has shown, which began at began, and
// remembers nothing: a scan would otherwise remember every record of the store.
// rec.Rev is 0 if the read found nothing. With ErrRollback the entry is dropped.
func (c *Cache[K, V]) Check(key K, rec keystore.Record, began Moment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.check(key, rec, began)
}

// Observe is Check that remembers what the read has shown, and drops an entry
// of before: a caller who was shown the one must not be served the other.
func (c *Cache[K, V]) Observe(key K, rec keystore.Record, began Moment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(key, rec, began); err != nil {
		return err
	}
	if m := c.marks[key]; rec.Rev > m.rev {
		c.learn(key, m, rec)
		c.drop(key)
	}
	return nil
}

// check does Check. A read that proves nothing breaks no rule. c.mu is held.
func (c *Cache[K, V]) check(key K, rec keystore.Record, began Moment) error {
	err := c.marks[key].check(rec, began)
	if !errors.Is(err, ErrRollback) {
		return nil
	}
	c.drop(key)
	return err
}

// Clear drops every entry.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size = 0
	c.table.Store(&table[K, V]{slots: make([]atomic.Pointer[Entry[K, V]], minSlots)})
}

// Len returns the number of entries.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// publish puts an entry of rec in the place of what was there. c.mu is held.
func (c *Cache[K, V]) publish(key K, v V, rev uint64, g get[K, V]) *Entry[K, V] {
	// Refreshed at about half its time, and not all at once.
	jitter := 0.9 + 0.2*rand.Float64()
	now := c.elapsed()
	e := &Entry[K, V]{
		Value: v, key: key, rev: rev, forced: now - forcedPause,
		renewAt: time.Duration(jitter * float64(c.MaxStale/2)),
		hinted:  c.lastHint(key),
	}
	e.stale.Store(true)
	c.confirm(e, g)
	e.used.Store(int64(now))
	c.put(e)
	c.evict(key, now)
	return e
}
