package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// A sample is a store with something of everything, and what is known of it.
type sample struct {
	store   *memstore.Store
	clock   *clock
	keys    map[string]*kms.Key // by ID, as described
	aliases map[string]kms.Alias
	cts     map[string][]byte // by key
	deks    map[string][]byte
}

// newSample fills a store with n keys of any state.
func newSample(tb testing.TB, n int) *sample {
	tb.Helper()
	ctx := context.Background()
	s := &sample{
		store: memstore.New(), clock: newClock(), keys: map[string]*kms.Key{},
		aliases: map[string]kms.Alias{}, cts: map[string][]byte{}, deks: map[string][]byte{},
	}
	k := open(tb, s.store, &kms.Options{Now: s.clock.now})
	for i := range n {
		d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{
			Spec: specs[i%2], Alias: fmt.Sprintf("alias/orders/%d", i), Description: fmt.Sprint("secret plan ", i),
			Tags: map[string]string{"team": "payments"}, RotationPeriod: time.Duration(i%2) * 30 * day,
		})
		must(tb, err)
		s.use(tb, k, d.ID, i)
	}
	external := newExternalKey(tb, k, "")
	must(tb, importMaterial(tb, k, external, material1, kms.ImportKeyMaterialOptions{ValidTo: s.clock.Add(100 * day)}))
	s.cts[external] = encrypt(tb, k, external, password, nil)
	newExternalKey(tb, k, kms.KeySpecSM4)
	s.clock.advance(7 * day)
	maintain(tb, k)
	s.describe(tb, k)
	return s
}

// use makes something with the i-th key and brings it into some state.
func (s *sample) use(tb testing.TB, k *kms.KMS, key string, i int) {
	ctx := context.Background()
	s.cts[key] = encrypt(tb, k, key, password, nil)
	dek, err := k.GenerateDataKey(ctx, key, 32, prod)
	must(tb, err)
	s.deks[key] = dek.Ciphertext
	switch i % 8 {
	case 0, 1:
		_, err = k.RotateKey(ctx, key)
	case 2:
		err = k.DisableKey(ctx, key)
	case 3:
		err = k.ArchiveKey(ctx, key)
	case 4:
		_, err = k.ScheduleKeyDeletion(ctx, key, 8*day)
	case 5:
		_, err = k.ScheduleKeyDeletion(ctx, key, 7*day) // to be destroyed
	case 6:
		_, err = k.RotateKey(ctx, key)
		must(tb, err)
		_, err = k.ScheduleVersionDestruction(ctx, key, 1, time.Duration(7+i/8%2)*day)
	case 7:
		err = k.DeleteAlias(ctx, fmt.Sprintf("alias/orders/%d", i))
	}
	must(tb, err)
}

func (s *sample) describe(tb testing.TB, k *kms.KMS) {
	ctx := context.Background()
	for rec := range records(tb, s.store, "key/") {
		d, err := k.DescribeKey(ctx, rec.Key[len("key/"):])
		must(tb, err)
		s.keys[d.ID] = d
	}
	for a, err := range k.Aliases(ctx) {
		must(tb, err)
		s.aliases[a.Name] = a
	}
}

// export returns the backup of the sample under root.
func (s *sample) export(tb testing.TB, p rootkey.Provider) []byte {
	tb.Helper()
	var out bytes.Buffer
	must(tb, open(tb, s.store, &kms.Options{Now: s.clock.now}).Export(tb.Context(), &out, p))
	return out.Bytes()
}

// check fails the test unless k has and does all that the sample had and did.
func (s *sample) check(t *testing.T, k *kms.KMS) {
	t.Helper()
	ctx := t.Context()
	source := open(t, s.store, &kms.Options{Now: s.clock.now})
	for id, d := range s.keys {
		if got, err := k.DescribeKey(ctx, id); err != nil || !reflect.DeepEqual(got, d) {
			t.Fatalf("%+v, %v; was %+v", got, err, d)
		}
		if s.cts[id] == nil {
			continue
		}
		pt, err := k.Decrypt(ctx, s.cts[id], nil)
		if _, wanted := source.Decrypt(ctx, s.cts[id], nil); fmt.Sprint(err) != fmt.Sprint(wanted) ||
			err == nil && !bytes.Equal(pt, password) {
			t.Fatalf("%s: %q, %v; was %v", d.State, pt, err, wanted)
		}
		if s.deks[id] == nil {
			continue
		}
		got, err := k.DecryptDataKey(ctx, s.deks[id], prod)
		was, wanted := source.DecryptDataKey(ctx, s.deks[id], prod)
		if fmt.Sprint(err) != fmt.Sprint(wanted) || err == nil && !bytes.Equal(got.Plaintext, was.Plaintext) {
			t.Fatalf("%s: %v, %v; was %v", d.State, got, err, wanted)
		}
	}
	aliases := map[string]kms.Alias{}
	for a, err := range k.Aliases(ctx) {
		must(t, err)
		aliases[a.Name] = a
		if d, err := k.DescribeKey(ctx, a.Name); err != nil || d.ID != a.KeyID {
			t.Fatalf("%+v, %v", d, err)
		}
	}
	if !maps.Equal(aliases, s.aliases) {
		t.Errorf("%d aliases, want %d", len(aliases), len(s.aliases))
	}
}

func restore(tb testing.TB, store keystore.Store, p rootkey.Provider, backup []byte, backupRoot rootkey.Provider) error {
	return kms.Restore(tb.Context(), store, p, bytes.NewReader(backup), backupRoot)
}

// A store that was restored is as good as the one that was backed up.
func TestExportRestore(t *testing.T) {
	ctx := t.Context()
	many, few := newSample(t, 264), newSample(t, 24)
	words := passphrase(t, "six words", "")
	for name, c := range map[string]struct {
		of                 *sample
		store              keystore.Store
		backupRoot, ofRoot rootkey.Provider
	}{
		"same root":             {many, memstore.New(), root(t, 1), root(t, 1)},
		"other roots, on files": {few, openFiles(t, t.TempDir()), root(t, 2), root(t, 3)},
		"passphrases":           {few, memstore.New(), words, words},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.of
			must(t, restore(t, c.store, c.ofRoot, s.export(t, c.backupRoot), c.backupRoot))
			k := openAs(t, c.store, c.ofRoot, &kms.Options{Now: s.clock.now, MustExist: true})
			s.check(t, k)
			if n := count(t, c.store, "token/"); n != 0 {
				t.Errorf("%d import tokens", n)
			}
			want(t, restore(t, c.store, c.ofRoot, s.export(t, root(t, 1)), root(t, 1)), kms.ErrStoreNotEmpty)
			_, err := k.DescribeKey(ctx, "alias/orders/7")
			want(t, err, kms.ErrAliasNotFound)
			key := newKey(t, k, "")
			must(t, k.CreateAlias(ctx, "alias/orders/7", key))
			want(t, k.CreateAlias(ctx, "alias/orders/0", key), kms.ErrAliasExists)
			must(t, k.RotateStorageKey(ctx))
			if r := maintain(t, k); r.OldStorageKeys != 1 || r.Keys != len(s.keys)+1 {
				t.Errorf("%+v", r)
			}
			for id, d := range s.keys { // what was deleted can be imported again, and nothing else
				if d.Origin == kms.OriginExternal && d.PrimaryVersion == 1 {
					must(t, k.DeleteImportedKeyMaterial(ctx, id))
					want(t, importMaterial(t, k, id, material2, kms.ImportKeyMaterialOptions{}), kms.ErrInvalidKeyMaterial)
					must(t, importMaterial(t, k, id, material1, kms.ImportKeyMaterialOptions{}))
					decrypts(t, k, s.cts[id])
				}
			}
		})
	}
}

// A backup of a backup, and of nothing.
func TestExportAgain(t *testing.T) {
	s := newSample(t, 8)
	store := keystore.Store(s.store)
	for n := byte(1); n < 5; n++ {
		var out bytes.Buffer
		must(t, openAs(t, store, root(t, n), nil).Export(t.Context(), &out, root(t, n+1)))
		store = memstore.New()
		must(t, restore(t, store, root(t, n+1), out.Bytes(), root(t, n+1)))
	}
	s.check(t, openAs(t, store, root(t, 5), &kms.Options{Now: s.clock.now}))
	var out bytes.Buffer
	must(t, open(t, memstore.New(), nil).Export(t.Context(), &out, root(t, 2)))
	empty := memstore.New()
	must(t, restore(t, empty, root(t, 1), out.Bytes(), root(t, 2)))
	newKey(t, open(t, empty, &kms.Options{MustExist: true}), "")
	if n := count(t, empty, ""); n != 2 {
		t.Errorf("%d records", n)
	}
}

// A backup that is behind something else in its file.
func TestRestoreFromMiddle(t *testing.T) {
	s := newSample(t, 2)
	r := bytes.NewReader(append([]byte("before"), s.export(t, root(t, 2))...))
	_, err := r.Seek(6, io.SeekStart)
	must(t, err)
	store := memstore.New()
	must(t, kms.Restore(t.Context(), store, root(t, 1), r, root(t, 2)))
	s.check(t, open(t, store, &kms.Options{Now: s.clock.now}))
}

// The backup shows nothing of what is in it.
func TestExportHides(t *testing.T) {
	s := newSample(t, 16)
	backup := s.export(t, root(t, 2))
	for _, secret := range [][]byte{[]byte("secret plan"), []byte("orders"), []byte("payments"), material1, []byte("AES_256")} {
		if bytes.Contains(backup, secret) {
			t.Errorf("the backup shows %q", secret)
		}
	}
	for id := range s.keys {
		if bytes.Contains(backup, []byte(id)) {
			t.Errorf("the backup shows the key ID %s", id)
		}
	}
	if again := s.export(t, root(t, 2)); bytes.Equal(again, backup) {
		t.Error("two backups are the same")
	}
}

// Others change what is being backed up: each record is of some moment, and all
// that was there before decrypts.
func TestExportWhileChanged(t *testing.T) {
	ctx := t.Context()
	s := newSample(t, 160)
	store := faultstore.New(s.store)
	k, other := open(t, store, &kms.Options{Now: s.clock.now}), open(t, s.store, &kms.Options{Now: s.clock.now})
	key := newKey(t, other, "")
	made := map[string]string{"alias/new/0": key}
	must(t, other.CreateAlias(ctx, "alias/new/0", key))
	var mu sync.Mutex
	store.Block = func(_ context.Context, c faultstore.Call) { // between any two pages
		if c.Method != "List" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for range 5 {
			alias := fmt.Sprintf("alias/new/%d", len(made))
			made[alias] = newKey(t, other, "")
			must(t, other.CreateAlias(ctx, alias, made[alias]))
			must(t, other.UpdateAlias(ctx, "alias/new/0", made[alias]))
		}
		for id, d := range s.keys {
			if d.State == kms.KeyStateEnabled && d.Origin == kms.OriginKMS && rand.N(2) == 0 {
				_, err := other.RotateKey(ctx, id)
				must(t, err)
			}
		}
		must(t, other.RotateStorageKey(ctx))
		maintain(t, other)
	}
	var out bytes.Buffer
	must(t, k.Export(ctx, &out, root(t, 2)))
	restored := memstore.New()
	must(t, restore(t, restored, root(t, 1), out.Bytes(), root(t, 2)))
	back := open(t, restored, &kms.Options{Now: s.clock.now})
	for id, d := range s.keys {
		if ct := s.cts[id]; ct != nil && d.State == kms.KeyStateEnabled && d.Versions[0].State == kms.KeyStateEnabled {
			decrypts(t, back, ct)
		}
	}
	for a, err := range back.Aliases(ctx) {
		must(t, err)
		if d, err := back.DescribeKey(ctx, a.Name); err != nil || d.ID != a.KeyID {
			t.Errorf("%s: %+v, %v", a.Name, d, err)
		}
	}
	for name := range s.aliases {
		_, err := back.DescribeKey(ctx, name)
		must(t, err)
	}
}

func TestExportNotMade(t *testing.T) {
	ctx := t.Context()
	s := newSample(t, 2)
	g := &gatekeeper{deny: func(*kms.Request) error { return errDenied }}
	k := open(t, s.store, &kms.Options{Authorizer: g, Auditor: g})
	var out bytes.Buffer
	asked := rootFunc{wrapFunc{root(t, 2), func() error { return errors.New("must not be asked") }}, nil}
	want(t, k.Export(ctx, &out, asked), kms.ErrAccessDenied)
	if _, events := g.take(); len(events) != 1 || events[0].Op != kms.OpExport || !errors.Is(events[0].Err, errDenied) {
		t.Errorf("told %+v", events)
	}
	g.deny = nil
	want(t, k.DryRun().Export(ctx, &out, asked), kms.ErrDryRun)
	for name, c := range map[string]struct {
		w io.Writer
		p rootkey.Provider
	}{"no writer": {nil, root(t, 2)}, "no root": {&out, nil}, "neither": {}} {
		t.Run(name, func(t *testing.T) { want(t, k.Export(ctx, c.w, c.p), kms.ErrInvalidArgument) })
	}
	want(t, k.Export(ctx, &out, asked), kms.ErrRootUnavailable)
	must(t, k.Close())
	want(t, k.Export(ctx, &out, asked), kms.ErrClosed)
	if out.Len() != 0 {
		t.Errorf("%d bytes were written", out.Len())
	}
	if ops := slices.Collect(records(t, s.store, "")); len(ops) == 0 {
		t.Error("the store is empty")
	}
}
