package kms_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
)

// However many check at once, while others work, none is in another's way.
func TestCheckAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	for name, store := range map[string]func() keystore.Store{
		"memstore": sync.OnceValue(func() keystore.Store { return memstore.New() }),
		"filestore": func() keystore.Store {
			s, err := filestore.Open(dir, nil)
			must(t, err)
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			worker := open(t, store(), nil)
			must(t, worker.AddRoot(t.Context(), root(t, 2)))
			var checks, work sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			work.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					d, err := worker.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/a"})
					must(t, err)
					_, err = worker.RotateKey(t.Context(), d.ID)
					must(t, err)
					must(t, worker.DeleteAlias(t.Context(), "alias/a"))
				}
			})
			for range 8 {
				k := open(t, store(), nil)
				checks.Go(func() {
					for range 5 {
						if h, err := k.Check(ctx); err != nil || !h.OK() {
							t.Errorf("%+v, %v", h, err)
						}
					}
				})
			}
			checks.Wait()
			cancel()
			work.Wait()
		})
	}
}

// What changes between two looks of a check is no orphan.
func TestCheckOrphanOrNot(t *testing.T) {
	store, k := newChecked(t)
	inner := open(t, store, nil)
	key := newKey(t, inner, "")
	must(t, inner.CreateAlias(t.Context(), "alias/left", key))
	must(t, store.Delete(t.Context(), "key/"+key, 1))
	inner = open(t, store, nil) // which has not seen the key
	if h := health(t, k); !slices.Equal(kinds(h), []kms.ProblemKind{kms.ProblemOrphanAlias}) {
		t.Fatalf("%v", h.Problems)
	}
	at := func(call faultstore.Call, do func()) {
		t.Helper()
		done := false
		store.Block = func(_ context.Context, c faultstore.Call) {
			if !done && c == call {
				done = true
				do()
			}
		}
		h := health(t, k)
		if store.Block = nil; !done || !h.OK() {
			t.Errorf("%+v: %v", call, h.Problems)
		}
	}
	// The alias is deleted after it was listed.
	at(faultstore.Call{Method: "Get", Key: "key/" + key}, func() {
		must(t, inner.DeleteAlias(t.Context(), "alias/left"))
	})
	// A key and its alias are made after keys were listed.
	at(faultstore.Call{Method: "List", Key: "alias/"}, func() {
		_, err := inner.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/new"})
		must(t, err)
	})
}

// A late store does something once it has read the keyring, and then returns what it
// has read.
type late struct {
	keystore.Store
	do func()
}

func (s *late) Get(ctx context.Context, key string) (keystore.Record, error) {
	rec, err := s.Store.Get(ctx, key)
	if do := s.do; do != nil && key == keyring.Key {
		s.do = nil
		do()
	}
	return rec, err
}

// A root key that is exchanged during a check is not wrong.
func TestCheckExchangedRoot(t *testing.T) {
	store := &late{Store: memstore.New()}
	k := open(t, store, nil)
	must(t, k.AddRoot(t.Context(), root(t, 2)))
	store.do = func() {
		must(t, k.AddRoot(t.Context(), root(t, 3)))
		must(t, k.RemoveRoot(t.Context(), root(t, 1).ID(), root(t, 3), root(t, 2)))
	}
	if h := health(t, k); !h.OK() || store.do != nil {
		t.Errorf("%v", h.Problems)
	}
}

// newChecked returns a KMS over a store that fails, with something of each kind.
func newChecked(t *testing.T) (*faultstore.Store, *kms.KMS) {
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	must(t, k.AddRoot(t.Context(), root(t, 2)))
	must(t, k.CreateAlias(t.Context(), "alias/a", newKey(t, k, "")))
	return store, k
}

// calls returns how many calls one check makes.
func calls(t *testing.T, store *faultstore.Store, k *kms.KMS) (n int) {
	store.Fault = func(faultstore.Call) faultstore.Fault { n++; return faultstore.None }
	if h := health(t, k); !h.OK() || n < 8 {
		t.Fatalf("%d calls: %v", n, h.Problems)
	}
	store.Fault = nil
	return n
}

// A store that is down from any call on is found to be.
func TestCheckOutage(t *testing.T) {
	store, k := newChecked(t)
	for n := range calls(t, store, k) {
		left := n
		store.Fault = func(faultstore.Call) faultstore.Fault {
			if left--; left < 0 {
				return faultstore.Refuse
			}
			return faultstore.None
		}
		h := health(t, k)
		if h.Ready || h.Complete || h.OK() || !slices.Contains(kinds(h), kms.ProblemStoreUnreachable) {
			t.Errorf("after %d calls: %+v", n, h)
		}
		for _, p := range h.Problems {
			if !errors.Is(p.Err, kms.ErrStoreUnavailable) || !errors.Is(p.Err, faultstore.ErrFault) {
				t.Errorf("after %d calls: %v", n, p)
			}
		}
	}
	store.Fault = nil
	if h := health(t, k); !h.OK() {
		t.Errorf("afterwards: %v", h.Problems)
	}
}

// Any call that fails once is noticed, but for a write of which only the reply
// was lost, and one that lands late does no harm.
func TestCheckFaults(t *testing.T) {
	for _, fault := range []faultstore.Fault{faultstore.Refuse, faultstore.LoseReply, faultstore.Late} {
		store, k := newChecked(t)
		for n := range calls(t, store, k) {
			left, at := n, faultstore.Call{}
			store.Fault = func(c faultstore.Call) faultstore.Fault {
				if left--; left == -1 {
					at = c
					return fault
				}
				return faultstore.None
			}
			h := health(t, k)
			if fine := at.Method == "Put" && fault == faultstore.LoseReply; h.OK() != fine || len(h.Problems) > 1 {
				t.Errorf("fault %d of %+v: %+v", fault, at, h)
			}
			store.Fault = nil
			if h := health(t, k); !h.OK() {
				t.Errorf("fault %d of %+v: afterwards %v", fault, at, h.Problems)
			}
			store.Land()
			if h := health(t, k); !h.OK() {
				t.Errorf("fault %d of %+v: landed %v", fault, at, h.Problems)
			}
		}
	}
}

// A ctx that ends, and Close, end a check with an error, and are no problem of
// the store's.
func TestCheckEnds(t *testing.T) {
	store, k := newChecked(t)
	for n := range calls(t, store, k) {
		ctx, cancel := context.WithCancel(t.Context())
		left := n
		store.Block = func(context.Context, faultstore.Call) {
			if left--; left < 0 {
				cancel()
			}
		}
		h, err := k.Check(ctx)
		if want(t, err, context.Canceled); h.Complete || h.OK() || len(h.Problems) > 0 {
			t.Errorf("after %d calls: %+v", n, h)
		}
		store.Block = nil
		closing := open(t, store, nil)
		left = n
		store.Block = func(context.Context, faultstore.Call) {
			if left--; left < 0 {
				closing.Close()
			}
		}
		h, err = closing.Check(t.Context())
		if want(t, err, kms.ErrClosed); h.Complete || h.OK() || len(h.Problems) > 0 {
			t.Errorf("closed after %d calls: %+v", n, h)
		}
		store.Block = nil
	}
}

// A write that hangs is given up, also without a deadline, and one that is
// refused is told at once.
func TestCheckNoWrite(t *testing.T) {
	for name, c := range map[string]struct {
		block func(context.Context)
		fault faultstore.Fault
		took  time.Duration // at most
	}{
		"hangs":   {func(ctx context.Context) { <-ctx.Done() }, faultstore.None, 3 * time.Second},
		"refused": {func(context.Context) {}, faultstore.Refuse, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, k := newChecked(t)
			defer k.Close()
			store.Block = func(ctx context.Context, call faultstore.Call) {
				if call.Method == "Put" {
					c.block(ctx)
				}
			}
			store.Fault = func(call faultstore.Call) faultstore.Fault {
				if call.Method == "Put" {
					return c.fault
				}
				return faultstore.None
			}
			start := time.Now()
			h := health(t, k)
			if took := time.Since(start); took > c.took {
				t.Errorf("%s: took %v", name, took)
			}
			if !slices.Equal(kinds(h), []kms.ProblemKind{kms.ProblemStoreNotWritable}) || !h.Ready || !h.Complete {
				t.Errorf("%s: %+v", name, h)
			}
		})
	}
}

// A talker is a store with a Check that tests choose.
type talker struct {
	keystore.Store
	check func(context.Context) []error
}

func (s talker) Check(ctx context.Context) []error { return s.check(ctx) }

// A driver that returns what its one check has found, also if that is nothing,
// has found nothing.
func TestCheckNilError(t *testing.T) {
	found := []error{nil, errors.New("a setting was weakened"), nil}
	k := open(t, talker{memstore.New(), func(context.Context) []error { return found }}, nil)
	must(t, k.AddRoot(t.Context(), root(t, 2)))
	h := health(t, k)
	if !slices.Equal(kinds(h), []kms.ProblemKind{kms.ProblemStoreWarning}) {
		t.Fatalf("%d problems", len(h.Problems))
	}
	if got := h.Problems[0].String(); got != "StoreWarning: a setting was weakened" {
		t.Error(got)
	}
	if found = found[:1]; !health(t, k).OK() {
		t.Error("nil is a problem")
	}
}

// What is kept of a check, as a probe's answer is, keeps neither the KMS nor the
// list of all keys.
func TestCheckKeepsNothing(t *testing.T) {
	k, err := kms.Open(t.Context(), memstore.New(), root(t, 1), nil)
	must(t, err)
	h := health(t, k)
	k.Close()
	left := weak.Make(k)
	k = nil
	for end := time.Now().Add(10 * time.Second); left.Value() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the KMS stays in memory with its Health")
		}
		runtime.GC()
	}
	runtime.KeepAlive(h)
}

// A stuck is a store whose List begins again at the start, whatever it is to go on
// behind. It fails in the end, lest a test hang.
type stuck struct {
	keystore.Store
	lists *int
}

func (s stuck) List(ctx context.Context, prefix, _ string, limit int) ([]keystore.Record, error) {
	if *s.lists++; *s.lists > 100 {
		return nil, errors.New("listed again and again")
	}
	return s.Store.List(ctx, prefix, "", limit)
}

// A scan of a store that lists the same records again ends.
func TestScanOfStuckStore(t *testing.T) {
	store := memstore.New()
	newKey(t, open(t, store, nil), "")
	must(t, store.Put(t.Context(), keystore.Record{Key: "z", Rev: 1, Data: []byte{1}}))
	lists := 0
	k := open(t, stuck{store, &lists}, nil)
	must(t, k.AddRoot(t.Context(), root(t, 2)))
	for name, scan := range map[string]func() error{
		"Check": func() error {
			h := health(t, k)
			if len(h.Problems) == 0 || h.Keys != 1 {
				t.Fatalf("%d keys, %v", h.Keys, h.Problems)
			}
			return h.Problems[0].Err
		},
		"Maintain": func() error { _, err := k.Maintain(t.Context()); return err },
		"Export":   func() error { return k.Export(t.Context(), io.Discard, root(t, 2)) },
	} {
		lists = 0
		if err := scan(); !errors.Is(err, kms.ErrStoreUnavailable) || lists > 20 {
			t.Errorf("%s: %d calls of List, %v", name, lists, err)
		}
	}
}

// A crowded is a store with one record more, whose key none may have.
type crowded struct {
	keystore.Store
	more keystore.Record
}

func (s crowded) List(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	records, err := s.Store.List(ctx, prefix, after, limit)
	if err == nil && len(records) == 0 && strings.HasPrefix(s.more.Key, prefix) && s.more.Key > after {
		records = append(records, s.more)
	}
	return records, err
}

// A check ends, whatever the names of the records are that a driver shows.
func TestCheckStrangeKeys(t *testing.T) {
	for _, key := range []string{"key/~x", "usage/\xff", "~", "\xff"} {
		store := memstore.New()
		must(t, open(t, store, nil).AddRoot(t.Context(), root(t, 2)))
		k := open(t, crowded{store, keystore.Record{Key: key, Rev: 1, Data: []byte{1}}}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		h, err := k.Check(ctx)
		if cancel(); err != nil || len(h.Problems) != 1 || h.Problems[0].Record != key {
			t.Errorf("%q: %v, %v", key, h.Problems, err)
		}
	}
}

// What is not made or not allowed says nothing of the store.
func TestCheckNotMade(t *testing.T) {
	store, k := newChecked(t)
	count := func() int { return store.Calls("Get") + store.Calls("Put") + store.Calls("List") }
	before := count()
	h, err := k.DryRun().Check(t.Context())
	if want(t, err, kms.ErrDryRun); h.OK() || h.Ready || count() != before {
		t.Errorf("%+v, %d calls", h, count()-before)
	}
}
