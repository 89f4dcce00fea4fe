package keyring

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/internal/tlv"
	"github.com/embedkms/kms/internal/xgcm"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// raw returns how many of some storage keys are not cleared.
func raw(keys []*storageKey) (n int) {
	for _, s := range keys {
		if s.key != [32]byte{} {
			n++
		}
	}
	return n
}

// After every change, made or refused, the drafts that it went through, the
// versions that it dropped and KK are cleared.
func TestDraftsAreCleared(t *testing.T) {
	a := root(t, 1)
	w := settle.NewWriter(memstore.New())
	ring := mustOpen(t, w.Store, a)
	fresh, failed := newStorageKey(at), errors.New("failed")
	for name, change := range map[string]edit{
		"add":     func(d *draft) (bool, error) { d.addKey(fresh); return true, nil },
		"drop":    func(d *draft) (bool, error) { d.addKey(fresh); d.dropOlder(); return true, nil },
		"nothing": func(*draft) (bool, error) { return false, nil },
		"error":   func(d *draft) (bool, error) { d.addKey(fresh); return false, failed },
	} {
		var last *draft
		var seen []*storageKey
		got, err := modify(t.Context(), w, ring, []rootkey.Provider{a}, func(d *draft) (bool, error) {
			last, seen = d, append(seen, d.ring.storage...)
			changed, err := change(d)
			seen = append(seen, d.ring.storage...)
			if raw(seen) == 0 {
				t.Errorf("%s: there is nothing to clear", name)
			}
			return changed, err
		})
		if !errors.Is(err, failed) && err != nil {
			t.Fatal(err)
		}
		if raw(seen)+raw(last.ring.storage) > 0 || *last.kk != [32]byte{} {
			t.Errorf("%s: the draft was not cleared", name)
		}
		if got != nil && (raw(got.storage) > 0 || got.sealers[got.Primary()] == nil) {
			t.Errorf("%s: the ring is not ready", name)
		}
	}
	if raw([]*storageKey{fresh}) != 1 {
		t.Error("the key that a later run needs was cleared")
	}
}

// What was drawn for a call and what a root was asked is cleared too.
func TestDrawnIsCleared(t *testing.T) {
	r := removal{key: newStorageKey(at), kk: [32]byte{1}}
	r.clear()
	if r.kk != [32]byte{} || raw([]*storageKey{r.key}) > 0 {
		t.Error("a removal was not cleared")
	}
	once, forget := onceEach(root(t, 1))
	kk := bytes.Repeat([]byte{7}, 32)
	wrapped, err := once[0].Wrap(t.Context(), kk, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := once[0].Unwrap(t.Context(), wrapped, nil); err != nil {
		t.Fatal(err)
	}
	o := once[0].(*onceRoot)
	kept := [][]byte{o.sealed.kk, o.opened[0].kk}
	forget()
	if !bytes.Equal(bytes.Join(kept, nil), make([]byte, 64)) ||
		o.sealed.kk != nil || o.opened != nil {
		t.Error("a root's answers were not cleared")
	}
	if !bytes.Equal(kk, bytes.Repeat([]byte{7}, 32)) {
		t.Error("the caller's key was cleared")
	}
}

// The KK that a removed root can still unwrap opens nothing new.
func TestNewKK(t *testing.T) {
	a, b := root(t, 1), root(t, 2)
	w := settle.NewWriter(memstore.New())
	ring := mustOpen(t, w.Store, a)
	if _, err := AddRoot(t.Context(), w, ring, a, b); err != nil {
		t.Fatal(err)
	}
	old, _ := w.Store.Get(t.Context(), Key)
	if _, err := RemoveRoot(t.Context(), w, ring, b.ID(), []rootkey.Provider{a}, at); err != nil {
		t.Fatal(err)
	}
	rec, _ := w.Store.Get(t.Context(), Key)
	sealed, _ := parse(rec.Data)
	if _, err := AddRoot(t.Context(), w, ring, b, a); !errors.Is(err, ErrWrongRoot) {
		t.Error(err)
	}
	copied, _ := parse(old.Data)
	kk, err := copied.wrappings.unwrap(t.Context(), copied.storeID, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.open(kk, rec.Rev); !errors.Is(err, record.ErrTampered) {
		t.Errorf("the old KK opens the new body: %v", err)
	}
}

// A keyring that has a wrapping of another key, or the alias key of another
// store, was made by somebody who has KK; it is not believed.
func TestForged(t *testing.T) {
	a, b := root(t, 1), root(t, 2)
	put := func(forge func(d *draft)) (*settle.Writer, *Ring) {
		d := newDraft(at)
		known := *d.ring
		if err := d.wrap(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		forge(d)
		data, err := d.seal(1)
		if err != nil {
			t.Fatal(err)
		}
		s := memstore.New()
		if err := s.Put(t.Context(), keystore.Record{Key: Key, Rev: 1, Data: data}); err != nil {
			t.Fatal(err)
		}
		return settle.NewWriter(s), &known
	}
	w, known := put(func(d *draft) { d.ring.aliasKey[0]++ })
	if _, err := AddStorageKey(t.Context(), w, known, a, at); !errors.Is(err, record.ErrTampered) {
		t.Errorf("alias key: %v", err)
	}
	w, known = put(func(d *draft) {
		kk := *d.kk
		d.kk[0]++
		if err := d.wrap(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		*d.kk = kk
	})
	if _, err := AddRoot(t.Context(), w, known, a, b); !errors.Is(err, record.ErrTampered) {
		t.Errorf("wrapping: %v", err)
	}
}

// A keyring that could not be read again is not stored.
func TestUnreadable(t *testing.T) {
	a := root(t, 1)
	w := settle.NewWriter(memstore.New())
	if _, err := Open(t.Context(), w, a, false, time.Time{}); err == nil {
		t.Error("a keyring of no time was stored")
	}
	ring := mustOpen(t, w.Store, a)
	if _, err := AddStorageKey(t.Context(), w, ring, a, time.Time{}); err == nil {
		t.Error("a version of no time was stored")
	}
	_, err := modify(t.Context(), w, ring, []rootkey.Provider{a}, func(d *draft) (bool, error) {
		d.ring.storage[0].version = math.MaxUint32
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AddStorageKey(t.Context(), w, ring, a, at); err == nil {
		t.Error("a version of no number was stored")
	}
	mustOpen(t, w.Store, a)
}

// A version of the ring's own is never that of the ring it adopts.
func TestAdoptKeepsItsOwn(t *testing.T) {
	r := newRing(at)
	older := *r
	other := newStorageKey(at)
	other.version = 1
	older.storage = []*storageKey{other}
	r.ready()
	older.ready()
	rec := keystore.Record{Key: "key/a", Rev: 1, Data: r.Seal("key/a", 1, []byte("x"))}
	if _, err := r.Adopt(&older).Open(rec); err != nil {
		t.Error(err)
	}
}

// A body of a newer format is said to be one.
func TestNewerBody(t *testing.T) {
	d := newDraft(at)
	body := tlv.Append(d.ring.marshalBody(), 99, []byte("x"))
	head := []byte("head")
	sealed := &sealedRing{head: head, sealed: xgcm.NewKey(d.kk).Seal(nil, body, bodyBound(head, 1))}
	if ring, err := sealed.open(d.kk, 1); ring != nil || !errors.Is(err, record.ErrFormatTooNew) {
		t.Errorf("%v, %v", ring, err)
	}
}
