package settle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// add returns the mutation that adds a name to the record, a list of names,
// once: it recognises its own work.
func add(name string) settle.Edit {
	return func(cur keystore.Record) ([]byte, error) {
		if slices.Contains(strings.Fields(string(cur.Data)), name) {
			return nil, nil
		}
		return []byte(string(cur.Data) + name + " "), nil
	}
}

func stored(t *testing.T, s keystore.Store) []string {
	t.Helper()
	rec, err := s.Get(context.Background(), "a")
	if errors.Is(err, keystore.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(rec.Data))
}

// Three mutations by two writers, with every combination of faults for their
// first five writes and every moment for late ones to land: an acknowledged
// mutation is there, and none is there twice.
func TestEveryFault(t *testing.T) {
	faults := []faultstore.Fault{faultstore.None, faultstore.Refuse, faultstore.LoseReply, faultstore.Late}
	const depth = 5
	combinations := 1
	for range depth {
		combinations *= len(faults)
	}
	for landAt := range 4 {
		for n := range combinations {
			synctest.Test(t, func(t *testing.T) {
				s := faultstore.New(memstore.New())
				puts := 0
				s.Fault = func(c faultstore.Call) faultstore.Fault {
					if c.Method != "Put" || puts >= depth {
						return faultstore.None
					}
					fault := faults[n>>(2*puts)&3]
					puts++
					return fault
				}
				writers := []*settle.Writer{settle.NewWriter(s), settle.NewWriter(s)}
				for i, name := range []string{"x", "y", "z"} {
					if _, err := writers[i%2].Update(t.Context(), "a", add(name)); err != nil {
						t.Fatalf("faults %x: %s: %v", n, name, err)
					}
					if i == landAt {
						s.Land()
					}
				}
				s.Land()
				if got := stored(t, s); !slices.Equal(got, []string{"x", "y", "z"}) {
					t.Fatalf("faults %x, landing after %d: stored %q", n, landAt, got)
				}
			})
		}
	}
}

// A driver that says ErrConflict of a write it has made is not believed.
func TestLyingConflict(t *testing.T) {
	s := &lyingStore{Store: memstore.New()}
	w := settle.NewWriter(s)
	for i := range 10 {
		if _, err := w.Update(t.Context(), "a", add(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got := stored(t, s); len(got) != 10 {
		t.Errorf("stored %q", got)
	}
}

type lyingStore struct{ keystore.Store }

func (s *lyingStore) Put(ctx context.Context, r keystore.Record) error {
	if err := s.Store.Put(ctx, r); err != nil {
		return err
	}
	return keystore.ErrConflict
}

func TestResult(t *testing.T) {
	w := settle.NewWriter(memstore.New())
	rec, err := w.Update(t.Context(), "a", add("x"))
	if err != nil || rec.Rev != 1 || string(rec.Data) != "x " {
		t.Errorf("%+v, %v", rec, err)
	}
	rec, err = w.Update(t.Context(), "a", add("x")) // nothing to do
	if err != nil || rec.Rev != 1 || rec.Data != nil {
		t.Errorf("%+v, %v", rec, err)
	}
	taken := errors.New("taken")
	_, err = w.Create(t.Context(), "a", func(cur keystore.Record) ([]byte, error) {
		if cur.Rev != 0 {
			return nil, taken
		}
		return []byte("y"), nil
	})
	if !errors.Is(err, taken) {
		t.Error(err)
	}
	if got := stored(t, w.Store); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored %q", got)
	}
}

// What cannot be settled says so, in time, with its cause.
func TestUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		most    time.Duration
	}{"no deadline": {time.Hour, 3300 * time.Millisecond}, "deadline": {time.Second, 1100 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			s := faultstore.New(memstore.New())
			s.Fault = func(c faultstore.Call) faultstore.Fault {
				if c.Method == "Put" {
					return faultstore.LoseReply
				}
				return faultstore.None
			}
			s.Block = func(ctx context.Context, c faultstore.Call) {
				if c.Method == "Get" && s.Calls("Put") > 0 {
					<-ctx.Done()
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
			defer cancel()
			start := time.Now()
			_, err := settle.NewWriter(s).Update(ctx, "a", add("x"))
			if !errors.Is(err, settle.ErrUnknownOutcome) || !errors.Is(err, faultstore.ErrFault) {
				t.Errorf("%s: %v", name, err)
			}
			if d := time.Since(start); d > c.most {
				t.Errorf("%s: took %v", name, d)
			}
		})
	}
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memstore.New()
		s := faultstore.New(inner)
		s.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Put" {
				inner.Close()
			}
		}
		start := time.Now()
		_, err := settle.NewWriter(s).Update(t.Context(), "a", add("x"))
		if !errors.Is(err, keystore.ErrClosed) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A caller whose context ends leaves the queue, and has written nothing.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := faultstore.New(memstore.New())
		release := make(chan struct{})
		s.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Put" {
				<-release
			}
		}
		w := settle.NewWriter(s)
		first := make(chan error)
		go func() {
			_, err := w.Update(context.Background(), "a", add("x"))
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Update(ctx, "a", add("y")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if got := stored(t, s); !slices.Equal(got, []string{"x"}) {
			t.Errorf("stored %q", got)
		}
	})
}

// A mutation that others keep overtaking ends.
func TestConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memstore.New()
		s := faultstore.New(inner)
		s.Block = func(ctx context.Context, c faultstore.Call) {
			if c.Method == "Put" { // somebody else is always faster
				if err := inner.Put(ctx, keystore.Record{Key: "a", Rev: c.Rev, Data: []byte("z ")}); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := settle.NewWriter(s).Update(t.Context(), "a", add("x")); !errors.Is(err, settle.ErrConflict) {
			t.Error(err)
		}
	})
}

// A store that shows an earlier state than before is not written over.
func TestBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &backwardStore{Store: memstore.New()}
		w := settle.NewWriter(s)
		for _, name := range []string{"x", "y"} {
			if _, err := w.Update(t.Context(), "a", add(name)); err != nil {
				t.Fatal(err)
			}
		}
		s.back = true
		if _, err := w.Update(t.Context(), "a", add("z")); !errors.Is(err, settle.ErrUnknownOutcome) {
			t.Error(err)
		}
	})
}

// A backwardStore forgets everything in the middle of a write.
type backwardStore struct {
	keystore.Store
	back bool
}

func (s *backwardStore) Put(ctx context.Context, r keystore.Record) error {
	if s.back {
		s.Store = memstore.New()
		return faultstore.ErrFault
	}
	return s.Store.Put(ctx, r)
}

// A write that has landed, and on which another came, is found even by a caller
// whose context has ended meanwhile.
func TestLandedThenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memstore.New()
		s := faultstore.New(inner)
		ctx, cancel := context.WithCancel(t.Context())
		s.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		s.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Get" && s.Calls("Put") == 1 {
				if _, err := settle.NewWriter(inner).Update(t.Context(), "a", add("other")); err != nil {
					t.Error(err)
				}
				cancel()
			}
		}
		if _, err := settle.NewWriter(s).Update(ctx, "a", add("x")); err != nil {
			t.Error(err)
		}
		if got := stored(t, inner); !slices.Equal(got, []string{"x", "other"}) {
			t.Errorf("stored %q", got)
		}
	})
}

// A store that answers with another record is not believed about whose it is.
func TestWrongKey(t *testing.T) {
	inner := memstore.New()
	s := &misnamingStore{inner}
	if _, err := settle.NewWriter(s).Update(t.Context(), "a", add("x")); err != nil {
		t.Fatal(err)
	}
	_, err := settle.NewWriter(s).Update(t.Context(), "a", func(cur keystore.Record) ([]byte, error) {
		if cur.Key != "a" {
			t.Errorf("the edit is of %q", cur.Key)
		}
		return []byte("y"), nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := inner.Get(t.Context(), "b"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("another record was written: %v", err)
	}
}

type misnamingStore struct{ keystore.Store }

func (s *misnamingStore) Get(ctx context.Context, key string) (keystore.Record, error) {
	rec, err := s.Store.Get(ctx, key)
	rec.Key = "b"
	return rec, err
}
