// Package keystoretest checks that a store keeps the contract of package
// keystore. A driver's tests call Run, and as far as they apply RunBlocked,
// RunProcesses and Fuzz:
//
//	func TestStore(t *testing.T) {
//		keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
//			dir := t.TempDir()
//			return func() keystore.Store { return open(t, dir) }
//		})
//	}
//
// What only the driver can bring about is left to its own tests: a damaged
// record, which is ErrCorrupt from Get and stands in List with Rev 0; a reply
// that is lost, which must not become a definite error.
package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// Run checks everything in the contract that two handles in one process can
// show, each case on a new store that harness makes. Each call of open returns
// a handle on that store, which Run closes if it is an io.Closer. Handles are
// compared with ==: an open that returns the same one again says that the store
// has only one and ends with it.
//
// Run counts goroutines, so no other test may run at the same time.
func Run(t *testing.T, harness func(t *testing.T) (open func() keystore.Store)) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("contract: " + c.contract)
				}
			}()
			c.check(t, harness(t))
		})
	}
}

// A testCase checks one sentence of the contract.
type testCase struct {
	name     string
	contract string
	run      func(*rig)
}

var cases = []testCase{
	{"get absent", "Get returns ErrNotFound where there is no record.", getAbsent},
	{"create", "Get returns the record that Put stored.", create},
	{"create existing",
		"Put at Rev 1 on a record is ErrConflict and changes nothing.", createExisting},
	{"replace", "Put replaces the record if the stored revision is Rev-1.", replace},
	{"replace absent", "Put above Rev 1 without a record is ErrConflict and writes nothing.",
		replaceAbsent},
	{"replace stale",
		"Put at the stored revision or below is ErrConflict.", replaceStale},
	{"replace skipping",
		"Put more than one above the stored revision is ErrConflict.", replaceSkipping},
	{"revision 0", "Put at Rev 0 is ErrInvalid.", revisionZero},
	{"high revisions", "A revision is 64 bits, if one ever gets there.", highRevisions},
	{"delete", "Delete removes the record if the stored revision is rev.", deleteRecord},
	{"delete other revision", "Delete at another revision is ErrConflict and changes nothing.",
		deleteOther},
	{"delete absent", "Delete returns ErrNotFound where there is no record.", deleteAbsent},
	{"recreate", "After Delete a record starts at Rev 1 again.", recreate},
	{"any bytes", "Data is bytes of any value, returned as they were.", anyBytes},
	{"sizes", "Data is 1 to MaxData bytes.", sizes},
	{"wrong sizes",
		"Empty Data and more than MaxData is ErrInvalid and writes nothing.", wrongSizes},
	{"longest key", "A key is at most MaxKey bytes, all of them significant.", longestKey},
	{"malformed keys", "A key out of the grammar is ErrInvalid and writes nothing.", malformedKeys},
	{"similar keys", "Keys that differ at all are different records.", similarKeys},
	{"trailing characters", "Keys that differ in their last characters are different records.",
		trailingCharacters},
	{"reserved names", "Every well-formed key can be used, whatever a system thinks of it.",
		reservedNames},
	{"aliased by Put", "A store keeps no reference to the Data it is given.", aliasedByPut},
	{"aliased by Get", "A store returns no reference to the Data it holds.", aliasedByGet},
	{"aliased by List",
		"List returns no reference to the Data that the store holds.", aliasedByList},
	{"list nothing", "List of nothing is an empty page and no error.", listNothing},
	{"list records", "List returns records, as Get does.", listRecords},
	{"list order", "List is in byte order of the keys.", listOrder},
	{"list prefix", "List returns exactly the keys that start with prefix.", listPrefix},
	{"list pages",
		"Pages that follow each other have each record once.", listPages},
	{"list large pages",
		"A page may be shorter than limit; only an empty one ends a scan.", listLarge},
	{"list limits", "A limit below 1 or above MaxLimit is ErrInvalid.", listLimits},
	{"list after a deleted key",
		"A page starts after any key, whether or not it exists.", listAfter},
	{"list while writing", "A record that is there during a whole scan appears in it exactly once.",
		listWhileWriting},
	{"concurrent scans", "A scan is complete whatever else is written meanwhile.", concurrentScans},
	{"concurrent creates", "Put is atomic: of many that create a record, one succeeds.",
		concurrentCreates},
	{"concurrent increments", "Put is atomic: no update is lost.", concurrentIncrements},
	{"two handles", "Put is atomic over every handle.", twoHandles},
	{"read your writes", "Get returns what any handle wrote before it began.", readYourWrites},
	{"linearizable", "Put and Get are linearizable per key.", linearizable},
	{"reopen", "What was written is there when the store is opened again.", reopen},
	{"closed", "After Close, every method returns ErrClosed.", closed},
	{"goroutines", "No goroutine outlives a call, or Close of an io.Closer.", goroutines},
	{"cancelled", "A call whose ctx is done before it begins fails and writes nothing.", cancelled},
}

// check runs the case on the store behind open and closes all handles.
func (c *testCase) check(t tester, open func() keystore.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &rig{tester: t, ctx: ctx, opener: open}
	defer r.closeAll()
	c.run(r)
}

// A tester is the part of testing.TB that the cases need, so that the tests of
// this package can watch them fail.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A rig is what a case works with: the test to fail and handles on one store.
type rig struct {
	tester
	ctx     context.Context
	opener  func() keystore.Store
	handles []keystore.Store // not closed yet
}

// open returns a handle.
func (r *rig) open() keystore.Store {
	s := r.opener()
	r.forget(s)
	r.handles = append(r.handles, s)
	return s
}

// close closes a handle, and reports whether it could.
func (r *rig) close(s keystore.Store) bool {
	r.Helper()
	r.forget(s)
	c, ok := s.(io.Closer)
	if !ok {
		return false
	}
	if err := c.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
	return true
}

func (r *rig) closeAll() {
	r.Helper()
	for len(r.handles) > 0 {
		r.close(r.handles[0])
	}
}

func (r *rig) forget(s keystore.Store) {
	for i, h := range r.handles {
		if h == s {
			r.handles = append(r.handles[:i], r.handles[i+1:]...)
			return
		}
	}
}

// put writes a record, which must succeed.
func (r *rig) put(s keystore.Store, key string, rev uint64, data string) {
	r.Helper()
	if err := s.Put(r.ctx, record(key, rev, data)); err != nil {
		r.Fatalf("Put %q at revision %d: %v", key, rev, err)
	}
}

// stored checks what is stored under key.
func (r *rig) stored(s keystore.Store, key string, rev uint64, data string) {
	r.Helper()
	got, err := s.Get(r.ctx, key)
	if err != nil {
		r.Fatalf("Get %q: %v", key, err)
	}
	r.equal(got, record(key, rev, data))
}

func (r *rig) equal(got, want keystore.Record) {
	r.Helper()
	if got.Key != want.Key || got.Rev != want.Rev {
		r.Errorf("record %q at revision %d, want %q at %d", got.Key, got.Rev, want.Key, want.Rev)
	}
	if !bytes.Equal(got.Data, want.Data) {
		r.Errorf("record %q: data of %d bytes %.20x…, want %d bytes %.20x…",
			want.Key, len(got.Data), got.Data, len(want.Data), want.Data)
	}
}

// absent checks that no record is stored under key.
func (r *rig) absent(s keystore.Store, key string) {
	r.Helper()
	_, err := s.Get(r.ctx, key)
	r.wantErr(err, keystore.ErrNotFound, "Get %q", key)
}

// wantErr checks that err matches target and no other error of the contract.
func (r *rig) wantErr(err, target error, format string, args ...any) {
	r.Helper()
	args = append(args, err, target)
	if !errors.Is(err, target) {
		r.Errorf(format+": error %v, want %v", args...)
		return
	}
	for _, other := range definite {
		if other != target && errors.Is(err, other) {
			r.Errorf(format+": error %v is %v, and matches %v too", append(args, other)...)
		}
	}
}

var definite = []error{
	keystore.ErrNotFound, keystore.ErrConflict, keystore.ErrInvalid,
	keystore.ErrCorrupt, keystore.ErrTooNew, keystore.ErrClosed,
}

// scan returns all records that start with prefix, in pages of limit.
func (r *rig) scan(s keystore.Store, prefix string, limit int) []keystore.Record {
	r.Helper()
	all, err := scan(r.ctx, s, prefix, limit, func() {})
	if err != nil {
		r.Fatalf("%v", err)
	}
	return all
}

// scan is rig.scan for any goroutine. It calls between after each page.
func scan(
	ctx context.Context, s keystore.Store, prefix string, limit int, between func(),
) ([]keystore.Record, error) {
	var all []keystore.Record
	after := ""
	for {
		page, err := s.List(ctx, prefix, after, limit)
		if err != nil || len(page) > limit {
			return nil, fmt.Errorf("list %q after %q: %d records, limit %d, error %v",
				prefix, after, len(page), limit, err)
		}
		if len(page) == 0 {
			return all, nil
		}
		last := page[len(page)-1].Key
		if last <= after {
			return nil, fmt.Errorf("list %q after %q ends with %q", prefix, after, last)
		}
		all, after = append(all, page...), last
		between()
	}
}

func record(key string, rev uint64, data string) keystore.Record {
	return keystore.Record{Key: key, Rev: rev, Data: []byte(data)}
}

func keysOf(records []keystore.Record) []string {
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	return keys
}
