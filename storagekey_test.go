package kms_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// storageVersions returns under how many records each version of the storage
// key is.
func storageVersions(tb testing.TB, store keystore.Store) map[uint32]int {
	tb.Helper()
	versions := map[uint32]int{}
	for rec := range records(tb, store, "") {
		if rec.Key != keyring.Key {
			versions[binary.BigEndian.Uint32(rec.Data[2:6])]++
		}
	}
	return versions
}

// allUnder fails the test unless every record is under this version.
func allUnder(tb testing.TB, store keystore.Store, version uint32) {
	tb.Helper()
	if got := storageVersions(tb, store); len(got) != 1 || got[version] == 0 {
		tb.Fatalf("records under versions %v, want all under %d", got, version)
	}
}

// tomorrow are the options of a KMS that drops old storage keys.
var tomorrow = &kms.Options{Now: func() time.Time { return time.Now().Add(25 * time.Hour) }}

// finish rotates the storage key and ends the rotation: every record must open,
// to a KMS that knows nothing but the store.
func finish(tb testing.TB, store keystore.Store) {
	tb.Helper()
	k := open(tb, store, nil)
	defer k.Close()
	must(tb, k.RotateStorageKey(context.Background()))
	later := open(tb, store, tomorrow)
	defer later.Close()
	r, err := later.Maintain(context.Background())
	if err != nil || r.Failed != 0 || r.OldStorageKeys != 0 {
		tb.Fatalf("%+v, %v", r, err)
	}
	if n := len(storageVersions(tb, store)); n != 1 {
		tb.Fatalf("records under %d versions", n)
	}
}

// A held is a store in which there is something of everything, and what was
// made with it.
type held struct {
	store      *memstore.Store
	key, other string
	ct         []byte
}

// newHeld fills a store. It has keys, aliases of which one is deleted, and a
// count; the storage key has had one rotation.
func newHeld(tb testing.TB) *held {
	tb.Helper()
	ctx := context.Background()
	h := &held{store: memstore.New()}
	k := open(tb, h.store, nil)
	defer k.Close()
	h.key, h.other = newKey(tb, k, ""), newKey(tb, k, kms.KeySpecSM4)
	for _, alias := range []string{"alias/a", "alias/gone"} {
		must(tb, k.CreateAlias(ctx, alias, h.key))
	}
	must(tb, k.DeleteAlias(ctx, "alias/gone"))
	h.ct = encrypt(tb, k, "alias/a", password, nil)
	_, err := k.Maintain(ctx)
	must(tb, err)
	finish(tb, h.store)
	return h
}

// clone returns the same in a store of its own.
func (h *held) clone(tb testing.TB) *held {
	tb.Helper()
	c := *h
	c.store = memstore.New()
	for rec := range records(tb, h.store, "") {
		for rev := range rec.Rev {
			must(tb, c.store.Put(context.Background(), keystore.Record{Key: rec.Key, Rev: rev + 1, Data: rec.Data}))
		}
	}
	return &c
}

// check fails the test unless a KMS that knows only the store decrypts.
func (h *held) check(tb testing.TB) {
	tb.Helper()
	k := open(tb, h.store, nil)
	defer k.Close()
	if pt, err := k.Decrypt(context.Background(), h.ct, nil); err != nil && !errors.Is(err, kms.ErrKeyDisabled) ||
		err == nil && !bytes.Equal(pt, password) {
		tb.Fatalf("decrypted %q, %v", pt, err)
	}
}

// breakAt makes the n-th write from now on end in fault, and all calls after it
// fail. broken tells whether that has happened, and repair ends it.
func breakAt(store *faultstore.Store, n int, fault faultstore.Fault) (broken func() bool, repair func()) {
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method == "Put" {
			if n--; n == 0 {
				return fault
			}
		}
		return faultstore.None
	}
	store.Block = func(context.Context, faultstore.Call) { store.SetDown(n <= 0) }
	broken = func() bool { return n <= 0 }
	return broken, func() {
		store.Fault, store.Block = nil, nil
		store.SetDown(false)
	}
}

func TestRotateStorageKey(t *testing.T) {
	ctx := t.Context()
	h := newHeld(t)
	c := &clock{time.Now()}
	k, other := open(t, h.store, &kms.Options{Now: c.now}), open(t, h.store, nil)
	allUnder(t, h.store, 2)
	must(t, k.RotateStorageKey(ctx))
	later := newKey(t, k, "")
	if got := storageVersions(t, h.store); got[3] != 1 {
		t.Errorf("records under %v", got)
	}
	before, err := k.DescribeKey(ctx, h.key)
	must(t, err)
	n := count(t, h.store, "") - 1
	r, err := k.Maintain(ctx)
	if err != nil || r.Resealed != n-1 || r.OldStorageKeys != 1 || r.Keys != 3 || r.Failed != 0 {
		t.Errorf("%+v, %v; %d records", r, err, n)
	}
	allUnder(t, h.store, 3)
	c.advance(day - time.Second)
	for _, old := range []int{1, 0} {
		if r, err = k.Maintain(ctx); err != nil || r.Resealed != 0 || r.OldStorageKeys != old {
			t.Errorf("again: %+v, %v", r, err)
		}
		c.advance(time.Minute)
	}
	for _, k := range []*kms.KMS{k, other, open(t, h.store, nil)} {
		if pt, err := k.Decrypt(ctx, h.ct, nil); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%q, %v", pt, err)
		}
		if d, err := k.DescribeKey(ctx, "alias/a"); err != nil || d.ID != before.ID || d.Versions[0].Encryptions != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		encrypt(t, k, later, password, nil)
	}
	if d, err := k.DescribeKey(ctx, h.key); err != nil || fmt.Sprint(d) != fmt.Sprint(before) {
		t.Errorf("%+v, %v; was %+v", d, err, before)
	}
}

// A rotation of the storage key that is interrupted at any write, however that
// write ends, is gone on with, and loses nothing.
func TestRotateStorageKeyInterrupted(t *testing.T) {
	for name, fault := range map[string]faultstore.Fault{
		"refused": faultstore.Refuse, "reply lost": faultstore.LoseReply, "late": faultstore.Late,
	} {
		for _, landsAfter := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, landsAfter), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for n := 1; interruptedRotation(t, n, fault, landsAfter); n++ {
						if n > 100 {
							t.Fatal("it never finishes")
						}
					}
				})
			})
		}
	}
}

// interruptedRotation breaks the n-th write and the store with it. It reports
// whether there was one.
func interruptedRotation(t *testing.T, n int, fault faultstore.Fault, landsAfter bool) bool {
	ctx := t.Context()
	h := newHeld(t)
	store := faultstore.New(h.store)
	k, later := open(t, store, nil), open(t, store, tomorrow)
	defer k.Close()
	defer later.Close()
	broken, repair := breakAt(store, n, fault)
	err := k.RotateStorageKey(ctx)
	if err == nil {
		_, err = later.Maintain(ctx)
	}
	if broken() != (err != nil) {
		t.Fatalf("write %d: %v", n, err)
	}
	if err != nil {
		want(t, err, kms.ErrUnknownOutcome)
	}
	interrupted := err != nil
	repair()
	if !landsAfter {
		store.Land()
	}
	h.check(t)
	r, err := open(t, store, nil).Maintain(ctx)
	must(t, err)
	if r.Failed > 0 || len(storageVersions(t, h.store)) != 1 {
		t.Fatalf("write %d: %+v, %v", n, r, storageVersions(t, h.store))
	}
	store.Land()
	h.check(t)
	if r, err = k.Maintain(ctx); err != nil || r.Failed > 0 || len(storageVersions(t, h.store)) != 1 {
		t.Fatalf("write %d: %+v, %v", n, r, err)
	}
	finish(t, h.store)
	h.check(t)
	return interrupted
}

// Two that rotate the storage key and maintain at once end with one key.
func TestRotateStorageKeyTwice(t *testing.T) {
	ctx := t.Context()
	h := newHeld(t)
	done := make(chan error)
	for range 4 {
		k := open(t, h.store, nil)
		go func() {
			err := k.RotateStorageKey(ctx)
			for range 3 {
				_, failed := k.Maintain(ctx)
				err = errors.Join(err, failed)
			}
			done <- err
		}()
	}
	for range 4 {
		must(t, <-done)
	}
	r, err := open(t, h.store, nil).Maintain(ctx)
	if err != nil || r.Failed > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	allUnder(t, h.store, 6)
	h.check(t)
	finish(t, h.store)
}
