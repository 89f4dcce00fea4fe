package filestore

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/embedkms/kms/keystore"
)

// List implements keystore.Store. A page ends early at 4 MiB of data.
func (s *Store) List(
	ctx context.Context, prefix, after string, limit int,
) ([]keystore.Record, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	if err := keystore.CheckList(limit); err != nil {
		return nil, err
	}
	for {
		found, err := s.find(ctx, prefix, after, limit)
		if err != nil {
			return nil, err
		}
		page, err := s.loadAll(ctx, found.keys)
		if err != nil {
			return nil, err
		}
		if err := s.settle(ctx, found.folders...); err != nil {
			return nil, err
		}
		if len(found.keys) == 0 {
			return nil, s.attached()
		}
		if len(page) > 0 {
			return page, nil
		}
		// All of them were deleted meanwhile, and there may be more.
		after = found.keys[len(found.keys)-1]
	}
}

// loadAll reads the records under keys up to a page's size, without those that
// are gone.
func (s *Store) loadAll(ctx context.Context, keys []string) ([]keystore.Record, error) {
	page := make([]keystore.Record, 0, len(keys))
	size := 0
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, wrap(err)
		}
		r, err := s.load(key)
		switch {
		case errors.Is(err, keystore.ErrNotFound):
			continue
		case errors.Is(err, keystore.ErrCorrupt), errors.Is(err, keystore.ErrTooNew):
			r = keystore.Record{Key: key} // Get says more
		case err != nil:
			return nil, err
		}
		page = append(page, r)
		if size += len(r.Data); size >= keystore.PageData {
			break
		}
	}
	return page, nil
}

// found is what a look at the directory brings.
type found struct {
	keys    []string // in order
	folders []string // that were looked at
	last    *listing // of the folder that has more
}

// A listing is all keys of a folder, in order. It is what another reading would
// bring for as long as the count of changes stays and none is marked: the next page
// of a scan need not read a large folder again. It stays in memory until the next
// List.
type listing struct {
	folder string
	count  uint64
	keys   []string
}

// find returns up to limit keys. On some file systems a rename over a name can
// hide it from whoever reads the directory just then, so a reading counts only
// if nothing changed meanwhile; otherwise the writers must wait for another.
func (s *Store) find(ctx context.Context, prefix, after string, limit int) (found, error) {
	before, err := s.count()
	if err != nil {
		return found{}, err
	}
	known := s.listed.Load()
	if known != nil && (known.count != before || after <= known.keys[0]) { // a new scan
		known = nil
	}
	f, err := s.scan(prefix, after, limit, known)
	if err != nil {
		return found{}, err
	}
	marked, err := s.marked()
	if err != nil {
		return found{}, err
	}
	now, err := s.count()
	if err != nil {
		return found{}, err
	}
	if !marked && now == before {
		if f.last != nil {
			f.last.count = now
		}
		s.listed.Store(f.last)
		return f, nil
	}
	s.listed.Store(nil)
	var again found
	err = s.exclusive(ctx, func() (err error) {
		again, err = s.scan(prefix, after, limit, nil)
		return err
	})
	if err != nil {
		return found{}, err
	}
	return again, nil
}

// scan reads the folders that may have the keys, in key order, until there are
// enough. The folder of known, which may be nil, it need not read.
func (s *Store) scan(prefix, after string, limit int, known *listing) (found, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return found{}, cmp.Or(s.attached(), wrap(err))
	}
	var starts []start
	for _, e := range entries {
		if b, ok := startOf(e.Name(), e.IsDir()); ok && b.overlaps(prefix, after) {
			starts = append(starts, b)
		}
	}
	slices.Sort(starts)

	f := found{folders: []string{s.dir}}
	for _, b := range starts {
		if len(f.keys) >= limit {
			break
		}
		f.last = nil
		keys := []string{string(b)}
		if name, ok := b.folder(); ok {
			folder := filepath.Join(s.dir, name)
			f.folders = append(f.folders, folder)
			if known != nil && known.folder == folder {
				keys = known.keys
			} else if keys, err = s.keysIn(folder, b); err != nil {
				return found{}, err
			}
			f.last = &listing{folder: folder, keys: keys}
		}
		from, _ := slices.BinarySearch(keys, max(prefix, after+"\x00"))
		for _, key := range keys[from:] {
			if len(f.keys) == limit {
				return f, nil // and f.last has more
			}
			if !strings.HasPrefix(key, prefix) {
				break
			}
			f.keys = append(f.keys, key)
		}
	}
	f.last = nil
	return f, nil
}

// keysIn returns the keys in a folder, in order. Temporary and foreign files have
// none.
func (s *Store) keysIn(folder string, b start) ([]string, error) {
	entries, err := s.fs.ReadDir(folder)
	if err != nil {
		return nil, wrap(err)
	}
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		if key := b.key(e.Name()); keystore.CheckKey(key) == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// folders returns all folders of the store, the directory itself first.
func (s *Store) folders() ([]string, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil, wrap(err)
	}
	folders := []string{s.dir}
	for _, e := range entries {
		if _, ok := startOf(e.Name(), e.IsDir()); ok && e.IsDir() {
			folders = append(folders, filepath.Join(s.dir, e.Name()))
		}
	}
	return folders, nil
}
