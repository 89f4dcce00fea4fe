package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/rootkey"
)

// A contest is a change that meets a fault and another change.
type contest struct {
	*bench
	roots map[string]*testRoot
	adds  uint32 // versions of the storage key that changes have added
}

func newContest(t *testing.T) *contest {
	t.Helper()
	c := &contest{roots: map[string]*testRoot{}}
	for i, id := range []string{"a", "b", "c", "d", "e"} {
		c.roots[id] = root(t, id, byte(i+1))
	}
	c.bench = newBench(t, c.roots["a"], c.roots["b"], c.roots["c"])
	return c
}

// staying returns the roots that are stored now, but id.
func (c *contest) staying(t *testing.T, id string) []rootkey.Provider {
	t.Helper()
	var staying []rootkey.Provider
	for _, other := range c.rootIDs(t) {
		if other != id {
			staying = append(staying, c.roots[other])
		}
	}
	return staying
}

// A move is a change in a contest, by a writer of its own or the one that meets
// the fault. It says how many versions it adds.
type move struct {
	name string
	adds uint32
	make func(context.Context, *testing.T, *contest, *settle.Writer) error
}

func nothing(context.Context, *testing.T, *contest, *settle.Writer) error { return nil }

func add(ctx context.Context, _ *testing.T, c *contest, w *settle.Writer) error {
	_, err := keyring.AddStorageKey(ctx, w, c.ring, c.roots["a"], at)
	return err
}

func addRoot(id string) move {
	do := func(ctx context.Context, _ *testing.T, c *contest, w *settle.Writer) error {
		_, err := keyring.AddRoot(ctx, w, c.ring, c.roots["a"], c.roots[id])
		return err
	}
	return move{"AddRoot " + id, 0, do}
}

func removeRoot(id string) move {
	do := func(ctx context.Context, t *testing.T, c *contest, w *settle.Writer) error {
		_, err := keyring.RemoveRoot(ctx, w, c.ring, id, c.staying(t, id), at)
		return err
	}
	return move{"RemoveRoot " + id, 1, do}
}

func drop(ctx context.Context, t *testing.T, c *contest, w *settle.Writer) error {
	primary := c.load(t, c.roots["a"]).Primary()
	_, err := keyring.DropStorageKeys(ctx, w, c.ring, c.roots["a"], primary)
	return err
}

var (
	moves = []move{
		{"AddStorageKey", 1, add}, addRoot("d"), removeRoot("c"), {"DropStorageKeys", 0, drop},
	}
	others = []move{
		{"nothing", 0, nothing},
		{"AddStorageKey", 1, add}, addRoot("d"), addRoot("e"), removeRoot("b"), removeRoot("c"),
		{"DropStorageKeys", 0, drop},
	}
)

// Every change with every fault and every other change, before it and between
// its write and the settling of that: an acknowledged change was made once, and
// one that was refused not at all.
func TestEveryFault(t *testing.T) {
	faults := []faultstore.Fault{
		faultstore.None, faultstore.Refuse, faultstore.LoseReply, faultstore.Late,
	}
	for _, m := range moves {
		for _, other := range others {
			for _, fault := range faults {
				for _, when := range []string{"Put", "Get"} {
					name := fmt.Sprint(m.name, "/", other.name, "/", fault, "/", when)
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { meet(t, m, other, fault, when) })
					})
				}
			}
		}
	}
}

// meet makes m with a fault of its first Put, and other before that or before
// the Get that settles it.
func meet(t *testing.T, m, other move, fault faultstore.Fault, when string) {
	c := newContest(t)
	must(t, add(t.Context(), t, c, settle.NewWriter(c.inner)))
	c.adds++
	puts := c.Calls("Put")
	c.Fault = func(call faultstore.Call) faultstore.Fault {
		if call.Method == "Put" && c.Calls("Put") == puts+1 {
			return fault
		}
		return faultstore.None
	}
	var once sync.Once
	c.Block = func(_ context.Context, call faultstore.Call) {
		if call.Method != when || c.Calls("Put") == puts {
			return
		}
		once.Do(func() { c.take(t, other, settle.NewWriter(c.inner)) })
	}
	c.take(t, m, c.w)
	c.Land()
	if got := c.load(t, c.roots["a"]).Primary(); got != 1+c.adds {
		t.Errorf("primary version %d after %d were added", got, c.adds)
	}
}

// take makes a move and counts what it adds. The only other ends are that the
// roots are not those that a RemoveRoot was told of, as another changed them, and
// that one was removed while an AddRoot was made.
func (c *contest) take(t *testing.T, m move, w *settle.Writer) {
	t.Helper()
	switch err := m.make(t.Context(), t, c, w); {
	case err == nil:
		c.adds += m.adds
	case !errors.Is(err, keyring.ErrRootsDiffer) && !errors.Is(err, settle.ErrConflict):
		t.Errorf("%s: %v", m.name, err)
	}
}

// A removal whose reply was lost is found even when the next one has taken the
// first of the roots that stay.
func TestRemovedAfterRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContest(t)
		c.Fault = func(call faultstore.Call) faultstore.Fault {
			if call.Method == "Put" {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		puts := c.Calls("Put")
		c.Block = func(_ context.Context, call faultstore.Call) {
			if call.Method == "Get" && c.Calls("Put") == puts+1 && len(c.rootIDs(t)) == 2 {
				_, err := keyring.RemoveRoot(t.Context(), settle.NewWriter(c.inner), c.ring, "a",
					c.staying(t, "a"), at)
				must(t, err)
			}
		}
		ring, err := keyring.RemoveRoot(t.Context(), c.w, c.ring, "c", c.staying(t, "c"), at)
		must(t, err)
		sameIDs(t, c.rootIDs(t), "b")
		if ring.Primary() != 3 || c.Calls("Put") != puts+1 {
			t.Errorf("primary %d after %d writes", ring.Primary(), c.Calls("Put")-puts)
		}
	})
}

// A root is asked once for each KK, however often the change is made again.
func TestAskedOnce(t *testing.T) {
	a, b, c := root(t, "a", 1), root(t, "b", 2), root(t, "c", 3)
	s := newBench(t, a, b)
	inner := root(t, "a", 1) // whose calls do not count
	overtaken := 0
	s.Block = func(_ context.Context, call faultstore.Call) {
		if call.Method != "Put" || overtaken == 3 {
			return
		}
		overtaken++
		_, err := keyring.AddStorageKey(t.Context(), settle.NewWriter(s.inner), s.ring, inner, at)
		must(t, err)
	}
	asked := func(change string, r *testRoot, wraps, unwraps int64) {
		t.Helper()
		if w, u := r.wraps.Swap(0), r.unwraps.Swap(0); w != wraps || u != unwraps {
			t.Errorf("%s: %s wrapped %d times, unwrapped %d", change, r.id, w, u)
		}
	}
	a.wraps.Store(0)
	a.unwraps.Store(0)
	_, err := keyring.AddRoot(t.Context(), s.w, s.ring, a, c)
	must(t, err)
	asked("AddRoot", a, 0, 1)
	asked("AddRoot", c, 1, 1) // what it has wrapped
	overtaken = 0
	b.wraps.Store(0)
	b.unwraps.Store(0)
	_, err = keyring.RemoveRoot(t.Context(), s.w, s.ring, "c", []rootkey.Provider{a, b}, at)
	must(t, err)
	asked("RemoveRoot", a, 1, 2) // what it had wrapped, and what it has
	asked("RemoveRoot", b, 1, 2)
	overtaken = 0
	_, err = keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
	must(t, err)
	asked("AddStorageKey", a, 0, 1)
}

// Where KK has changed meanwhile a root key was removed, perhaps the one that is
// to be added: it must not come back by a call that began before.
func TestAddRootToOtherKK(t *testing.T) {
	c := newContest(t)
	var once sync.Once
	c.Block = func(_ context.Context, call faultstore.Call) {
		if call.Method == "Put" {
			once.Do(func() { c.take(t, removeRoot("b"), settle.NewWriter(c.inner)) })
		}
	}
	if err := addRoot("d").make(t.Context(), t, c, c.w); !errors.Is(err, settle.ErrConflict) {
		t.Error(err)
	}
	sameIDs(t, c.rootIDs(t), "a", "c")
	c.take(t, addRoot("d"), c.w)
	sameIDs(t, c.rootIDs(t), "a", "c", "d")
}

// A root key that was added, and removed by another before the reply was found
// to be lost, stays removed.
func TestAddedRootStaysRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContest(t)
		puts := c.Calls("Put")
		c.Fault = func(call faultstore.Call) faultstore.Fault {
			if call.Method == "Put" && c.Calls("Put") == puts+1 {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		var once sync.Once
		c.Block = func(_ context.Context, call faultstore.Call) {
			if call.Method == "Get" && c.Calls("Put") > puts {
				once.Do(func() { c.take(t, removeRoot("d"), settle.NewWriter(c.inner)) })
			}
		}
		if err := addRoot("d").make(t.Context(), t, c, c.w); !errors.Is(err, settle.ErrConflict) {
			t.Error(err)
		}
		sameIDs(t, c.rootIDs(t), "a", "b", "c")
	})
}

// Many processes add versions over a connection that loses replies: none is
// missing and none is there twice.
func TestConcurrent(t *testing.T) {
	const writers, each = 8, 5
	synctest.Test(t, func(t *testing.T) {
		a := root(t, "a", 1)
		s := newBench(t, a)
		s.Fault = func(faultstore.Call) faultstore.Fault {
			if rand.N(10) == 0 {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		var sealed sync.Map
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				w, ring := settle.NewWriter(s), s.ring
				for range each {
					next, err := addUntilRead(t, w, ring, a)
					if err != nil {
						t.Error(err)
						return
					}
					ring = next
					sealed.Store(seal(ring, "x").Data[5], ring)
				}
			})
		}
		wg.Wait()
		final := s.load(t, a)
		if final.Primary() != 1+writers*each {
			t.Errorf("primary version %d, want %d", final.Primary(), 1+writers*each)
		}
		versions := 0
		sealed.Range(func(_, ring any) bool {
			opens(t, final, seal(ring.(*keyring.Ring), "x"), "x")
			versions++
			return true
		})
		if versions == 0 {
			t.Error("nothing was sealed")
		}
	})
}

// addUntilRead adds a version; a first Get that fails has changed nothing.
func addUntilRead(t *testing.T, w *settle.Writer, known *keyring.Ring,
	a rootkey.Provider) (*keyring.Ring, error) {
	for {
		ring, err := keyring.AddStorageKey(t.Context(), w, known, a, at)
		if !errors.Is(err, faultstore.ErrFault) || errors.Is(err, settle.ErrUnknownOutcome) {
			return ring, err
		}
	}
}

// The changes of roots leave the keyring with the roots that they say.
func TestRootsAfterFaults(t *testing.T) {
	faults := []faultstore.Fault{faultstore.Refuse, faultstore.LoseReply, faultstore.Late}
	for _, fault := range faults {
		c := newContest(t)
		var faulted int
		c.Fault = func(call faultstore.Call) faultstore.Fault {
			if call.Method == "Put" && faulted < 2 {
				faulted++
				return fault
			}
			return faultstore.None
		}
		for _, m := range []move{addRoot("e"), removeRoot("b"), addRoot("d"), removeRoot("a")} {
			faulted = 0
			must(t, m.make(t.Context(), t, c, c.w))
			c.Land()
		}
		ids := c.rootIDs(t)
		sameIDs(t, ids, "c", "e", "d")
		for id, r := range c.roots {
			_, err := keyring.Load(t.Context(), c.record(t), r)
			if stays := slices.Contains(ids, id); stays != (err == nil) {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
}
