package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// plain is what bounds may consist of: the bytes of keys, and those next to them.
const plain = "-./0123456789:_`abcdefghijklmnopqrstuvwxyz{"

// TestBounds compares ranges with what they stand for, for every pair of a
// prefix and an after that begin like keys and go on like anything.
func TestBounds(t *testing.T) {
	longest := strings.Repeat("a", keystore.MaxKey)
	keys := []string{
		"0", "9", "a", "a-", "a-b", "a/b", "a0", "a9/z", "a_", "a_b", "aa", "ab", "az", "b", "z", "zz",
		"key/a", "key/b", "meta/keyring", longest[1:], longest, longest[:63] + "b", "zzzz/z",
	}
	texts := append([]string{
		"", "-", "/", "_", "A", "Z", "{", "~", "\x00", "\xff", "a.", "a:", "a`", "a\x00", "aA", "a{", "a\xff",
		"é", "key", "key/", "key/a\x00", "z{", "zz\xff", "zzzz/z{", longest + "-", longest + "a",
		longest + "\x00", strings.Repeat("z", 100), strings.Repeat("\xff", 100), "a b", "a%", "a'",
	}, keys...)
	for _, prefix := range texts {
		for _, after := range texts {
			from, to, ok := sqlstore.BoundsOf(prefix, after)
			for _, key := range keys {
				want := strings.HasPrefix(key, prefix) && key > after
				if got := ok && key >= from && key < to; got != want {
					t.Errorf("prefix %q after %q: %q is in the page: %v, want %v (%q to %q)",
						prefix, after, key, got, want, from, to)
				}
			}
			for _, bound := range []string{from, to} {
				if ok && (strings.Trim(bound, plain) != "" || len(bound) > keystore.MaxKey+1) {
					t.Errorf("prefix %q after %q: a database may refuse %q", prefix, after, bound)
				}
			}
		}
	}
}

// TestPageSize stores more than a page of large records.
func TestPageSize(t *testing.T) {
	db := newFake()
	s := db.open(t)
	for _, c := range []struct{ records, size, want int }{
		{20, keystore.MaxData, 8}, {5, 1 << 20, 5}, // of which no data is read
	} {
		clear(db.rows)
		for i := range c.records {
			db.rows["key/"+string(rune('a'+i))] = fakeRow{int64(1), make([]byte, c.size)}
		}
		for _, limit := range []int{c.want, c.want + 1, keystore.MaxLimit} {
			db.listed = 0
			page, err := s.List(t.Context(), "", "", limit)
			if err != nil || len(page) != c.want || db.listed != c.want {
				t.Errorf("%d records of %d bytes, limit %d: page of %d, %d sent, %v, want %d",
					c.records, c.size, limit, len(page), db.listed, err, c.want)
			}
		}
	}
}

// TestPageGrows has small records replaced by large ones between the two
// questions of a List.
func TestPageGrows(t *testing.T) {
	db := newFake()
	s := db.open(t)
	fill := func(size int) {
		for c := 'a'; c <= 'z'; c++ {
			db.rows["key/"+string(c)] = fakeRow{int64(1), make([]byte, size)}
		}
	}
	fill(1)
	db.before = func(query string) error {
		if strings.HasPrefix(query, "SELECT k,") {
			fill(keystore.MaxData)
		}
		return nil
	}
	if page, err := s.List(t.Context(), "", "", keystore.MaxLimit); err != nil || len(page) != 8 {
		t.Errorf("page of %d, %v, want 8", len(page), err)
	}
}
