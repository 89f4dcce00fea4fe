package keyring_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

func TestAddStorageKey(t *testing.T) {
	a := root(t, "a", 1)
	s := newBench(t, a)
	before := seal(s.ring, "before")
	for n := range uint32(3) {
		ring, err := keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
		must(t, err)
		if ring.Primary() != n+2 || ring.OlderVersions() == 0 || ring.Rev() != uint64(n+2) {
			t.Fatalf("primary version %d, revision %d", ring.Primary(), ring.Rev())
		}
		after := seal(ring, "after")
		if v, err := record.StorageVersion(after.Data); err != nil || v != n+2 {
			t.Errorf("sealed under %d, %v", v, err)
		}
		closed(t, s.ring, after)
		opens(t, s.load(t, a), after, "after")
		opens(t, s.load(t, a), before, "before")
		opens(t, ring, before, "before")
		s.ring = ring
	}
}

func TestDropStorageKeys(t *testing.T) {
	a := root(t, "a", 1)
	s := newBench(t, a)
	one := seal(s.ring, "one")
	for range 2 {
		var err error
		s.ring, err = keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
		must(t, err)
	}
	three := seal(s.ring, "three")
	before, puts := s.record(t), s.Calls("Put")
	for _, primary := range []uint32{0, 1, 2, 4} {
		ring, err := keyring.DropStorageKeys(t.Context(), s.w, s.ring, a, primary)
		must(t, err)
		if ring.Primary() != 3 || ring.OlderVersions() == 0 || ring.Rev() != 3 {
			t.Errorf("dropping below %d: %d, %v", primary, ring.Primary(), ring.OlderVersions() > 0)
		}
		opens(t, ring, one, "one")
	}
	s.unchanged(t, before, puts)
	for range 2 { // the second time there is nothing to do
		ring, err := keyring.DropStorageKeys(t.Context(), s.w, s.ring, a, 3)
		must(t, err)
		if ring.Primary() != 3 || ring.OlderVersions() > 0 || ring.Rev() != 4 || s.record(t).Rev != 4 {
			t.Errorf("primary %d, older %v, revision %d", ring.Primary(), ring.OlderVersions() > 0, ring.Rev())
		}
		closed(t, ring, one)
		closed(t, s.load(t, a), one)
		opens(t, ring, three, "three")
		opens(t, s.load(t, a), three, "three")
	}
	ring, err := keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
	must(t, err)
	if ring.Primary() != 4 {
		t.Errorf("primary %d: a number was used twice", ring.Primary())
	}
}

func TestAdopt(t *testing.T) {
	a := root(t, "a", 1)
	s := newBench(t, a)
	first := s.ring
	second, err := keyring.AddStorageKey(t.Context(), s.w, first, a, at)
	must(t, err)
	dropped, err := keyring.DropStorageKeys(t.Context(), s.w, second, a, 2)
	must(t, err)
	adopted := dropped.Adopt(first)
	opensOwn(t, adopted, seal(first, "x"), "x")
	opensOwn(t, adopted, seal(dropped, "x"), "x")
	opensOwn(t, dropped.Adopt(adopted), seal(first, "x"), "x")
	closed(t, adopted, seal(first, "x")) // to whoever did not write it
	closed(t, dropped, seal(first, "x")) // it is a copy that has adopted,
	closed(t, first, seal(dropped, "x")) // and what it adopted stays as it is
	opens(t, dropped, seal(adopted, "x"), "x")
	if adopted.OlderVersions() > 0 || adopted.Primary() != 2 || adopted.Rev() != dropped.Rev() {
		t.Errorf("older %v, primary %d", adopted.OlderVersions() > 0, adopted.Primary())
	}
	if adopted.AliasKey("x") != first.AliasKey("x") {
		t.Error("another alias key")
	}
	newer := first.Adopt(second)
	if newer.Primary() != 1 || newer.OlderVersions() > 0 {
		t.Errorf("seals under %d, an adopted version", newer.Primary())
	}
	other := newBench(t, a).ring
	opensOwn(t, first.Adopt(other), seal(first, "x"), "x") // its own version 1 wins
	if _, err := dropped.Adopt(other).OpenOwn(seal(other, "x")); err == nil {
		t.Error("a ring of another store was adopted")
	}
}

func opensOwn(t *testing.T, r *keyring.Ring, rec keystore.Record, want string) {
	t.Helper()
	if body, err := r.OpenOwn(rec); err != nil || string(body) != want {
		t.Errorf("opened %q, %v, want %q", body, err, want)
	}
}

type change = func() (*keyring.Ring, error)

// changes are all changes of a keyring under roots a and b, with a as the one
// that opens it.
func changes(t *testing.T, s *bench, a, b rootkey.Provider) map[string]change {
	t.Helper()
	return map[string]change{
		"AddRoot": func() (*keyring.Ring, error) {
			return keyring.AddRoot(t.Context(), s.w, s.ring, a, root(t, "c", 3))
		},
		"RemoveRoot": func() (*keyring.Ring, error) {
			return keyring.RemoveRoot(t.Context(), s.w, s.ring, b.ID(), []rootkey.Provider{a}, at)
		},
		"AddStorageKey": func() (*keyring.Ring, error) {
			return keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
		},
		"DropStorageKeys": func() (*keyring.Ring, error) {
			return keyring.DropStorageKeys(t.Context(), s.w, s.ring, a, s.ring.Primary())
		},
	}
}

// replace makes the store show another keyring record.
func (b *bench) replace(t *testing.T, rec keystore.Record) {
	t.Helper()
	must(t, b.inner.Delete(t.Context(), keyring.Key, b.record(t).Rev))
	for rev := uint64(1); rev <= rec.Rev; rev++ {
		must(t, b.inner.Put(t.Context(), keystore.Record{Key: keyring.Key, Rev: rev, Data: rec.Data}))
	}
}

// No change is made to a keyring that is not the one known, or a later one.
func TestNotTheStores(t *testing.T) {
	a, b := root(t, "a", 1), root(t, "b", 2)
	s := newBench(t, a, b)
	old := s.record(t)
	var err error
	s.ring, err = keyring.AddStorageKey(t.Context(), s.w, s.ring, a, at)
	must(t, err)
	cut := s.record(t)
	cut.Data = cut.Data[:40]
	newer := s.record(t)
	newer.Data[0]++
	altered := s.record(t)
	altered.Data[len(altered.Data)-1]++
	foreign := newBench(t, a, b, root(t, "c", 3)).record(t)
	strange := newBench(t, root(t, "x", 4)).record(t)
	strange.Rev = 9
	for name, c := range map[string]struct {
		rec  keystore.Record
		want error
	}{
		"earlier":       {old, keyring.ErrOld},
		"foreign":       {foreign, record.ErrTampered},
		"foreign roots": {strange, record.ErrTampered},
		"cut":           {cut, record.ErrTampered},
		"altered":       {altered, record.ErrTampered},
		"newer format":  {newer, record.ErrFormatTooNew},
	} {
		s.replace(t, c.rec)
		for what, do := range changes(t, s, a, b) {
			t.Run(name+"/"+what, func(t *testing.T) { s.refused(t, c.want, do) })
		}
	}
	must(t, s.inner.Delete(t.Context(), keyring.Key, s.record(t).Rev))
	for name, do := range changes(t, s, a, b) {
		ring, err := do()
		if ring != nil || !errors.Is(err, record.ErrTampered) ||
			!strings.Contains(err.Error(), "keyring missing") {
			t.Errorf("%s without a keyring: %v, %v", name, ring, err)
		}
	}
}
