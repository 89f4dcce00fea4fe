package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
)

// Every bit of a ciphertext flipped, every truncation, an extension: one error
// with one text, apart from a key or version that does not exist.
func TestTamperCiphertext(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range specs {
		key := newKey(t, k, spec)
		ct := encrypt(t, k, key, password, prod)
		reject := func(name string, bad []byte, sentinels ...error) {
			t.Helper()
			for _, decrypt := range []func() ([]byte, error){
				func() ([]byte, error) { return k.Decrypt(ctx, bad, prod) },
				func() ([]byte, error) { return k.AppendDecrypt(ctx, make([]byte, 0, 9999), bad, prod) },
				func() ([]byte, error) { out, _, err := k.ReEncrypt(ctx, bad, prod, nil); return out, err },
			} {
				out, err := decrypt()
				if out != nil {
					t.Fatalf("%s: returned %x", name, out)
				}
				if errors.Is(err, kms.ErrInvalidCiphertext) {
					if e := err.(*kms.Error); e.Err != kms.ErrInvalidCiphertext || e.Key != "" {
						t.Fatalf("%s: %v says more than it should", name, err)
					}
				} else if len(sentinels) == 0 || !errors.Is(err, sentinels[0]) {
					t.Fatalf("%s: %v", name, err)
				}
			}
			pinned, err := k.DecryptWith(ctx, key, bad, prod)
			if pinned != nil || !errors.Is(err, kms.ErrInvalidCiphertext) && !errors.Is(err, kms.ErrVersionNotFound) {
				t.Fatalf("%s: pinned %x, %v", name, pinned, err)
			}
		}
		for bit := range len(ct) * 8 {
			bad := bytes.Clone(ct)
			bad[bit/8] ^= 1 << (bit % 8)
			switch at := bit / 8; {
			case 3 <= at && at < 19:
				reject(fmt.Sprint("key ID bit ", bit), bad, kms.ErrKeyNotFound)
			case 19 <= at && at < 23:
				reject(fmt.Sprint("version bit ", bit), bad, kms.ErrVersionNotFound)
			default:
				reject(fmt.Sprint("bit ", bit), bad)
			}
		}
		for n := range ct {
			reject(fmt.Sprint("cut to ", n), ct[:n])
		}
		reject("extended", append(bytes.Clone(ct), 0))
		reject("twice", append(bytes.Clone(ct), ct...))
		other := encrypt(t, k, newKey(t, k, spec), password, prod)
		reject("header of another key", append(bytes.Clone(other[:23]), ct[23:]...))
		reject("ciphertext of another key", append(bytes.Clone(ct[:67]), other[67:]...))
	}
}

// A shownStore shows other records than it has, as one does whose database
// somebody writes to.
type shownStore struct {
	keystore.Store
	mu   sync.Mutex
	show map[string]keystore.Record
}

func (s *shownStore) set(show map[string]keystore.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show = show
}

func (s *shownStore) Get(ctx context.Context, key string) (keystore.Record, error) {
	s.mu.Lock()
	rec, ok := s.show[key]
	s.mu.Unlock()
	if ok {
		if rec.Rev == 0 {
			return keystore.Record{}, keystore.ErrNotFound
		}
		rec.Data = bytes.Clone(rec.Data)
		if rec.Key == "" {
			rec.Key = key
		}
		return rec, nil
	}
	return s.Store.Get(ctx, key)
}

// Every bit of a stored key and alias flipped, every truncation, swapped rows,
// other revisions, another store's record: the documented error, to a process
// that has seen the record before and to one that has not.
func TestTamperRecord(t *testing.T) {
	ctx := t.Context()
	store := &shownStore{Store: memstore.New()}
	seen := open(t, store, &kms.Options{MaxStale: -1, OutageGrace: -1})
	fresh := func() *kms.KMS { return open(t, store, nil) }
	key, other := newKey(t, seen, kms.KeySpecAES256), newKey(t, seen, kms.KeySpecAES256)
	must(t, seen.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, seen, "alias/a", password, nil)
	must(t, seen.DisableKey(ctx, key))
	must(t, seen.EnableKey(ctx, key)) // so that there are earlier revisions

	var aliasKey string
	for rec := range records(t, store, "alias/") {
		aliasKey = rec.Key
	}
	foreign := memstore.New()
	foreignKey := newKey(t, open(t, foreign, nil), kms.KeySpecAES256)
	foreignRec, err := foreign.Get(ctx, "key/"+foreignKey)
	must(t, err)
	for _, name := range []string{"key/" + key, aliasKey} {
		good, err := store.Get(ctx, name)
		must(t, err)
		unseen := fresh()
		check := func(what string, rec keystore.Record, sentinel error) {
			t.Helper()
			store.set(map[string]keystore.Record{name: rec})
			for _, k := range []*kms.KMS{seen, unseen} {
				_, err := k.DescribeKey(ctx, "alias/a")
				want(t, err, sentinel)
				out, err := k.Encrypt(ctx, "alias/a", password, nil)
				want(t, err, sentinel)
				if out != nil {
					t.Fatalf("%s: encrypted", what)
				}
				_, err = k.RotateKey(ctx, "alias/a")
				want(t, err, sentinel)
				out, err = k.DecryptWith(ctx, "alias/a", ct, nil)
				want(t, err, sentinel)
				if out != nil {
					t.Fatalf("%s: decrypted", what)
				}
			}
		}
		with := func(data []byte) keystore.Record { return keystore.Record{Rev: good.Rev, Data: data} }
		for bit := range len(good.Data) * 8 {
			bad := bytes.Clone(good.Data)
			bad[bit/8] ^= 1 << (bit % 8)
			sentinel := kms.ErrTampered
			if bit/8 < 2 {
				sentinel = kms.ErrFormatTooNew
			}
			check(fmt.Sprint("bit ", bit), with(bad), sentinel)
		}
		for n := 1; n < len(good.Data); n += 7 {
			check(fmt.Sprint("cut to ", n), with(good.Data[:n]), kms.ErrTampered)
		}
		check("extended", with(append(bytes.Clone(good.Data), 0)), kms.ErrTampered)
		otherRec, err := store.Get(ctx, "key/"+other)
		must(t, err)
		check("another row", with(otherRec.Data), kms.ErrTampered)
		check("another whole row", otherRec, kms.ErrTampered) // which says whose it is
		otherRec.Rev = good.Rev
		check("another row with this revision", otherRec, kms.ErrTampered)
		check("another store", with(foreignRec.Data), kms.ErrTampered)
		check("revision above", keystore.Record{Rev: good.Rev + 1, Data: good.Data}, kms.ErrTampered)
		if good.Rev > 1 {
			check("revision below", keystore.Record{Rev: good.Rev - 1, Data: good.Data}, kms.ErrTampered)
		}
		store.set(nil)
	}
}

// An old state of a key, and no key at all, are a rollback to who knows better.
func TestRollback(t *testing.T) {
	ctx := t.Context()
	store := &shownStore{Store: memstore.New()}
	k := open(t, store, &kms.Options{MaxStale: -1})
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, k, "alias/a", password, nil)
	old, err := store.Get(ctx, "key/"+key)
	must(t, err)
	must(t, k.DisableKey(ctx, key))
	for _, show := range []keystore.Record{old, {}} {
		store.set(map[string]keystore.Record{"key/" + key: show})
		_, err = k.Decrypt(ctx, ct, nil)
		want(t, err, kms.ErrRollback)
		_, err = k.DescribeKey(ctx, key)
		want(t, err, kms.ErrRollback)
		_, err = k.RotateKey(ctx, key)
		want(t, err, kms.ErrRollback)
		if show.Rev > 0 { // a process that starts now cannot know
			_, err = open(t, store, nil).Decrypt(ctx, ct, nil)
			must(t, err)
		}
	}
	var aliasKey string
	for rec := range records(t, store, "alias/") {
		aliasKey = rec.Key
	}
	store.set(map[string]keystore.Record{aliasKey: {}})
	_, err = k.Encrypt(ctx, "alias/a", password, nil)
	want(t, err, kms.ErrRollback)
	store.set(nil)
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyDisabled) // nothing stays broken
}

// A record that does not open does not hide the others from Keys.
func TestKeysWithDamage(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	damaged := newKey(t, k, kms.KeySpecAES256)
	for range 3 {
		newKey(t, k, kms.KeySpecAES256)
	}
	rec, err := store.Get(ctx, "key/"+damaged)
	must(t, err)
	rec.Rev, rec.Data[50] = 2, rec.Data[50]^1
	must(t, store.Put(ctx, rec))
	good, bad := 0, 0
	for key, err := range k.Keys(ctx, "") {
		switch {
		case err == nil:
			good++
		case errors.Is(err, kms.ErrTampered) && key.ID == damaged && err.(*kms.Error).Key == damaged:
			bad++
		default:
			t.Errorf("%v, %v", key, err)
		}
	}
	if good != 3 || bad != 1 {
		t.Errorf("%d keys and %d errors, want 3 and 1", good, bad)
	}
}

// The keyring under test: every bit flipped, every truncation, another revision.
func TestTamperKeyring(t *testing.T) {
	ctx := t.Context()
	inner := memstore.New()
	newKey(t, open(t, inner, nil), kms.KeySpecAES256)
	good, err := inner.Get(ctx, keyring.Key)
	must(t, err)
	reject := func(what string, rec keystore.Record) {
		t.Helper()
		store := &shownStore{Store: inner, show: map[string]keystore.Record{keyring.Key: rec}}
		k, err := kms.Open(ctx, store, root(t, 1), nil)
		if k != nil || !errors.Is(err, kms.ErrTampered) && !errors.Is(err, kms.ErrWrongRootKey) &&
			!errors.Is(err, kms.ErrFormatTooNew) {
			t.Fatalf("%s: %v, %v", what, k, err)
		}
	}
	for bit := range len(good.Data) * 8 {
		bad := bytes.Clone(good.Data)
		bad[bit/8] ^= 1 << (bit % 8)
		reject(fmt.Sprint("bit ", bit), keystore.Record{Rev: 1, Data: bad})
	}
	for n := 1; n < len(good.Data); n++ {
		reject(fmt.Sprint("cut to ", n), keystore.Record{Rev: 1, Data: good.Data[:n]})
	}
	reject("revision", keystore.Record{Rev: 2, Data: good.Data})
	reject("gone", keystore.Record{})
	if after, err := inner.Get(ctx, keyring.Key); err != nil || !bytes.Equal(after.Data, good.Data) {
		t.Error("the keyring was written")
	}
}
