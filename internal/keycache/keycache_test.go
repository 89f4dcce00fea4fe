package keycache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A fixture is a cache of strings over a store: the value is the data.
type fixture struct {
	*Cache[string, string]
	store  *faultstore.Store
	builds atomic.Int64
	damage func(keystore.Record) error // what Build says
}

var seed = maphash.MakeSeed()

func newFixture(t testing.TB, change func(*Config[string, string])) *fixture {
	t.Helper()
	f := &fixture{store: faultstore.New(memstore.New())}
	outage := NewOutage(func(ctx context.Context) error {
		_, err := f.store.List(ctx, "", "", 1)
		return err
	})
	c := Config[string, string]{
		Get: f.store.Get,
		Build: func(_ context.Context, _ string, rec keystore.Record) (string, error) {
			f.builds.Add(1)
			if f.damage != nil {
				return "", f.damage(rec)
			}
			return string(rec.Data), nil
		},
		MaxStale: 5 * time.Second, Grace: time.Minute, Capacity: 100, Outage: outage,
		Hash: func(key string) uint64 { return maphash.String(seed, key) },
	}
	if change != nil {
		change(&c)
	}
	f.Cache = New(c)
	t.Cleanup(outage.Close)
	return f
}

// put writes to the store as another process would.
func (f *fixture) put(t testing.TB, key string, rev uint64, data string) keystore.Record {
	t.Helper()
	rec := keystore.Record{Key: key, Rev: rev, Data: []byte(data)}
	if err := f.store.Put(context.Background(), rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

func (f *fixture) want(t testing.TB, key, value string) *Entry[string, string] {
	t.Helper()
	e, err := f.Lookup(context.Background(), key)
	if err != nil || e.Value != value {
		t.Fatalf("%s: %+v, %v, want %q", key, e, err, value)
	}
	return e
}

func (f *fixture) wantErr(t testing.TB, key string, want error) {
	t.Helper()
	if e, err := f.Lookup(context.Background(), key); !errors.Is(err, want) || e != nil {
		t.Fatalf("%s: %+v, %v, want %v", key, e, err, want)
	}
}

// A local write is seen by the next Lookup, even if a load was under way that
// began before it and shows the state before.
func TestWriteDuringLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.put(t, "a", 1, "old")
		var during sync.Once
		f.store.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Put" {
				return
			}
			during.Do(func() { time.Sleep(time.Millisecond) })
		}
		first := make(chan string)
		go func() {
			e, err := f.Lookup(context.Background(), "a")
			if err != nil {
				t.Error(err)
			}
			first <- e.Value
		}()
		synctest.Wait() // its Get is under way
		f.Wrote("a", f.put(t, "a", 2, "new"))
		f.want(t, "a", "new")
		if got := <-first; got != "new" {
			t.Errorf("the load that was overtaken brought %q", got)
		}
	})
}

// slowGets makes the replies of Gets old: what was read, a while later.
type slowGets struct {
	keystore.Store
	hold chan struct{}
}

func (s *slowGets) Get(ctx context.Context, key string) (keystore.Record, error) {
	rec, err := s.Store.Get(ctx, key)
	if s.hold != nil {
		<-s.hold
	}
	return rec, err
}

// An old reply is read again, not taken for a rollback, if what is newer was
// learned after its Get began.
func TestOldReplyIsNoRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		slow := &slowGets{Store: f.store}
		f.Cache.Get = slow.Get
		f.put(t, "a", 1, "old")
		slow.hold = make(chan struct{}, 10)
		result := make(chan error)
		go func() {
			e, err := f.Lookup(context.Background(), "a")
			if err == nil && e.Value != "new" {
				err = fmt.Errorf("value %q", e.Value)
			}
			result <- err
		}()
		synctest.Wait()
		rec := f.put(t, "a", 2, "new")
		if err := f.Observe("a", rec, f.Begin()); err != nil { // as a Describe would
			t.Error(err)
		}
		slow.hold <- struct{}{}
		slow.hold <- struct{}{}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config[string, string]) { c.MaxStale = 0 })
		f.put(t, "a", 1, "one")
		f.put(t, "a", 2, "two")
		f.want(t, "a", "two")
		show := func(rec keystore.Record, err error) {
			f.Cache.Get = func(context.Context, string) (keystore.Record, error) { return rec, err }
		}
		show(keystore.Record{Key: "a", Rev: 1, Data: []byte("one")}, nil)
		f.wantErr(t, "a", ErrRollback)
		show(keystore.Record{Key: "a", Rev: 2, Data: []byte("other")}, nil)
		f.wantErr(t, "a", ErrRollback)
		show(keystore.Record{}, keystore.ErrNotFound)
		f.wantErr(t, "a", ErrRollback)
		// What does not open is called damaged, whatever its revision.
		damaged := errors.New("damaged")
		f.damage = func(keystore.Record) error { return damaged }
		show(keystore.Record{Key: "a", Rev: 1, Data: []byte("one")}, nil)
		f.wantErr(t, "a", damaged)
		f.damage = nil
		show(keystore.Record{Key: "a", Rev: 2, Data: []byte("two")}, nil)
		f.want(t, "a", "two")
		if err := f.Observe("a", keystore.Record{Rev: 1}, f.Begin()); !errors.Is(err, ErrRollback) {
			t.Error(err)
		}
		// Evicted or not, what was seen is remembered.
		f.Clear()
		show(keystore.Record{Key: "a", Rev: 1, Data: []byte("one")}, nil)
		f.wantErr(t, "a", ErrRollback)
	})
}

// The revision of a record that does not open is nothing that was seen: once the
// damage is gone, so is the error.
func TestDamageIsNotLearned(t *testing.T) {
	f := newFixture(t, func(c *Config[string, string]) { c.MaxStale = 0 })
	f.put(t, "a", 1, "one")
	f.want(t, "a", "one")
	damaged := errors.New("damaged")
	f.damage = func(keystore.Record) error { return damaged }
	get := f.Cache.Get
	f.Cache.Get = func(context.Context, string) (keystore.Record, error) {
		return keystore.Record{Key: "a", Rev: 1 << 60, Data: []byte("x")}, nil
	}
	f.wantErr(t, "a", damaged)
	f.damage, f.Cache.Get = nil, get
	f.want(t, "a", "one")
}

// A record that no longer opens is not served from memory.
func TestDamageFailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.put(t, "a", 1, "one")
		f.want(t, "a", "one")
		f.put(t, "a", 2, "two")
		damaged := errors.New("damaged")
		f.damage = func(keystore.Record) error { return damaged }
		time.Sleep(5 * time.Second)
		for range 3 {
			f.wantErr(t, "a", damaged)
		}
		f.Cache.Get = func(context.Context, string) (keystore.Record, error) {
			return keystore.Record{}, keystore.ErrCorrupt
		}
		f.wantErr(t, "a", keystore.ErrCorrupt)
		if f.Outage.down.Load() {
			t.Error("damage was taken for an outage")
		}
	})
}

func TestAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		for range 10 {
			f.wantErr(t, "a", keystore.ErrNotFound)
		}
		if n := f.store.Calls("Get"); n != 1 {
			t.Errorf("%d Gets, want 1", n)
		}
		f.Wrote("a", f.put(t, "a", 1, "one")) // a local write is seen at once
		f.want(t, "a", "one")

		f.wantErr(t, "b", keystore.ErrNotFound)
		f.put(t, "b", 1, "two") // another process's within a second
		time.Sleep(time.Second)
		f.want(t, "b", "two")

		for i := range 5000 {
			f.wantErr(t, fmt.Sprint("x", i), keystore.ErrNotFound)
		}
		if n := len(f.absent); n > maxAbsent {
			t.Errorf("%d absent keys remembered", n)
		}
	})
}

func TestForcedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		f := newFixture(t, nil)
		f.put(t, "a", 1, "one")
		e := f.want(t, "a", "one")
		gets := f.store.Calls("Get")
		for range 100 {
			if again, err := f.Refresh(ctx, "a", e); err != nil || again != e {
				t.Fatalf("%v, %v", again, err)
			}
		}
		if n := f.store.Calls("Get") - gets; n != 1 {
			t.Errorf("%d Gets, want 1", n)
		}
		time.Sleep(time.Second)
		f.put(t, "a", 2, "two")
		// Callers at the same time all get what one refresh brings.
		f.store.Block = func(context.Context, faultstore.Call) { time.Sleep(time.Millisecond) }
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if newer, err := f.Refresh(ctx, "a", e); err != nil || newer.Value != "two" {
					t.Errorf("%v, %v", newer, err)
				}
			})
		}
		wg.Wait()
		if n := f.store.Calls("Get") - gets; n != 2 {
			t.Errorf("%d Gets, want 2", n)
		}
	})
}

// The probe runs once, at 50 ms doubling to 1 s, until the store answers.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.put(t, "a", 1, "one")
		f.want(t, "a", "one")
		time.Sleep(6 * time.Second)
		f.store.SetDown(true)
		var mu sync.Mutex
		var probes []time.Duration
		start := time.Now()
		f.store.Block = func(_ context.Context, c faultstore.Call) {
			mu.Lock()
			defer mu.Unlock()
			if c.Method == "List" {
				probes = append(probes, time.Since(start))
			}
		}
		for range 40 {
			f.want(t, "a", "one")
			time.Sleep(100 * time.Millisecond)
		}
		f.store.SetDown(false)
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		want := []time.Duration{50, 150, 350, 750, 1550, 2550, 3550, 4550}
		if len(probes) != len(want) {
			t.Fatalf("probes at %v", probes)
		}
		for i, at := range probes {
			if at != want[i]*time.Millisecond {
				t.Errorf("probe %d at %v, want %d ms", i, at, want[i])
			}
		}
	})
}

// With a clock of the caller's, age is what it says; one that goes back makes
// entries stale, not eternal.
func TestClock(t *testing.T) {
	var now atomic.Int64
	now.Store(int64(time.Hour))
	f := newFixture(t, func(c *Config[string, string]) {
		c.Clock = func() time.Duration { return time.Duration(now.Load()) }
	})
	f.put(t, "a", 1, "one")
	f.want(t, "a", "one")
	f.put(t, "a", 2, "two")
	now.Add(int64(2 * time.Second))
	f.want(t, "a", "one")
	now.Add(-int64(10 * time.Second))
	f.want(t, "a", "two")
	now.Add(-int64(10 * time.Second))
	f.want(t, "a", "two")
	gets := f.store.Calls("Get")
	f.want(t, "a", "two")
	if f.store.Calls("Get") != gets {
		t.Error("a clock that went back makes every call validate")
	}
	f.put(t, "a", 3, "three")
	now.Add(int64(5 * time.Second))
	f.want(t, "a", "three")
}

func TestEviction(t *testing.T) {
	for _, capacity := range []int{1, 2, 100} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, func(c *Config[string, string]) { c.Capacity = capacity })
			for i := range 3 * capacity {
				key := fmt.Sprint("k", i)
				f.put(t, key, 1, key)
				f.want(t, key, key)
				if n := f.Len(); n > capacity {
					t.Fatalf("%d entries, capacity %d", n, capacity)
				}
				if f.entry(key) == nil {
					t.Fatal("the newest entry was evicted")
				}
				time.Sleep(1500 * time.Millisecond)
			}
			gets := f.store.Calls("Get")
			f.want(t, fmt.Sprint("k", 3*capacity-1), fmt.Sprint("k", 3*capacity-1))
			if f.store.Calls("Get") != gets {
				t.Error("the last used entry was evicted")
			}
		})
	}
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		for i := range 10 {
			f.put(t, fmt.Sprint("k", i), 1, "v")
			f.want(t, fmt.Sprint("k", i), "v")
		}
		f.put(t, "busy", 1, "v")
		for range 700 {
			f.want(t, "busy", "v")
			time.Sleep(time.Second)
		}
		f.put(t, "late", 1, "v")
		f.want(t, "late", "v")
		if n := f.Len(); n != 2 {
			t.Errorf("%d entries after 11 minutes, want 2", n)
		}
	})
}

// After Close nothing runs, and a Lookup of what is not there ends.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.store.SetDown(true)
		f.wantErr(t, "a", faultstore.ErrFault)
		f.store.Block = func(ctx context.Context, _ faultstore.Call) { <-ctx.Done() }
		go func() { _, _ = f.Lookup(context.Background(), "b") }()
		synctest.Wait()
		f.Outage.Close()
		f.Clear()
		f.wantErr(t, "c", errClosed)
		f.Outage.Close()
	})
}

// A caller that gives up does not fail the others that wait for the same load.
func TestDetached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.put(t, "a", 1, "one")
		f.store.Block = func(context.Context, faultstore.Call) { time.Sleep(time.Second) }
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := f.Lookup(impatient, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		wg.Go(func() { f.want(t, "a", "one") })
		wg.Wait()
		if n := f.store.Calls("Get"); n != 1 {
			t.Errorf("%d Gets, want 1", n)
		}
	})
}

// The table holds what a map would, through any puts and drops.
func TestTable(t *testing.T) {
	for _, hash := range []func(string) uint64{
		func(key string) uint64 { return maphash.String(seed, key) },
		func(key string) uint64 { return uint64(len(key)) }, // almost all collide
	} {
		f := newFixture(t, func(c *Config[string, string]) { c.Hash = hash })
		model := map[string]*Entry[string, string]{}
		for range 20_000 {
			key := fmt.Sprint("k", rand.N(200))
			if rand.N(3) == 0 {
				f.drop(key)
				delete(model, key)
			} else {
				e := &Entry[string, string]{key: key}
				f.put2(e)
				model[key] = e
			}
			probe := fmt.Sprint("k", rand.N(200))
			if f.entry(probe) != model[probe] || f.size != len(model) {
				t.Fatalf("%s: %v, want %v; %d entries, want %d",
					probe, f.entry(probe), model[probe], f.size, len(model))
			}
		}
		n := 0
		for e := range f.all {
			if n++; model[e.key] != e {
				t.Fatalf("%s is not in the model", e.key)
			}
		}
		if n != len(model) {
			t.Errorf("%d entries, want %d", n, len(model))
		}
	}
}

func (f *fixture) put2(e *Entry[string, string]) { f.Cache.put(e) }

// Lookups, writes, evictions and clearing at once; -race watches. Who begins after
// a local write has returned never gets what was before, not even from a load
// that was just ending.
func TestConcurrent(t *testing.T) {
	for _, keys := range []int{1, 2, 8} {
		concurrent(t, make([]atomic.Uint64, keys))
	}
}

func concurrent(t *testing.T, revs []atomic.Uint64) {
	f := newFixture(t, func(c *Config[string, string]) {
		c.Capacity, c.MaxStale = 4, 2*time.Millisecond
	})
	for i := range revs {
		f.put(t, fmt.Sprint("k", i), 1, "1")
		revs[i].Store(1)
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := rand.N(len(revs))
				least := revs[i].Load()
				e, err := f.Lookup(context.Background(), fmt.Sprint("k", i))
				if err != nil || e.rev < least {
					t.Errorf("k%d: %+v, %v, want revision %d or later", i, e, err, least)
					return
				}
			}
		})
	}
	for range 1000 {
		i := rand.N(len(revs))
		rev := revs[i].Load() + 1
		f.Wrote(fmt.Sprint("k", i), f.put(t, fmt.Sprint("k", i), rev, fmt.Sprint(rev)))
		revs[i].Store(rev)
		if rand.N(100) == 0 {
			f.Clear()
		}
	}
	close(stop)
	readers.Wait()
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			f := newFixture(b, func(c *Config[string, string]) {
				c.Capacity, c.MaxStale = n, time.Minute
			})
			keys := make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprint("k", i)
				f.put(b, keys[i], 1, "v")
				f.want(b, keys[i], "v")
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := f.Lookup(b.Context(), keys[i%n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
