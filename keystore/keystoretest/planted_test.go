package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A plant is a bug that a driver could have, and the case that must find it.
type plant struct {
	bug      string
	caughtBy string
	fuzz     bool // the seeds must find it as well
	harness  func() func() keystore.Store
}

var plants = []plant{
	{"nothing is an empty record", "get absent", true, one(func(b *broken, m *memstore.Store) {
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
		unchecked(func(old, rev uint64) bool { return 0 < old && old < rev && rev < 100 })},
	{"revision 0 is a conflict", "revision 0", true, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			if r.Rev == 0 {
				return keystore.ErrConflict
			}
			return m.Put(ctx, r)
		}
	})},
	{"32-bit revisions", "high revisions", false, altered(func(r keystore.Record) keystore.Record {
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
	{"data ends at a zero", "any bytes", true, altered(func(r keystore.Record) keystore.Record {
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
	{"a goroutine that stays", "goroutines", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(ctx context.Context, r keystore.Record) error {
			go func() { time.Sleep(5 * time.Second) }()
			return m.Put(ctx, r)
		}
	})},
	{"ctx is ignored", "cancelled", false, one(func(b *broken, m *memstore.Store) {
		b.put = func(_ context.Context, r keystore.Record) error {
			return m.Put(context.Background(), r)
		}
	})},
}
