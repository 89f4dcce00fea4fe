package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

func TestAddRoot(t *testing.T) {
	a, b := root(t, "a", 1), root(t, "b", 2)
	s := newBench(t, a)
	before := s.ring
	ring, err := keyring.AddRoot(t.Context(), s.w, s.ring, a, b)
	must(t, err)
	sameIDs(t, s.rootIDs(t), "a", "b")
	if ring.Rev() != 2 || ring.Primary() != 1 || ring.OlderVersions() > 0 {
		t.Errorf("revision %d, primary version %d", ring.Rev(), ring.Primary())
	}
	for _, r := range []rootkey.Provider{a, b} {
		opened := s.load(t, r)
		opens(t, opened, seal(before, "x"), "x")
		opens(t, before, seal(opened, "x"), "x")
		opens(t, ring, seal(opened, "x"), "x")
	}
}

// A root that is there already is not written again, whichever root asks.
func TestAddRootAgain(t *testing.T) {
	a, b := root(t, "a", 1), root(t, "b", 2)
	s := newBench(t, a, b)
	before, puts := s.record(t), s.Calls("Put")
	for _, c := range [][2]*testRoot{{a, b}, {b, a}, {a, a}} {
		ring, err := keyring.AddRoot(t.Context(), s.w, s.ring, c[0], c[1])
		must(t, err)
		if ring.Rev() != 2 {
			t.Errorf("revision %d", ring.Rev())
		}
		opens(t, ring, seal(s.ring, "x"), "x")
	}
	s.unchanged(t, before, puts)
}

func TestAddRootRefused(t *testing.T) {
	a, b := root(t, "a", 1), root(t, "b", 2)
	s := newBench(t, a, b)
	unreachable := root(t, "c", 3)
	unreachable.fail = errors.New("unreachable")
	for name, c := range map[string]struct {
		root, added rootkey.Provider
		want        error
	}{
		"ID of another root": {a, root(t, "b", 3), keyring.ErrRootExists},
		"no ID":              {a, root(t, "", 3), keyring.ErrRootUnavailable},
		"long ID":            {a, root(t, strings.Repeat("x", 256), 3), keyring.ErrRootUnavailable},
		"not reached":        {a, unreachable, keyring.ErrRootUnavailable},
		"long wrapping":      {a, longRoot{root(t, "c", 3), 1 << 16}, keyring.ErrRootUnavailable},
		"unknown root":       {root(t, "c", 3), root(t, "d", 4), keyring.ErrWrongRoot},
		"wrong root":         {root(t, "a", 3), root(t, "d", 4), keyring.ErrWrongRoot},
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(t, c.want, func() (*keyring.Ring, error) {
				return keyring.AddRoot(t.Context(), s.w, s.ring, c.root, c.added)
			})
		})
	}
}

// A longRoot wraps to n bytes.
type longRoot struct {
	rootkey.Provider
	n int
}

func (r longRoot) Wrap(_ context.Context, kk, _ []byte) ([]byte, error) {
	return append(bytes.Clone(kk), make([]byte, r.n-len(kk))...), nil
}

func (r longRoot) Unwrap(_ context.Context, wrapped, _ []byte) ([]byte, error) {
	return bytes.Clone(wrapped[:32]), nil
}

// A root that wraps what it cannot open is not stored: all others might be
// removed, and then nothing would open the store.
func TestUnopenedWrap(t *testing.T) {
	a, b := root(t, "a", 1), root(t, "b", 2)
	s := newBench(t, a, b)
	s.refused(t, keyring.ErrRootUnavailable, func() (*keyring.Ring, error) {
		return keyring.AddRoot(t.Context(), s.w, s.ring, a, badRoot{root(t, "c", 3)})
	})
	s.refused(t, keyring.ErrRootUnavailable, func() (*keyring.Ring, error) {
		return keyring.RemoveRoot(t.Context(), s.w, s.ring, "a", []rootkey.Provider{badRoot{b}}, at)
	})
}

// A badRoot wraps what does not open.
type badRoot struct{ rootkey.Provider }

func (r badRoot) Wrap(ctx context.Context, kk, aad []byte) ([]byte, error) {
	wrapped, err := r.Provider.Wrap(ctx, kk, aad)
	wrapped[len(wrapped)-1] ^= 1
	return wrapped, err
}

// A keyring takes a number of roots, and no more bytes than a record may have.
func TestFull(t *testing.T) {
	a := root(t, "a", 1)
	var roots []rootkey.Provider
	for i := range 16 {
		roots = append(roots, root(t, fmt.Sprint(i), byte(i+1)))
	}
	s := newBench(t, roots...)
	s.refused(t, keyring.ErrFull, func() (*keyring.Ring, error) {
		return keyring.AddRoot(t.Context(), s.w, s.ring, roots[0], a)
	})
	roots = []rootkey.Provider{a}
	for i := range 7 {
		roots = append(roots, longRoot{root(t, fmt.Sprint(i), 2), 1<<16 - 1})
	}
	s = newBench(t, roots...)
	s.refused(t, keyring.ErrFull, func() (*keyring.Ring, error) {
		return keyring.AddRoot(t.Context(), s.w, s.ring, a, longRoot{root(t, "8", 2), 1<<16 - 1})
	})
}

func TestRemoveRoot(t *testing.T) {
	a, b, c := root(t, "a", 1), root(t, "b", 2), root(t, "c", 3)
	s := newBench(t, a, b, c)
	copied, before := s.record(t), seal(s.ring, "before")
	staying := []rootkey.Provider{c, a}
	ring, err := keyring.RemoveRoot(t.Context(), s.w, s.ring, "b", staying, at)
	must(t, err)
	sameIDs(t, s.rootIDs(t), "a", "c")
	if ring.Rev() != 4 || ring.Primary() != 2 || ring.OlderVersions() == 0 {
		t.Errorf("revision %d, primary version %d", ring.Rev(), ring.Primary())
	}
	after := seal(ring, "after")
	for _, r := range staying {
		opens(t, s.load(t, r), before, "before")
		opens(t, s.load(t, r), after, "after")
	}
	if _, err := keyring.Load(t.Context(), s.record(t), b); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Error(err)
	}
	old, err := keyring.Load(t.Context(), copied, b)
	must(t, err)
	opens(t, old, before, "before")
	closed(t, old, after)
}

func TestRemoveRootRefused(t *testing.T) {
	a, b, c := root(t, "a", 1), root(t, "b", 2), root(t, "c", 3)
	s := newBench(t, a, b, c)
	broken := root(t, "a", 1)
	broken.fail = errors.New("unreachable")
	wrong := []rootkey.Provider{root(t, "a", 4), root(t, "b", 4)}
	for name, x := range map[string]struct {
		id      string
		staying []rootkey.Provider
		want    error
		text    string
	}{
		"missing":       {"c", []rootkey.Provider{a}, keyring.ErrRootsDiffer, `"b" missing`},
		"none":          {"c", nil, keyring.ErrRootsDiffer, `"a", "b" missing`},
		"unknown ID":    {"d", []rootkey.Provider{a, b, c}, keyring.ErrRootsDiffer, `"d"`},
		"removed stays": {"c", []rootkey.Provider{a, b, c}, keyring.ErrRootsDiffer, `"c"`},
		"twice":         {"c", []rootkey.Provider{a, b, a}, keyring.ErrRootsDiffer, `"a"`},
		"unknown stays": {"c", []rootkey.Provider{a, root(t, "d", 4)}, keyring.ErrRootsDiffer, `"d"`},
		"wrong":         {"c", []rootkey.Provider{a, root(t, "b", 4)}, keyring.ErrWrongRoot, `"b"`},
		"wrong first":   {"c", []rootkey.Provider{root(t, "a", 4), b}, keyring.ErrWrongRoot, `"a"`},
		"wrong last":    {"b", []rootkey.Provider{a, root(t, "c", 4)}, keyring.ErrWrongRoot, `"c"`},
		"all wrong":     {"c", wrong, keyring.ErrWrongRoot, ""},
		"not reached":   {"c", []rootkey.Provider{broken, b}, keyring.ErrRootUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.refused(t, x.want, func() (*keyring.Ring, error) {
				return keyring.RemoveRoot(t.Context(), s.w, s.ring, x.id, x.staying, at)
			})
			if err != nil && !strings.Contains(err.Error(), x.text) {
				t.Errorf("%v does not name %s", err, x.text)
			}
		})
	}
}

func TestRemoveLastRoot(t *testing.T) {
	a := root(t, "a", 1)
	s := newBench(t, a)
	for _, staying := range [][]rootkey.Provider{nil, {a}, {root(t, "b", 2)}} {
		s.refused(t, keyring.ErrLastRoot, func() (*keyring.Ring, error) {
			return keyring.RemoveRoot(t.Context(), s.w, s.ring, "a", staying, at)
		})
	}
}

func TestRootIDs(t *testing.T) {
	s := newBench(t, root(t, "b", 1), root(t, "a", 2))
	sameIDs(t, s.rootIDs(t), "b", "a")
	_, err := keyring.RootIDs(keystore.Record{Data: s.record(t).Data[:30]})
	if !errors.Is(err, record.ErrTampered) {
		t.Error(err)
	}
}

// Two wrappings with one ID are refused: the second could never be used.
func TestDuplicateIDs(t *testing.T) {
	a := root(t, "a", 1)
	rec := newBench(t, a, root(t, "b", 2)).record(t)
	second := bytes.Index(rec.Data, []byte("\x01b\x00")) + 1
	if second < 20 || rec.Data[second] != 'b' {
		t.Fatalf("no ID at %d", second)
	}
	rec.Data[second] = 'a'
	if _, err := keyring.RootIDs(rec); !errors.Is(err, record.ErrTampered) {
		t.Error(err)
	}
	if _, err := keyring.Load(t.Context(), rec, a); !errors.Is(err, record.ErrTampered) {
		t.Error(err)
	}
}
