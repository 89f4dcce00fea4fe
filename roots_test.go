package kms_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// passphrase returns a root that is as cheap as one can be.
func passphrase(tb testing.TB, secret, id string) rootkey.Provider {
	tb.Helper()
	p, err := rootkey.Passphrase([]byte(secret), &rootkey.PassphraseOptions{
		ID: id, Memory: 19 << 10, Time: 1, Parallelism: 1,
	})
	must(tb, err)
	return p
}

// openAs opens store with p, until the end of the test.
func openAs(tb testing.TB, store keystore.Store, p rootkey.Provider, opts *kms.Options) *kms.KMS {
	tb.Helper()
	k, err := kms.Open(context.Background(), store, p, opts)
	must(tb, err)
	tb.Cleanup(func() { k.Close() })
	return k
}

// decrypts fails the test unless k decrypts ct to password.
func decrypts(tb testing.TB, k *kms.KMS, ct []byte) {
	tb.Helper()
	if pt, err := k.Decrypt(context.Background(), ct, nil); err != nil || !bytes.Equal(pt, password) {
		tb.Fatalf("decrypted %q, %v", pt, err)
	}
}

func rootIDs(tb testing.TB, k *kms.KMS) (ids, inUse []string) {
	tb.Helper()
	roots, err := k.Roots(context.Background())
	must(tb, err)
	for _, r := range roots {
		ids = append(ids, r.ID)
		if r.InUse {
			inUse = append(inUse, r.ID)
		}
	}
	return ids, inUse
}

func TestAddRoot(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	ct := encrypt(t, k, newKey(t, k, ""), password, nil)
	words := passphrase(t, "six words of a diceware list", "recovery")
	must(t, k.AddRoot(ctx, words))
	must(t, k.AddRoot(ctx, root(t, 2)))
	puts := store.Calls("Put")
	for _, again := range []rootkey.Provider{words, root(t, 1), root(t, 2)} {
		must(t, k.AddRoot(ctx, again))
	}
	want(t, k.AddRoot(ctx, passphrase(t, "other words", "recovery")), kms.ErrInvalidArgument)
	want(t, k.AddRoot(ctx, nil), kms.ErrInvalidArgument)
	offline := errors.New("hsm: offline")
	err := k.AddRoot(ctx, wrapFunc{root(t, 3), func() error { return offline }})
	if want(t, err, kms.ErrRootUnavailable); !errors.Is(err, offline) {
		t.Errorf("%v does not carry its cause", err)
	}
	if n := store.Calls("Put") - puts; n != 0 {
		t.Errorf("%d writes for nothing", n)
	}
	wanted := []string{root(t, 1).ID(), "recovery", root(t, 2).ID()}
	for _, p := range []rootkey.Provider{root(t, 1), words, root(t, 2)} {
		k := openAs(t, store, p, nil)
		decrypts(t, k, ct)
		if ids, inUse := rootIDs(t, k); !slices.Equal(ids, wanted) || !slices.Equal(inUse, []string{p.ID()}) {
			t.Errorf("roots %q, in use %q", ids, inUse)
		}
	}
	for n := byte(10); n < 23; n++ {
		must(t, k.AddRoot(ctx, root(t, n)))
	}
	want(t, k.AddRoot(ctx, root(t, 23)), kms.ErrLimitExceeded)
}

// A wrapFunc is a root key that wraps as the test says.
type wrapFunc struct {
	rootkey.Provider
	wrap func() error
}

func (r wrapFunc) Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	if err := r.wrap(); err != nil {
		return nil, err
	}
	return r.Provider.Wrap(ctx, plaintext, aad)
}

func TestRemoveRoot(t *testing.T) {
	ctx := t.Context()
	store, c := memstore.New(), newClock()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	ct := encrypt(t, k, key, password, nil)
	for n := byte(2); n <= 3; n++ {
		must(t, k.AddRoot(ctx, root(t, n)))
	}
	must(t, k.RemoveRoot(ctx, root(t, 2).ID(), root(t, 3)))
	_, err := kms.Open(ctx, store, root(t, 2), nil)
	want(t, err, kms.ErrWrongRootKey)
	for _, n := range []byte{1, 3} {
		decrypts(t, openAs(t, store, root(t, n), nil), ct)
	}
	if ids, _ := rootIDs(t, k); !slices.Equal(ids, []string{root(t, 1).ID(), root(t, 3).ID()}) {
		t.Errorf("roots %q", ids)
	}
	later := newKey(t, k, "")
	if got := storageVersions(t, store); got[1] != 1 || got[2] != 1 {
		t.Errorf("records under %v", got)
	}
	c.advance(day)
	if r, err := k.Maintain(ctx); err != nil || r.Resealed != 1 || r.OldStorageKeys != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	allUnder(t, store, 2)
	encrypt(t, openAs(t, store, root(t, 3), nil), later, password, nil)

	// The root that is in use goes; the KMS goes on with the other.
	must(t, k.RemoveRoot(ctx, root(t, 1).ID(), root(t, 3)))
	_, err = kms.Open(ctx, store, root(t, 1), nil)
	want(t, err, kms.ErrWrongRootKey)
	if ids, inUse := rootIDs(t, k); len(ids) != 1 || !slices.Equal(ids, inUse) {
		t.Errorf("roots %q, in use %q", ids, inUse)
	}
	last := newKey(t, k, "")
	must(t, k.RotateStorageKey(ctx))
	c.advance(day)
	if r, err := k.Maintain(ctx); err != nil || r.OldStorageKeys != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, k.AddRoot(ctx, root(t, 4)))
	for _, n := range []byte{3, 4} {
		fresh := openAs(t, store, root(t, n), nil)
		decrypts(t, fresh, ct)
		encrypt(t, fresh, last, password, nil)
	}
	must(t, k.AddRoot(ctx, root(t, 1))) // it may come back
	decrypts(t, open(t, store, nil), ct)
}

// What is refused is not written.
func TestRemoveRootRefuses(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	want(t, k.RemoveRoot(ctx, root(t, 1).ID()), kms.ErrInvalidState)
	want(t, k.RemoveRoot(ctx, root(t, 1).ID(), root(t, 2)), kms.ErrInvalidState)
	words := passphrase(t, "right", "words")
	for _, p := range []rootkey.Provider{root(t, 2), words} {
		must(t, k.AddRoot(ctx, p))
	}
	own, second := root(t, 1).ID(), root(t, 2).ID()
	puts := store.Calls("Put")
	before, err := store.Get(ctx, keyring.Key)
	must(t, err)
	all := func(more ...rootkey.Provider) []rootkey.Provider {
		return append([]rootkey.Provider{root(t, 2), words}, more...)
	}
	for name, c := range map[string]struct {
		id      string
		staying []rootkey.Provider
		want    error
	}{
		"unknown":        {root(t, 9).ID(), all(), kms.ErrInvalidArgument},
		"empty":          {"", all(), kms.ErrInvalidArgument},
		"none stays":     {own, nil, kms.ErrInvalidArgument},
		"one is missing": {second, nil, kms.ErrInvalidArgument},
		"own is missing": {own, all()[:1], kms.ErrInvalidArgument},
		"one too many":   {own, all(root(t, 9)), kms.ErrInvalidArgument},
		"twice":          {own, []rootkey.Provider{words, words}, kms.ErrInvalidArgument},
		"goes and stays": {second, all(), kms.ErrInvalidArgument},
		"nil":            {own, all(nil), kms.ErrInvalidArgument},
		"wrong key":      {own, []rootkey.Provider{root(t, 2), passphrase(t, "wrong", "words")}, kms.ErrWrongRootKey},
		"wrong first":    {own, []rootkey.Provider{passphrase(t, "wrong", "words"), root(t, 2)}, kms.ErrWrongRootKey},
		"offline": {own, []rootkey.Provider{root(t, 2), rootFunc{words, func() error {
			return errors.New("hsm: offline")
		}}}, kms.ErrRootUnavailable},
		"cannot wrap": {own, []rootkey.Provider{root(t, 2), wrapFunc{words, func() error {
			return errors.New("hsm: read-only")
		}}}, kms.ErrRootUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, k.RemoveRoot(ctx, c.id, c.staying...), c.want)
			after, err := store.Get(ctx, keyring.Key)
			if err != nil || store.Calls("Put") != puts || !bytes.Equal(after.Data, before.Data) {
				t.Errorf("%d writes, %v", store.Calls("Put")-puts, err)
			}
			newKeyOf := open(t, store, nil)
			if ids, inUse := rootIDs(t, newKeyOf); len(ids) != 3 || !slices.Equal(inUse, []string{own}) {
				t.Errorf("roots %q, in use %q", ids, inUse)
			}
			if _, inUse := rootIDs(t, k); !slices.Equal(inUse, []string{own}) {
				t.Errorf("in use %q", inUse)
			}
		})
	}
	must(t, k.RemoveRoot(ctx, own, words, root(t, 2))) // in any order
	newKey(t, k, "")
}

// A process that has the removed root only goes on with what it has, until what
// it needs is newer, and never gets or gives a wrong answer.
func TestRemovedRootElsewhere(t *testing.T) {
	ctx := t.Context()
	store, c := memstore.New(), newClock()
	k := open(t, store, nil)
	key, changed := newKey(t, k, ""), newKey(t, k, "")
	ct, changedCT := encrypt(t, k, key, password, nil), encrypt(t, k, changed, password, nil)
	must(t, k.AddRoot(ctx, root(t, 2)))
	removed := open(t, store, &kms.Options{Now: c.now})
	decrypts(t, removed, ct)
	decrypts(t, removed, changedCT)
	must(t, k.RemoveRoot(ctx, root(t, 1).ID(), root(t, 2)))
	later := newKey(t, k, "")
	laterCT := encrypt(t, k, later, password, nil)
	decrypts(t, removed, ct)
	fromRemoved := encrypt(t, removed, key, password, nil)
	refused := func(err error) {
		t.Helper()
		want(t, err, kms.ErrWrongRootKey)
	}
	_, err := removed.Decrypt(ctx, laterCT, nil)
	refused(err)
	before := slices.Collect(records(t, store, ""))
	_, err = removed.CreateKey(ctx, nil)
	refused(err)
	_, err = removed.RotateKey(ctx, changed) // from here on it must look again at this one
	refused(err)
	refused(removed.DisableKey(ctx, changed))
	refused(removed.CreateAlias(ctx, "alias/a", key))
	refused(removed.AddRoot(ctx, root(t, 3)))
	refused(removed.RotateStorageKey(ctx))
	_, err = removed.Maintain(ctx)
	refused(err)
	if !sameRecords(before, slices.Collect(records(t, store, ""))) {
		t.Error("something was written")
	}
	must(t, k.DisableKey(ctx, changed))
	if r, err := openAs(t, store, root(t, 2), tomorrow).Maintain(ctx); err != nil || r.OldStorageKeys != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	decrypts(t, removed, ct)
	c.advance(day) // it must look again
	for _, ct := range [][]byte{ct, changedCT, laterCT} {
		_, err = removed.Decrypt(ctx, ct, nil)
		refused(err)
	}
	fresh := openAs(t, store, root(t, 2), nil)
	for _, ct := range [][]byte{ct, laterCT, fromRemoved} {
		decrypts(t, fresh, ct)
	}
}
