package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// Fuzz compares the store that open makes with a model, over sequences of calls
// that the fuzzer invents. It fails unless there are seeds in testdata/fuzz: a
// target that has none tests nothing in an ordinary run, and nobody notices.
//
// Each call is four bytes: the operation, the key and two arguments. See step.
func Fuzz(f *testing.F, open func(t *testing.T) keystore.Store) {
	pattern := filepath.Join("testdata", "fuzz", f.Name(), "*")
	if seeds, err := filepath.Glob(pattern); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds in %s (%v)", pattern, err)
	}
	f.Fuzz(func(t *testing.T, calls []byte) {
		if err := replay(open(t), calls); err != nil {
			t.Fatal(err)
		}
	})
}

// maxCalls of one sequence: each write may cost a store an fsync.
const maxCalls = 64

// fuzzKeys meet in every way that keys can; the last two are malformed.
var fuzzKeys = []string{
	"a", "a/b", "a-b", "a/b/c", "a_b", "ab", "b/a", "key/0", "key/00", "meta/keyring", "", "a.b",
}

var fuzzPrefixes = []string{"", "a", "a/", "a-", "a/b", "a/b/", "b", "key/0", "x", "A"}

var fuzzSizes = []int{1, 2, 255, 4096, keystore.MaxData, 0}

// replay makes the calls on s and on a model, and returns the first difference.
func replay(s keystore.Store, calls []byte) error {
	m := model{}
	for i := 0; len(calls) >= 4 && i < maxCalls; i++ {
		if err := m.step(s, i, [4]byte(calls)); err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
		calls = calls[4:]
	}
	for _, key := range fuzzKeys[:len(fuzzKeys)-2] {
		if err := m.get(s, key); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
	}
	return m.list(s, "", "", keystore.MaxLimit)
}

// A model is what a store with these records must do.
type model map[string]keystore.Record

// step makes call number i: c is operation, key and two arguments.
func (m model) step(s keystore.Store, i int, c [4]byte) error {
	key := fuzzKeys[int(c[1])%len(fuzzKeys)]
	stored := m[key].Rev
	switch c[0] % 5 {
	case 0:
		return m.get(s, key)
	case 1: // most often the next revision
		rev := []uint64{stored + 1, 1, stored, stored + 2, 0, stored + 1, stored + 1}[c[2]%7]
		size := fuzzSizes[int(c[3])%len(fuzzSizes)]
		return m.put(s, key, rev, bytes.Repeat([]byte{byte(i)}, size))
	case 2:
		return m.delete(s, key, []uint64{stored, stored + 1, stored - 1, stored}[c[2]%4])
	case 3:
		after := ""
		if c[2]%2 == 1 {
			after = key
		}
		return m.list(s, fuzzPrefixes[int(c[2]/2)%len(fuzzPrefixes)], after, int(c[3])%8)
	default: // the caller does as it likes with what it was given
		r, err := s.Get(context.Background(), key)
		if err == nil {
			clear(r.Data)
		}
		return m.get(s, key)
	}
}

func (m model) get(s keystore.Store, key string) error {
	got, err := s.Get(context.Background(), key)
	want, ok := m[key]
	var wantErr error
	switch {
	case keystore.CheckKey(key) != nil:
		wantErr = keystore.ErrInvalid
	case !ok:
		wantErr = keystore.ErrNotFound
	}
	if !errors.Is(err, wantErr) {
		return fmt.Errorf("get %q: error %v, want %v", key, err, wantErr)
	}
	if err == nil && !equal(got, want) {
		return fmt.Errorf("get %q: %s, want %s", key, brief(got), brief(want))
	}
	return nil
}

func (m model) put(s keystore.Store, key string, rev uint64, data []byte) error {
	r := keystore.Record{Key: key, Rev: rev, Data: data}
	var want error
	switch {
	case keystore.CheckPut(r) != nil:
		want = keystore.ErrInvalid
	case m[key].Rev != rev-1:
		want = keystore.ErrConflict
	}
	err := s.Put(context.Background(), r)
	if !errors.Is(err, want) {
		return fmt.Errorf("put %s over %s: error %v, want %v", brief(r), brief(m[key]), err, want)
	}
	if err == nil {
		r.Data = bytes.Clone(data)
		m[key] = r
	}
	clear(data) // ours, whatever came of it
	return nil
}

func (m model) delete(s keystore.Store, key string, rev uint64) error {
	stored, ok := m[key]
	var want error
	switch {
	case keystore.CheckKey(key) != nil:
		want = keystore.ErrInvalid
	case !ok:
		want = keystore.ErrNotFound
	case stored.Rev != rev:
		want = keystore.ErrConflict
	}
	if err := s.Delete(context.Background(), key, rev); !errors.Is(err, want) {
		return fmt.Errorf("delete %q at %d over %s: error %v, want %v",
			key, rev, brief(stored), err, want)
	}
	if want == nil {
		delete(m, key)
	}
	return nil
}

// list compares a scan, since a store chooses the length of its pages.
func (m model) list(s keystore.Store, prefix, after string, limit int) error {
	var want []keystore.Record
	for key, r := range m {
		if strings.HasPrefix(key, prefix) && key > after {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, func(a, b keystore.Record) int { return strings.Compare(a.Key, b.Key) })
	for {
		page, err := s.List(context.Background(), prefix, after, limit)
		if limit == 0 && errors.Is(err, keystore.ErrInvalid) {
			return nil
		}
		if err != nil || limit == 0 {
			return fmt.Errorf("list %q after %q, limit %d: %v", prefix, after, limit, err)
		}
		if len(page) > min(limit, len(want)) || len(page) == 0 && len(want) > 0 {
			return fmt.Errorf("list %q after %q, limit %d: %d records, want %d",
				prefix, after, limit, len(page), len(want))
		}
		if len(page) == 0 {
			return nil
		}
		for i, got := range page {
			if !equal(got, want[i]) {
				return fmt.Errorf("list %q after %q: %s, want %s",
					prefix, after, brief(got), brief(want[i]))
			}
		}
		want, after = want[len(page):], page[len(page)-1].Key
	}
}

func equal(a, b keystore.Record) bool {
	return a.Key == b.Key && a.Rev == b.Rev && bytes.Equal(a.Data, b.Data)
}

func brief(r keystore.Record) string {
	return fmt.Sprintf("%q at %d (%d bytes %.4x)", r.Key, r.Rev, len(r.Data), r.Data)
}
