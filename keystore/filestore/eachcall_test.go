package filestore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// eachFault calls f for each way in which a call may fail, before it is made or
// after, and for each number n of a call, until f reports that there was none. Of
// calls there must be some.
func eachFault(t *testing.T, some int, f func(fault error, after bool, n int) bool) {
	t.Helper()
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EINTR, errShort} {
		for _, after := range []bool{false, true} {
			n := 0
			for f(fault, after, n) {
				n++
			}
			if n < some {
				t.Errorf("%v: only %d calls", fault, n)
			}
		}
	}
}

// A faultyOp is a write to a store in which key/a is at 2 and key/b at 1. If dead
// is 1, another writer has died between a change and its fsync.
type faultyOp struct {
	name string
	dead byte
	do   func(s keystore.Store) error
}

// TestEachCallFails lets every call of a write fail once, in every way. What is
// stored must be the old record or the new one, and nothing else in the way.
func TestEachCallFails(t *testing.T) {
	ctx := t.Context()
	replace := func(s keystore.Store) error {
		return s.Put(ctx, keystore.Record{Key: "key/a", Rev: 3, Data: []byte("v3")})
	}
	remove := func(s keystore.Store) error { return s.Delete(ctx, "key/a", 2) }
	for _, op := range []faultyOp{
		{"create in a new folder", 0, func(s keystore.Store) error {
			return s.Put(ctx, keystore.Record{Key: "new/a", Rev: 1, Data: []byte("v1")})
		}},
		{"create", 0, func(s keystore.Store) error {
			return s.Put(ctx, keystore.Record{Key: "key/new", Rev: 1, Data: []byte("v1")})
		}},
		{"replace", 0, replace},
		{"delete", 0, remove},
		{"delete all", 0, func(s keystore.Store) error {
			return errors.Join(remove(s), s.Delete(ctx, "key/b", 1))
		}},
		{"replace after a dead writer", 1, replace},
	} {
		eachFault(t, 5, func(fault error, after bool, n int) bool {
			return failNth(t, op, fault, after, n)
		})
	}
}

// failNth lets the call number n of op fail, and reports whether there was one.
func failNth(t *testing.T, op faultyOp, fault error, after bool, n int) bool {
	t.Helper()
	dir := fastDir(t)
	defer os.RemoveAll(dir)
	fsys, s := openFaulty(t, dir, op.dead, after)
	defer s.Close()
	failed := fsys.failAt(n, fault)
	err := op.do(s)
	call, trace := failed(), fsys.trace()
	if call == "" {
		return false
	}
	where := op.name + ", " + fault.Error() + " from " + call
	sane(t, where+", same handle", s, isSync(call))
	if call != "remove temp" && call != "open temp" { // which leave it to the next Open
		noTemps(t, dir)
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	again := openFS(t, dir, &faultFS{idle: true})
	defer again.Close()
	sane(t, where+", reopened", again, false)
	noTemps(t, dir)
	if err == nil && op.dead == 1 && !slices.Contains(trace, "sync "+filepath.Base(dir)) &&
		runtime.GOOS != "windows" { // which has no fsync of directories
		t.Errorf("%s: nil, and what the dead writer left is not durable", where)
	}
	if err == nil { // then it was done
		err := op.do(again)
		if !errors.Is(err, keystore.ErrConflict) && !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: nil, but done again: %v", where, err)
		}
	}
	return true
}

// openFaulty opens a new store, of which faultyOp tells.
func openFaulty(t *testing.T, dir string, dead byte, after bool) (*faultFS, *filestore.Store) {
	t.Helper()
	fsys := &faultFS{idle: true, after: after}
	s := openFS(t, dir, fsys)
	put(t, s, "key/a", 1, "v1")
	put(t, s, "key/a", 2, "v2")
	put(t, s, "key/b", 1, "v1")
	setMark(t, dir, dead)
	fsys.trace()
	return fsys, s
}

// sane checks that s holds old records or new ones and takes more, or refuses
// everything.
func sane(t *testing.T, where string, s keystore.Store, refuses bool) {
	t.Helper()
	page, err := s.List(t.Context(), "", "", 10)
	if refuses {
		if !errors.Is(err, durable.ErrSync) {
			t.Errorf("%s: %v", where, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	for _, r := range page {
		if string(r.Data) != []string{"", "v1", "v2", "v3", "v4", "v5"}[r.Rev] {
			t.Errorf("%s: %s at %d is %q", where, r.Key, r.Rev, r.Data)
		}
	}
	for _, key := range []string{"key/b", "key/x"} {
		r, err := s.Get(t.Context(), key)
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: %v", where, err)
		}
		next := keystore.Record{Key: key, Rev: r.Rev + 1,
			Data: []byte([]string{"v1", "v2", "v3", "v4"}[r.Rev])}
		if err := s.Put(t.Context(), next); err != nil {
			t.Errorf("%s: then %v", where, err)
		}
	}
}

// TestEachReadFails lets every call of a read fail once, in every way. It returns
// what is stored or says that it failed: never that there is nothing, or damage.
func TestEachReadFails(t *testing.T) {
	for name, read := range map[string]func(s keystore.Store) (string, error){
		"Get": func(s keystore.Store) (string, error) {
			r, err := s.Get(t.Context(), "key/a")
			return fmt.Sprintf("%s at %d: %s", r.Key, r.Rev, r.Data), err
		},
		"List": func(s keystore.Store) (got string, err error) {
			page, err := s.List(t.Context(), "key/a", "", 10)
			for _, r := range page {
				got += fmt.Sprintf("%s at %d: %s", r.Key, r.Rev, r.Data)
			}
			return got, err
		},
	} {
		for _, dead := range []byte{0, 1} {
			eachFault(t, 4, func(fault error, after bool, n int) bool {
				dir := fastDir(t)
				defer os.RemoveAll(dir)
				fsys, s := openFaulty(t, dir, dead, after)
				defer s.Close()
				failed := fsys.failAt(n, fault)
				got, err := read(s)
				call := failed()
				if err == nil && got != "key/a at 2: v2" || err != nil && !errors.Is(err, fault) ||
					errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrCorrupt) {
					t.Errorf("%s, %v from %s: %s, %v", name, fault, call, got, err)
				}
				if call != "" {
					sane(t, name+", "+fault.Error()+" from "+call, s, isSync(call))
				}
				return call != ""
			})
		}
	}
}

// TestSetUpFails lets each call of Open fail once, of the first and of one after a
// dead writer: the next one must not find anything in its way.
func TestSetUpFails(t *testing.T) {
	for _, dead := range []byte{0, 1} {
		eachFault(t, 10, func(fault error, after bool, n int) bool {
			dir := filepath.Join(fastDir(t), "store")
			defer os.RemoveAll(filepath.Dir(dir))
			if dead == 1 {
				_, s := openFaulty(t, dir, dead, false)
				s.Close()
			}
			fsys := &faultFS{idle: true, after: after}
			failed := fsys.failAt(n, fault)
			s, err := filestore.OpenFS(fsys, dir, &filestore.Options{})
			call := failed()
			if err == nil {
				s.Close()
			}
			where := fmt.Sprintf("%v from %s", fault, call)
			again, err := filestore.Open(dir, nil)
			if err != nil {
				t.Fatalf("%s: then %v", where, err)
			}
			defer again.Close()
			sane(t, where, again, false)
			noTemps(t, dir)
			return call != ""
		})
	}
}
