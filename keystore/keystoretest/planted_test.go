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

// A plant is a bug that a driver could have, and the case that must find it.
type plant struct {
	bug      string
	caughtBy string
	fuzz     bool // the seeds must find it as well
	harness  func() func() keystore.Store
}

func memstores() func() keystore.Store {
	s := memstore.New()
	return func() keystore.Store { return s }
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

var plants = []plant{
	{"a missing record is an empty one", "get absent", true, one(func(b *broken, m *memstore.Store) {
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			r, err := m.Get(ctx, key)
			if errors.Is(err, keystore.ErrNotFound) {
				err = nil
			}
			return r, err
		}
	})},
	{"any error is not found", "malformed keys", true, one(func(b *broken, m *memstore.Store) {
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			r, err := m.Get(ctx, key)
			if err != nil {
				err = keystore.ErrNotFound
			}
			return r, err
		}
	})},
	{"an error is two at once", "create existing", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			err := m.Put(ctx, r)
			if errors.Is(err, keystore.ErrConflict) {
				err = errors.Join(err, keystore.ErrNotFound)
			}
			return err
		}
	})},
	{"records come without their key", "create", true, one(func(b *broken, m *memstore.Store) {
		b.get = func(ctx context.Context, key string) (keystore.Record, error) {
			r, err := m.Get(ctx, key)
			r.Key = ""
			return r, err
		}
	})},
	{"create overwrites", "create existing", true,
		unchecked(func(stored, rev uint64) bool { return rev == 1 })},
	{"replace creates", "replace absent", true,
		unchecked(func(stored, rev uint64) bool { return stored == 0 && rev < 100 })},
	{"no replacing", "replace", true, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if r.Rev > 1 {
				return keystore.ErrConflict
			}
			return m.Put(ctx, r)
		}
	})},
	{"stale revisions win", "replace stale", true,
		unchecked(func(stored, rev uint64) bool { return rev > 1 && rev <= stored })},
	{"newer revisions win", "replace skipping", true,
		unchecked(func(stored, rev uint64) bool { return stored > 0 && rev > stored && rev < 100 })},
	{"revision 0 is a conflict", "revision 0", true, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if r.Rev == 0 {
				return keystore.ErrConflict
			}
			return m.Put(ctx, r)
		}
	})},
	{"revisions of 32 bits", "high revisions", false, altered(func(r keystore.Record) keystore.Record {
		r.Rev = uint64(uint32(r.Rev-1)) + 1
		return r
	})},
	{"Delete does nothing", "delete", true, one(func(b *broken, m *memstore.Store) {
		b.del = func(ctx context.Context, key string, rev uint64) error {
			r, err := m.Get(ctx, key)
			if err == nil && r.Rev != rev {
				err = keystore.ErrConflict
			}
			return err
		}
	})},
	{"Delete ignores the revision", "delete other revision", true,
		one(func(b *broken, m *memstore.Store) {
			b.del = func(ctx context.Context, key string, rev uint64) error {
				r, err := m.Get(ctx, key)
				if err != nil {
					return err
				}
				return m.Delete(ctx, key, r.Rev)
			}
		})},
	{"Delete of nothing succeeds", "delete absent", true, one(func(b *broken, m *memstore.Store) {
		b.del = func(ctx context.Context, key string, rev uint64) error {
			err := m.Delete(ctx, key, rev)
			if errors.Is(err, keystore.ErrNotFound) {
				err = nil
			}
			return err
		}
	})},
	{"revisions survive Delete", "recreate", true, one(func(b *broken, m *memstore.Store) {
		var mu sync.Mutex
		gone := make(map[string]uint64)
		b.del = func(ctx context.Context, key string, rev uint64) error {
			mu.Lock()
			defer mu.Unlock()
			err := m.Delete(ctx, key, rev)
			if err == nil {
				gone[key] = rev
			}
			return err
		}
		b.put = func(ctx context.Context, r keystore.Record) error {
			mu.Lock()
			defer mu.Unlock()
			if rev := gone[r.Key]; rev > 0 && r.Rev == rev+1 {
				delete(gone, r.Key)
				return set(m, r)
			}
			return m.Put(ctx, r)
		}
	})},
	{"data ends at a zero byte", "any bytes", true, altered(func(r keystore.Record) keystore.Record {
		if i := bytes.IndexByte(r.Data, 0); i > 0 {
			r.Data = r.Data[:i]
		} else if i == 0 {
			r.Data = []byte{1}
		}
		return r
	})},
	{"data is text", "any bytes", false, altered(func(r keystore.Record) keystore.Record {
		r.Data = bytes.ToValidUTF8(r.Data, []byte("?"))
		return r
	})},
	{"64 KiB columns", "sizes", true, altered(func(r keystore.Record) keystore.Record {
		r.Data = r.Data[:min(len(r.Data), 65_535)]
		return r
	})},
	{"no size limits", "wrong sizes", true, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if len(r.Data) == 0 {
				r.Data = []byte{0}
			}
			r.Data = r.Data[:min(len(r.Data), keystore.MaxData)]
			return m.Put(ctx, r)
		}
	})},
	{"keys cut to 63 bytes", "longest key", false,
		renamed(func(key string) string { return key[:min(len(key), keystore.MaxKey-1)] })},
	{"any case of keys", "malformed keys", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			r.Key = strings.ToLower(r.Key)
			return m.Put(ctx, r)
		}
	})},
	{"punctuation is ignored", "similar keys", true,
		renamed(strings.NewReplacer("-", "_", "/", "_").Replace)},
	{"padding is ignored", "trailing characters", false,
		renamed(func(key string) string { return strings.TrimRight(key, "-_") })},
	{"device names", "reserved names", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if strings.HasSuffix(r.Key, "nul") {
				return nil
			}
			return m.Put(ctx, r)
		}
	})},
	{"Put keeps the caller's slice", "aliased by Put", true, keptByPut()},
	{"Get gives away the store's slice", "aliased by Get", true, givenByGet()},
	{"List gives away one array", "aliased by List", false, one(func(b *broken, m *memstore.Store) {
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			page, err := m.List(ctx, prefix, after, limit)
			var all []byte
			for _, r := range page {
				all = append(all, r.Data...)
			}
			for i := range page {
				n := len(page[i].Data)
				page[i].Data, all = all[:n], all[n:]
			}
			return page, err
		}
	})},
	{"List of nothing is not found", "list nothing", true, one(func(b *broken, m *memstore.Store) {
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			page, err := m.List(ctx, prefix, after, limit)
			if len(page) == 0 && err == nil {
				err = keystore.ErrNotFound
			}
			return page, err
		}
	})},
	{"List has keys only", "list records", true,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			all = page(all, prefix, after, limit)
			for i := range all {
				all[i].Data = nil
			}
			return all
		})},
	{"List in file order", "list order", true,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			all = page(all, prefix, after, len(all))
			name := strings.NewReplacer("/", "~", "-", "")
			slices.SortFunc(all, func(a, b keystore.Record) int {
				return strings.Compare(name.Replace(a.Key), name.Replace(b.Key))
			})
			return all[:min(limit, len(all))]
		})},
	{"prefix of whole segments", "list prefix", true,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
				prefix = prefix[:i+1]
			} else {
				prefix = ""
			}
			return page(all, prefix, after, limit)
		})},
	{"prefix is a pattern", "list prefix", false,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			all = slices.DeleteFunc(all, func(r keystore.Record) bool { return r.Key <= after })
			like := strings.TrimRight(prefix, "%_")
			return page(all, like, after, limit)
		})},
	{"pages overlap", "list pages", true,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			all = slices.DeleteFunc(all, func(r keystore.Record) bool { return r.Key < after })
			return page(all, prefix, "", limit)
		})},
	{"large pages are cut", "list large pages", false,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			all, size := page(all, prefix, after, limit), 0
			for i := range all {
				if size += len(all[i].Data); size > 4<<20 {
					all[i].Data = nil
				}
			}
			return all
		})},
	{"any limit", "list limits", true, one(func(b *broken, m *memstore.Store) {
		b.list = func(
			ctx context.Context, prefix, after string, limit int,
		) ([]keystore.Record, error) {
			return m.List(ctx, prefix, after, max(1, min(limit, keystore.MaxLimit)))
		}
	})},
	{"after must exist", "list after a deleted key", true,
		relisted(func(all []keystore.Record, prefix, after string, limit int) []keystore.Record {
			there := func(r keystore.Record) bool { return r.Key == after }
			if after != "" && !slices.ContainsFunc(all, there) {
				return nil
			}
			return page(all, prefix, after, limit)
		})},
	{"pages by offset", "list while writing", false, pagesByOffset()},
	{"scans miss what is replaced", "concurrent scans", false, missing()},
	{"create looks first", "concurrent creates", false, one(func(b *broken, m *memstore.Store) {
		b.put = racing(noLock{}, m)
	})},
	{"updates are lost", "concurrent increments", false, one(func(b *broken, m *memstore.Store) {
		b.put = racing(noLock{}, m)
	})},
	{"a lock in each handle", "two handles", false, each(func(b *broken, m *memstore.Store) {
		b.put = racing(new(sync.Mutex), m)
	})},
	{"a cache in each handle", "read your writes", false, each(caching)},
	{"reads of the past", "linearizable", false, each(lagging)},
	{"nothing is kept", "reopen", false, func() func() keystore.Store {
		return func() keystore.Store { return memstore.New() }
	}},
	{"Close does nothing", "closed", false, one(func(b *broken, m *memstore.Store) {
		b.close = func() error { return nil }
	})},
	{"a goroutine for good", "goroutines", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			go func() { time.Sleep(time.Minute) }()
			return m.Put(ctx, r)
		}
	})},
	{"ctx is ignored", "cancelled", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(_ context.Context, r keystore.Record) error {
			return m.Put(context.Background(), r)
		}
	})},
}

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
