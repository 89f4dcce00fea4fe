package kms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// keyOf returns the ID of the key that a ciphertext is of.
func keyOf(t *testing.T, ct []byte) string {
	t.Helper()
	info, err := kms.ParseCiphertext(ct)
	must(t, err)
	return info.KeyID
}

// aliasRecord returns the only alias of a store as it is stored.
func aliasRecord(t *testing.T, store keystore.Store) keystore.Record {
	t.Helper()
	recs := slices.Collect(records(t, store, "alias/"))
	if len(recs) != 1 {
		t.Fatalf("%d aliases are stored", len(recs))
	}
	return recs[0]
}

// A deleted alias is gone at once where it was deleted, and within MaxStale
// elsewhere; its key stays.
func TestAliasDeleted(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k, other := open(t, store, &kms.Options{Now: c.now}), open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	must(t, k.CreateAlias(ctx, "alias/a", key))
	for _, user := range []*kms.KMS{k, other} {
		encrypt(t, user, "alias/a", password, nil) // it is cached
	}
	must(t, k.DeleteAlias(ctx, "alias/a"))
	_, err := k.Encrypt(ctx, "alias/a", password, nil)
	want(t, err, kms.ErrAliasNotFound)
	want(t, k.DeleteAlias(ctx, "alias/a"), kms.ErrAliasNotFound)
	want(t, k.UpdateAlias(ctx, "alias/a", key), kms.ErrAliasNotFound)
	for name, call := range everyCallWithKey(k, "alias/a") {
		if err := call(ctx); !errors.Is(err, kms.ErrAliasNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.advance(5 * time.Second)
	_, err = other.Encrypt(ctx, "alias/a", password, nil)
	want(t, err, kms.ErrAliasNotFound)
	encrypt(t, other, key, password, nil)
}

// An alias that never was cannot be moved or deleted, and neither leaves a
// trace in the store.
func TestAliasMissing(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newKey(t, k, "")
	must(t, k.CreateAlias(ctx, "alias/there", key))
	before := slices.Collect(records(t, store, ""))
	want(t, k.UpdateAlias(ctx, "alias/none", key), kms.ErrAliasNotFound)
	want(t, k.UpdateAlias(ctx, "alias/none", "alias/none"), kms.ErrAliasNotFound)
	want(t, k.UpdateAlias(ctx, "alias/there", "alias/none"), kms.ErrAliasNotFound)
	want(t, k.UpdateAlias(ctx, "alias/there", unknown), kms.ErrKeyNotFound)
	want(t, k.DeleteAlias(ctx, "alias/none"), kms.ErrAliasNotFound)
	if !sameRecords(before, slices.Collect(records(t, store, ""))) {
		t.Error("something was changed")
	}
}

// The name of a deleted alias is free, for any key, in place of the tombstone:
// the revision goes up, so that the tombstone cannot be put back.
func TestAliasCreatedAgain(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	one, two := newKey(t, k, ""), newKey(t, k, "")
	must(t, k.CreateAlias(ctx, "alias/a", one))
	rev := aliasRecord(t, store).Rev
	for _, key := range []string{one, two, one} {
		must(t, k.DeleteAlias(ctx, "alias/a"))
		_, err := k.Encrypt(ctx, "alias/a", password, nil) // its absence is cached
		want(t, err, kms.ErrAliasNotFound)
		c.advance(time.Hour)
		must(t, k.CreateAlias(ctx, "alias/a", key))
		want(t, k.CreateAlias(ctx, "alias/a", key), kms.ErrAliasExists)
		if got := keyOf(t, encrypt(t, k, "alias/a", password, nil)); got != key {
			t.Errorf("the alias stands for %s, want %s", got, key)
		}
		for a, err := range k.Aliases(ctx) {
			if want := (kms.Alias{Name: "alias/a", KeyID: key, CreatedAt: c.Time}); err != nil || a != want {
				t.Errorf("%+v, %v, want %+v", a, err, want)
			}
		}
		now := aliasRecord(t, store).Rev
		if now != rev+2 {
			t.Errorf("revision %d after %d, want two more", now, rev)
		}
		rev = now
	}
	must(t, k.DeleteAlias(ctx, "alias/a"))
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/a"})
	must(t, err)
	if got := describe(t, k, "alias/a"); got.ID != d.ID {
		t.Errorf("%+v", got)
	}
}

// An alias may be moved while its key is in any state, also destroyed: that is
// how its users get a working key again.
func TestAliasMovedFromDestroyedKey(t *testing.T) {
	ctx := t.Context()
	g := newGrave(t)
	maintain(t, g.k)
	_, err := g.k.Encrypt(ctx, "alias/grave", password, nil)
	want(t, err, kms.ErrKeyNotFound)
	want(t, g.k.UpdateAlias(ctx, "alias/grave", g.key), kms.ErrKeyNotFound)
	key := newKey(t, g.k, "")
	must(t, g.k.UpdateAlias(ctx, "alias/grave", key))
	encrypt(t, g.k, "alias/grave", password, nil)
}

// A move through another alias, or to the key that it has, is a move as any.
func TestAliasMoved(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k, other := open(t, store, &kms.Options{Now: c.now}), open(t, store, &kms.Options{Now: c.now})
	one, two := newKey(t, k, ""), newKey(t, k, "")
	for i := range 20 {
		must(t, k.CreateAlias(ctx, fmt.Sprintf("alias/one/%d", i), one))
	}
	must(t, k.CreateAlias(ctx, "alias/two", two))
	created := c.Time
	encrypt(t, other, "alias/one/7", password, nil)
	c.advance(time.Hour)
	encrypt(t, other, "alias/one/7", password, nil)
	must(t, k.UpdateAlias(ctx, "alias/one/7", "alias/two"))
	must(t, k.UpdateAlias(ctx, "alias/one/7", "alias/one/7")) // by itself
	must(t, k.UpdateAlias(ctx, "alias/two", one))             // the other does not follow
	must(t, k.UpdateAlias(ctx, "alias/one/8", one))
	for ref, key := range map[string]string{"alias/one/7": two, "alias/one/8": one, "alias/one/9": one, "alias/two": one} {
		if got := keyOf(t, encrypt(t, k, ref, password, nil)); got != key {
			t.Errorf("%s stands for %s, want %s", ref, got, key)
		}
	}
	c.advance(5 * time.Second)
	if got := keyOf(t, encrypt(t, other, "alias/one/7", password, nil)); got != two {
		t.Errorf("another process still sees %s", got)
	}
	names := 0
	for a, err := range k.Aliases(ctx) {
		must(t, err)
		if names++; a.CreatedAt != created {
			t.Errorf("a move made the alias of %v", a.CreatedAt)
		}
	}
	if names != 21 {
		t.Errorf("%d aliases", names)
	}
}

// What is not of the form of an alias is none, wherever an alias is asked for.
func TestAliasForm(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newKey(t, k, "")
	must(t, k.CreateAlias(ctx, "alias/a", key))
	for _, alias := range []string{
		"", "a", "alias", "alias/", "alias//", "alias//a", "alias/a/", "alias/a//b", "alias/a\x00", "alias/\x00", "\x00alias/a",
		"alias/a b", "alias/a.b", "alias/..", "alias/ä", "alias/\xff", "Alias/a", "alias/a\n", " alias/a", key,
		"alias/" + strings.Repeat("a", 251),
	} {
		for _, view := range []*kms.KMS{k, k.DryRun()} {
			want(t, view.CreateAlias(ctx, alias, key), kms.ErrInvalidKeyRef)
			want(t, view.UpdateAlias(ctx, alias, key), kms.ErrInvalidKeyRef)
			want(t, view.DeleteAlias(ctx, alias), kms.ErrInvalidKeyRef)
			if alias != key {
				want(t, view.UpdateAlias(ctx, "alias/a", alias), kms.ErrInvalidKeyRef)
			}
		}
	}
}

// A shortPages lists no more than a hundred records at a time, as a store may.
type shortPages struct{ keystore.Store }

func (s shortPages) List(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	return s.Store.List(ctx, prefix, after, min(limit, 100))
}

// Aliases lists each alias with what it stands for, page after page, and no
// deleted one; it ends when the loop does.
func TestAliases(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, shortPages{memstore.New()}, &kms.Options{Now: c.now})
	keys := []string{newKey(t, k, ""), newKey(t, k, "")}
	for range k.Aliases(ctx) {
		t.Error("an alias of an empty store")
	}
	listed := map[kms.Alias]bool{} // false until it was listed
	for i := range 250 {
		c.advance(time.Millisecond)
		a := kms.Alias{Name: fmt.Sprintf("alias/n/%d", i), KeyID: keys[i%2], CreatedAt: c.Time}
		must(t, k.CreateAlias(ctx, a.Name, a.KeyID))
		if i%10 == 0 {
			must(t, k.DeleteAlias(ctx, a.Name))
			continue
		}
		listed[a] = false
	}
	for a, err := range k.Aliases(ctx) {
		must(t, err)
		if seen, ok := listed[a]; !ok || seen {
			t.Errorf("%+v: there %v, listed before %v", a, ok, seen)
		}
		listed[a] = true
	}
	for a, seen := range listed {
		if !seen {
			t.Errorf("%+v was not listed", a)
		}
	}
	for _, stop := range []int{1, 100, 101, 225} {
		n := 0
		for _, err := range k.Aliases(ctx) { // another yield after the break would panic
			must(t, err)
			if n++; n == stop {
				break
			}
		}
	}
	for _, err := range k.DryRun().Aliases(ctx) {
		want(t, err, kms.ErrDryRun)
	}
}

// Close ends a scan at the next page, with an error; so does the context.
func TestAliasesEnd(t *testing.T) {
	k := open(t, shortPages{memstore.New()}, nil)
	key := newKey(t, k, "")
	for i := range 250 {
		must(t, k.CreateAlias(t.Context(), fmt.Sprintf("alias/%d", i), key))
	}
	ctx, cancel := context.WithCancel(t.Context())
	checkEnd(t, ctx, k, cancel, kms.ErrStoreUnavailable)
	checkEnd(t, t.Context(), k, func() { k.Close() }, kms.ErrClosed)
	for _, err := range k.Aliases(t.Context()) {
		want(t, err, kms.ErrClosed)
	}
}

func checkEnd(t *testing.T, ctx context.Context, k *kms.KMS, end func(), sentinel error) {
	t.Helper()
	n, failed := 0, 0
	for a, err := range k.Aliases(ctx) {
		if err != nil {
			if failed++; a != (kms.Alias{}) {
				t.Errorf("%+v comes with an error", a)
			}
			want(t, err, sentinel)
			continue
		}
		if n++; n == 50 {
			end()
		}
	}
	if n != 100 || failed != 1 {
		t.Errorf("%d aliases and %d errors, want 100 and 1", n, failed)
	}
}

// An alias whose record does not open does not hide the others.
func TestAliasesWithDamage(t *testing.T) {
	ctx := t.Context()
	store := shortPages{memstore.New()}
	k := open(t, store, nil)
	key := newKey(t, k, "")
	for i := range 150 {
		must(t, k.CreateAlias(ctx, fmt.Sprintf("alias/%d", i), key))
	}
	recs := slices.Collect(records(t, store.Store, "alias/"))
	for _, i := range []int{0, 50, 149} { // first, in the middle, and on the last page
		rec := recs[i]
		rec.Rev++
		rec.Data = slices.Clone(rec.Data)
		rec.Data[len(rec.Data)-1] ^= 1
		must(t, store.Put(ctx, rec))
	}
	must(t, store.Put(ctx, keystore.Record{Key: "alias/" + strings.Repeat("z", 52), Rev: 1, Data: recs[7].Data})) // moved
	for _, lister := range []*kms.KMS{k, open(t, store, nil)} {
		good, bad := 0, 0
		for a, err := range lister.Aliases(ctx) {
			switch {
			case err == nil && a.KeyID == key:
				good++
			case errors.Is(err, kms.ErrTampered) && a == (kms.Alias{}):
				bad++
			default:
				t.Errorf("%+v, %v", a, err)
			}
		}
		if good != 147 || bad != 4 {
			t.Errorf("%d aliases and %d errors, want 147 and 4", good, bad)
		}
	}
}

// An alias of a damaged key can be moved to another, and deleted.
func TestAliasOfDamagedKey(t *testing.T) {
	ctx, store := t.Context(), memstore.New()
	k := open(t, store, nil)
	damaged, good := newKey(t, k, ""), newKey(t, k, "")
	for _, alias := range []string{"alias/a", "alias/b"} {
		must(t, k.CreateAlias(ctx, alias, damaged))
	}
	damage(t, store, "key/"+damaged)
	must(t, k.UpdateAlias(ctx, "alias/a", good))
	must(t, k.DeleteAlias(ctx, "alias/b"))
	want(t, k.UpdateAlias(ctx, "alias/a", damaged), kms.ErrTampered)
	encrypt(t, k, "alias/a", password, nil)
}
