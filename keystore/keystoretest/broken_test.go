package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A broken store is a good one with some methods replaced.
type broken struct {
	keystore.Store
	get   func(ctx context.Context, key string) (keystore.Record, error)
	put   func(ctx context.Context, r keystore.Record) error
	del   func(ctx context.Context, key string, rev uint64) error
	list  func(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error)
	close func() error
}

func (b *broken) Get(ctx context.Context, key string) (keystore.Record, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	return b.Store.Get(ctx, key)
}

func (b *broken) Put(ctx context.Context, r keystore.Record) error {
	if b.put != nil {
		return b.put(ctx, r)
	}
	return b.Store.Put(ctx, r)
}

func (b *broken) Delete(ctx context.Context, key string, rev uint64) error {
	if b.del != nil {
		return b.del(ctx, key, rev)
	}
	return b.Store.Delete(ctx, key, rev)
}

func (b *broken) List(
	ctx context.Context, prefix, after string, limit int,
) ([]keystore.Record, error) {
	if b.list != nil {
		return b.list(ctx, prefix, after, limit)
	}
	return b.Store.List(ctx, prefix, after, limit)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Store.(io.Closer).Close()
}

// one has a single handle, with the bug that sabotage puts in.
func one(sabotage func(b *broken, m *memstore.Store)) func() func() keystore.Store {
	return func() func() keystore.Store {
		m := memstore.New()
		b := &broken{Store: m}
		sabotage(b, m)
		return func() keystore.Store { return b }
	}
}

// each has the bug in every handle, on one shared store that outlives them.
func each(sabotage func(b *broken, m *memstore.Store)) func() func() keystore.Store {
	return func() func() keystore.Store {
		m := memstore.New()
		return func() keystore.Store {
			b := &broken{Store: m, close: func() error { return nil }}
			sabotage(b, m)
			return b
		}
	}
}

// set stores r over whatever is there, by deleting and recreating.
func set(m *memstore.Store, r keystore.Record) error {
	ctx := context.Background()
	if old, err := m.Get(ctx, r.Key); err == nil {
		m.Delete(ctx, r.Key, old.Rev)
	}
	if err := keystore.CheckPut(r); err != nil {
		return err
	}
	for rev := uint64(1); rev <= r.Rev && rev < 100; rev++ {
		m.Put(ctx, keystore.Record{Key: r.Key, Rev: rev, Data: r.Data})
	}
	return nil
}

// renamed has every key mapped to another one, as a column type, a file system
// or a collation might.
func renamed(to func(key string) string) func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			if err := keystore.CheckKey(key); err != nil {
				return keystore.Record{}, err
			}
			r, err := m.Get(ctx, to(key))
			r.Key = key
			return r, err
		}
		b.put = func(ctx context.Context, r keystore.Record) error {
			if err := keystore.CheckPut(r); err != nil {
				return err
			}
			r.Key = to(r.Key)
			return m.Put(ctx, r)
		}
	})
}

// relisted has the whole result of each List changed before it is cut to a page.
func relisted(
	change func(all []keystore.Record, prefix, after string, limit int) []keystore.Record,
) func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			if _, err := m.List(ctx, prefix, after, limit); err != nil {
				return nil, err
			}
			all, err := m.List(ctx, "", "", keystore.MaxLimit)
			return change(all, prefix, after, limit), err
		}
	})
}

// page cuts a good page out of all.
func page(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
	all = slices.DeleteFunc(all, func(r keystore.Record) bool {
		return !strings.HasPrefix(r.Key, prefix) || r.Key <= after
	})
	return all[:min(limit, len(all))]
}

// altered has what Put stores changed.
func altered(change func(r keystore.Record) keystore.Record) func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if err := keystore.CheckPut(r); err != nil {
				return err
			}
			return m.Put(ctx, change(r))
		}
	})
}

// unchecked takes a Put as it comes where the stored revision satisfies ok.
func unchecked(ok func(stored, rev uint64) bool) func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if err := keystore.CheckPut(r); err != nil {
				return err
			}
			if old, _ := m.Get(ctx, r.Key); ok(old.Rev, r.Rev) {
				return set(m, r)
			}
			return m.Put(ctx, r)
		}
	})
}

// racing looks and then writes, with room for another between the two.
func racing(lock sync.Locker, m *memstore.Store) func(context.Context, keystore.Record) error {
	return func(ctx context.Context, r keystore.Record) error {
		if err := keystore.CheckPut(r); err != nil {
			return err
		}
		lock.Lock()
		defer lock.Unlock()
		old, _ := m.Get(ctx, r.Key)
		if old.Rev != r.Rev-1 {
			return keystore.ErrConflict
		}
		time.Sleep(100 * time.Microsecond)
		for {
			now, _ := m.Get(ctx, r.Key)
			err := m.Put(ctx, keystore.Record{Key: r.Key, Rev: now.Rev + 1, Data: r.Data})
			if !errors.Is(err, keystore.ErrConflict) {
				return err
			}
		}
	}
}

type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// keptByPut stores each record's slice itself.
func keptByPut() func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		var mu sync.Mutex
		kept := make(map[string][]byte)
		b.put = func(ctx context.Context, r keystore.Record) error {
			mu.Lock()
			defer mu.Unlock()
			err := m.Put(ctx, r)
			if err == nil {
				kept[r.Key] = r.Data
			}
			return err
		}
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			mu.Lock()
			defer mu.Unlock()
			r, err := m.Get(ctx, key)
			if err == nil {
				r.Data = bytes.Clone(kept[key])
			}
			return r, err
		}
	})
}

// givenByGet gives every caller the same slice.
func givenByGet() func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		var mu sync.Mutex
		given := make(map[string]keystore.Record)
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			mu.Lock()
			defer mu.Unlock()
			r, err := m.Get(ctx, key)
			if g, ok := given[key]; err == nil && ok && g.Rev == r.Rev {
				return g, nil
			}
			given[key] = r
			return r, err
		}
	})
}

// pagesByOffset remembers how many records a scan has had, not which.
func pagesByOffset() func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		var mu sync.Mutex
		offset := 0
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			mu.Lock()
			defer mu.Unlock()
			if _, err := m.List(ctx, prefix, after, limit); err != nil {
				return nil, err
			}
			all, err := m.List(ctx, prefix, "", keystore.MaxLimit)
			if after == "" {
				offset = 0
			}
			all = all[min(offset, len(all)):]
			all = all[:min(limit, len(all))]
			offset += len(all)
			return all, err
		}
	})
}

// missing has a replacement hide its key for a moment, as a rename may from one
// who reads the directory.
func missing() func() func() keystore.Store {
	return one(func(b *broken, m *memstore.Store) {
		var hidden sync.Map
		b.put = func(ctx context.Context, r keystore.Record) error {
			if r.Rev > 1 {
				hidden.Store(r.Key, true)
				time.Sleep(100 * time.Microsecond)
				defer hidden.Delete(r.Key)
			}
			return m.Put(ctx, r)
		}
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			page, err := m.List(ctx, prefix, after, limit)
			if len(page) > 1 {
				page = slices.DeleteFunc(page, func(r keystore.Record) bool {
					_, ok := hidden.Load(r.Key)
					return ok
				})
			}
			return page, err
		}
	})
}

// caching has a handle return for ever what it read or wrote itself.
func caching(b *broken, m *memstore.Store) {
	var cache sync.Map
	b.get = func(ctx context.Context, key string) (keystore.Record, error) {
		if r, ok := cache.Load(key); ok {
			return r.(keystore.Record), nil
		}
		r, err := m.Get(ctx, key)
		if err == nil {
			cache.Store(key, r)
		}
		return r, err
	}
	b.put = func(ctx context.Context, r keystore.Record) error {
		cache.Delete(r.Key)
		return m.Put(ctx, r)
	}
}

// lagging has every fifth Get return what the one before it did.
func lagging(b *broken, m *memstore.Store) {
	var mu sync.Mutex
	last := make(map[string]keystore.Record)
	n := 0
	b.get = func(ctx context.Context, key string) (keystore.Record, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		if r, ok := last[key]; ok && n%5 == 0 {
			return r, nil
		}
		r, err := m.Get(ctx, key)
		if err == nil {
			last[key] = r
		}
		return r, err
	}
}
