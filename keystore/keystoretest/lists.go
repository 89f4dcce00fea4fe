package keystoretest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/embedkms/kms/keystore"
)

func listNothing(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, l := range []struct{ prefix, after string }{
		{"x", ""}, {"key/a/", ""}, {"key/b", ""}, {"", "key/a"}, {"key/", "key/a"}, {"key/", "z"},
		{"KEY", ""}, {"%", ""}, {"key/a\x00", ""}, {"", "\xff"}, {strings.Repeat("a", 100), ""},
	} {
		page, err := s.List(r.ctx, l.prefix, l.after, 10)
		if err != nil || len(page) != 0 {
			r.Errorf("List %q after %q: %q, %v", l.prefix, l.after, keysOf(page), err)
		}
	}
	if err := s.Delete(r.ctx, "key/a", 1); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	if page, err := s.List(r.ctx, "", "", 1); err != nil || len(page) != 0 {
		r.Errorf("List of an empty store: %q, %v", keysOf(page), err)
	}
}

func listRecords(r *rig) {
	s := r.open()
	for rev := range uint64(3) {
		r.put(s, "key/a", rev+1, fmt.Sprint("a", rev+1))
	}
	r.put(s, "key/b", 1, "\x00\xff")
	page := r.scan(s, "", 10)
	if len(page) != 2 {
		r.Fatalf("List has %q", keysOf(page))
	}
	r.equal(page[0], record("key/a", 3, "a3"))
	r.equal(page[1], record("key/b", 1, "\x00\xff"))
}

// orderKeys are in byte order, where '-' < '/' < digits < '_' < letters: not
// the order of words, of file names or of paths by segment.
var orderKeys = []string{
	"0", "00", "09", "1", "10", "2", "a", "a-", "a--/x", "a-/x", "a-b", "a-b/a", "a/a", "a/a-",
	"a/a/a", "a/a0", "a/a_", "a/b", "a0", "a0/a", "a_", "a_/a", "a_b", "aa", "aa/a", "ab", "b",
	"b/a", "z-1", "z-10", "z-2",
}

func listOrder(r *rig) {
	if !slices.IsSorted(orderKeys) {
		panic("keystoretest: orderKeys out of order")
	}
	s := r.open()
	for i := range orderKeys { // neither in order nor in reverse
		key := orderKeys[i*7%len(orderKeys)]
		r.put(s, key, 1, key)
	}
	for _, limit := range []int{1, 2, 5, 1000} {
		if got := keysOf(r.scan(s, "", limit)); !slices.Equal(got, orderKeys) {
			r.Errorf("in pages of %d:\n%q, want\n%q", limit, got, orderKeys)
		}
	}
	for i, after := range orderKeys {
		page, err := s.List(r.ctx, "", after, 1000)
		if err != nil {
			r.Fatalf("List after %q: %v", after, err)
		}
		if got := keysOf(page); !slices.Equal(got, orderKeys[i+1:]) {
			r.Errorf("after %q: %q", after, got)
		}
	}
}

func listPrefix(r *rig) {
	s := r.open()
	for _, key := range orderKeys {
		r.put(s, key, 1, key)
	}
	for _, prefix := range []string{
		"", "a", "a/", "a-", "a_", "a-b", "a-b/", "a/a", "a/a/", "a/a/a", "0", "z-1", "a0", "a0/",
		"b", "b/a", "aa", "a--", "z", "%", "_", "a%", "A", "a.", "/",
	} {
		var want []string
		for _, key := range orderKeys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		if got := keysOf(r.scan(s, prefix, 1000)); !slices.Equal(got, want) {
			r.Errorf("prefix %q: %q, want %q", prefix, got, want)
		}
	}
	for _, after := range []string{"", "A", "a", "a.", "a/a", "a/a\xff", "b", "z"} {
		var want []string
		for _, key := range orderKeys {
			if strings.HasPrefix(key, "a/") && key > after {
				want = append(want, key)
			}
		}
		page, err := s.List(r.ctx, "a/", after, 1000)
		if got := keysOf(page); err != nil || !slices.Equal(got, want) {
			r.Errorf("prefix a/ after %q: %q, %v, want %q", after, got, err, want)
		}
	}
}

func listPages(r *rig) {
	s := r.open()
	const n = 31
	for i := range n {
		r.put(s, fmt.Sprintf("key/%02d", i), 1, "v")
		r.put(s, fmt.Sprintf("other/%02d", i), 1, "v")
	}
	for _, limit := range []int{1, 7, n, keystore.MaxLimit} {
		if got := len(r.scan(s, "key/", limit)); got != n {
			r.Errorf("pages of %d: %d records, want %d", limit, got, n)
		}
		if got := len(r.scan(s, "", limit)); got != 2*n {
			r.Errorf("pages of %d: %d records, want %d", limit, got, 2*n)
		}
	}
}

// listLarge writes 6 MiB, more than a page of many drivers.
func listLarge(r *rig) {
	s := r.open()
	const n = 12
	data := strings.Repeat("x", keystore.MaxData)
	for i := range n {
		r.put(s, fmt.Sprintf("key/%02d", i), 1, data)
	}
	page := r.scan(s, "key/", keystore.MaxLimit)
	if len(page) != n {
		r.Fatalf("%d records, want %d", len(page), n)
	}
	for i, got := range page {
		r.equal(got, record(fmt.Sprintf("key/%02d", i), 1, data))
	}
}

func listLimits(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, limit := range []int{0, -1, keystore.MaxLimit + 1, 1 << 30} {
		page, err := s.List(r.ctx, "", "", limit)
		r.wantErr(err, keystore.ErrInvalid, "List of %d records (%d)", limit, len(page))
	}
}

func listAfter(r *rig) {
	s := r.open()
	for _, key := range []string{"key/a", "key/b", "key/c"} {
		r.put(s, key, 1, "v")
	}
	if err := s.Delete(r.ctx, "key/b", 1); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	for _, after := range []string{"key/b", "key/a0", "key/b/x", "key/a\x00"} {
		page, err := s.List(r.ctx, "key/", after, 10)
		if got := keysOf(page); err != nil || !slices.Equal(got, []string{"key/c"}) {
			r.Errorf("after %q: %q, %v", after, got, err)
		}
	}
}

// listWhileWriting writes between the pages of a scan: in front of it, behind
// it and on the very key it has reached.
func listWhileWriting(r *rig) {
	s := r.open()
	var stable []string
	for i := range 20 {
		stable = append(stable, fmt.Sprintf("key/%02d", i))
		r.put(s, stable[i], 1, "v")
		r.put(s, stable[i]+"-old", 1, "v")
	}
	i := 0
	got, err := scan(r.ctx, s, "key/", 3, func() {
		for _, key := range stable[min(i, len(stable)):min(i+2, len(stable))] {
			r.put(s, key, 2, "replaced")
			if err := s.Delete(r.ctx, key+"-old", 1); err != nil {
				r.Fatalf("Delete: %v", err)
			}
		}
		r.put(s, fmt.Sprintf("key/%02d-new", 20-i/2), 1, "v")
		i += 2
	})
	if err != nil {
		r.Fatalf("%v", err)
	}
	r.eachOnce(got, stable)
}

// eachOnce checks that every key of stable is in got once, and in order.
func (r *rig) eachOnce(records []keystore.Record, stable []string) {
	r.Helper()
	got := keysOf(records)
	if !slices.IsSorted(got) {
		r.Errorf("scan out of order: %q", got)
	}
	for _, key := range stable {
		n := 0
		for _, k := range got {
			if k == key {
				n++
			}
		}
		if n != 1 {
			r.Errorf("scan has %q %d times", key, n)
		}
	}
}

// concurrentScans replaces, creates and deletes records while others scan.
func concurrentScans(r *rig) {
	s := r.open()
	var stable []string
	for i := range 24 {
		stable = append(stable, fmt.Sprintf("key/%02d", i))
		r.put(s, stable[i], 1, "v")
	}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for rev := uint64(2); ; rev++ {
				select {
				case <-done:
					return
				default:
				}
				for i := w; i < len(stable); i += 3 {
					if !r.disturb(s, stable[i], rev) {
						return
					}
				}
			}
		})
	}
	for _, limit := range []int{1, 5, 1000} {
		readers.Go(func() {
			for range 8 {
				got, err := scan(r.ctx, s, "key/", limit, func() {})
				if err != nil {
					r.Errorf("%v", err)
					return
				}
				r.eachOnce(got, stable)
			}
		})
	}
	readers.Wait()
	close(done)
	writers.Wait()
}

// disturb replaces key and has another one come and go beside it.
func (r *rig) disturb(s keystore.Store, key string, rev uint64) bool {
	for _, err := range []error{
		s.Put(r.ctx, record(key, rev, "v")),
		s.Put(r.ctx, record(key+"-x", 1, "v")),
		s.Delete(r.ctx, key+"-x", 1),
	} {
		if err != nil {
			r.Errorf("while scanning: %v", err)
			return false
		}
	}
	return true
}
