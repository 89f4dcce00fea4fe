package kms_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// health runs Check, which must be made.
func health(tb testing.TB, k *kms.KMS) *kms.Health {
	tb.Helper()
	h, err := k.Check(tb.Context())
	must(tb, err)
	return h
}

// kinds returns what problems there are.
func kinds(h *kms.Health) (kinds []kms.ProblemKind) {
	for _, p := range h.Problems {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

// A checked is what is checked: a healthy store on files, with two roots, two keys, an alias of
// the first key, a count and a token, and a KMS that has used it.
type checked struct {
	dir   string
	store *filestore.Store
	clock *clock
	kms   *kms.KMS
	key   string // with an alias
	other string
	alias string // its record key
}

func newCase(t *testing.T) *checked {
	t.Helper()
	p := &checked{dir: filepath.Join(t.TempDir(), "store"), clock: newClock()}
	var err error
	p.store, err = filestore.Open(p.dir, nil)
	must(t, err)
	t.Cleanup(func() { p.store.Close() })
	p.kms = open(t, p.store, &kms.Options{Now: p.clock.now, RecoveryRoots: []rootkey.Provider{root(t, 2)}})
	must(t, p.kms.AddRoot(t.Context(), root(t, 2)))
	p.key, p.other = newKey(t, p.kms, ""), newKey(t, p.kms, "")
	must(t, p.kms.CreateAlias(t.Context(), "alias/orders", p.key))
	for rec := range records(t, p.store, "alias/") {
		p.alias = rec.Key
	}
	encrypt(t, p.kms, p.key, password, nil)
	external := newExternalKey(t, p.kms, "")
	_, err = p.kms.ImportParameters(t.Context(), external, fastWrapping)
	must(t, err)
	maintain(t, p.kms) // which stores the count
	return p
}

func (p *checked) file(key string) string { return filepath.Join(p.dir, filepath.FromSlash(key)) }

// edit changes a file.
func (p *checked) edit(t *testing.T, key string, edit func(b []byte)) {
	b, err := os.ReadFile(p.file(key))
	must(t, err)
	edit(b)
	must(t, os.WriteFile(p.file(key), b, 0o600))
}

// replace stores data in the place of a record, as a writer of the store may.
func (p *checked) replace(t *testing.T, key string, data []byte) {
	rec, err := p.store.Get(t.Context(), key)
	must(t, err)
	must(t, p.store.Put(t.Context(), keystore.Record{Key: key, Rev: rec.Rev + 1, Data: data}))
}

// chmod takes permissions away, also from a test that root runs.
func (p *checked) chmod(t *testing.T, mode fs.FileMode, folders ...string) {
	dropRoot(t, filepath.Dir(filepath.Dir(p.dir)))
	for _, folder := range folders {
		must(t, os.Chmod(p.file(folder), mode))
		t.Cleanup(func() { os.Chmod(p.file(folder), 0o700) })
	}
}

// A fault is planted in a healthy store, and Check has to find it, and nothing
// else.
type fault struct {
	name   string
	plant  func(t *testing.T, p *checked)
	kind   kms.ProblemKind
	record string // "key", "alias", or what Problem.Record begins with
	err    error  // that Problem.Err carries
	ready  bool
}

var faults = []fault{
	{"wrong root", func(t *testing.T, p *checked) {
		must(t, p.kms.AddRoot(t.Context(), root(t, 3)))
		must(t, openAs(t, p.store, root(t, 2), nil).RemoveRoot(t.Context(), root(t, 1).ID(), root(t, 3)))
	}, kms.ProblemWrongRoot, keyring.Key, kms.ErrWrongRootKey, false},
	{"missing recovery root", func(t *testing.T, p *checked) {
		must(t, p.kms.AddRoot(t.Context(), root(t, 3)))
		must(t, p.kms.RemoveRoot(t.Context(), root(t, 2).ID(), root(t, 3)))
	}, kms.ProblemMissingRecoveryRoot, "", kms.ErrWrongRootKey, true},
	{"no recovery root", func(t *testing.T, p *checked) {
		must(t, p.kms.RemoveRoot(t.Context(), root(t, 2).ID()))
		p.kms = open(t, p.store, &kms.Options{Now: p.clock.now})
	}, kms.ProblemMissingRecoveryRoot, "", kms.ErrWrongRootKey, true},
	{"tampered record", func(t *testing.T, p *checked) {
		damage(t, p.store, "key/"+p.other)
	}, kms.ProblemTampered, "other", kms.ErrTampered, true},
	{"record of another store", func(t *testing.T, p *checked) {
		// Of the same key, at the same revision, under the same root key.
		var backup bytes.Buffer
		must(t, p.kms.Export(t.Context(), &backup, root(t, 9)))
		foreign := memstore.New()
		must(t, kms.Restore(t.Context(), foreign, root(t, 1), bytes.NewReader(backup.Bytes()), root(t, 9)))
		rec, err := foreign.Get(t.Context(), "key/"+p.other)
		must(t, err)
		must(t, p.store.Delete(t.Context(), rec.Key, rec.Rev))
		must(t, p.store.Put(t.Context(), rec))
	}, kms.ProblemTampered, "other", kms.ErrTampered, true},
	{"newer format", func(t *testing.T, p *checked) {
		p.replace(t, "key/"+p.other, []byte{0xDF, 1, 2, 3})
	}, kms.ProblemNewerFormat, "other", kms.ErrFormatTooNew, true},
	{"newer file format", func(t *testing.T, p *checked) {
		p.edit(t, "key/"+p.other, func(b []byte) { b[7]++ })
	}, kms.ProblemNewerFormat, "other", kms.ErrFormatTooNew, true},
	{"read-only store", func(t *testing.T, p *checked) {
		p.chmod(t, 0o500, "", "meta", "key", "alias", "token", "usage")
	}, kms.ProblemStoreNotWritable, "meta/canary", fs.ErrPermission, true},
	{"damaged file", func(t *testing.T, p *checked) {
		p.edit(t, "key/"+p.other, func(b []byte) { b[len(b)-1] ^= 1 })
	}, kms.ProblemDamaged, "other", kms.ErrTampered, true},
	{"orphan alias", func(t *testing.T, p *checked) {
		must(t, os.Remove(p.file("key/"+p.key)))
	}, kms.ProblemOrphanAlias, "alias", kms.ErrKeyNotFound, true},
	{"stale temporary file", func(t *testing.T, p *checked) {
		must(t, os.WriteFile(p.file("key/.tmp-x"), []byte("half"), 0o600))
	}, kms.ProblemLeftover, "", keystore.ErrLeftover, true},
	{"unreadable directory", func(t *testing.T, p *checked) {
		p.chmod(t, 0, "key")
	}, kms.ProblemStoreUnreadable, "key/", fs.ErrPermission, true},
}

// moreFaults are found beside those that were asked for.
var moreFaults = []fault{
	{"root out of reach", func(t *testing.T, p *checked) {
		asked := errors.New("hsm: offline")
		p.kms = openAs(t, p.store, rootFunc{root(t, 1), func() error {
			if p.clock.After(newClock().Time) {
				return asked
			}
			return nil
		}}, &kms.Options{Now: p.clock.now})
		p.clock.advance(time.Second)
	}, kms.ProblemRootUnavailable, keyring.Key, kms.ErrRootUnavailable, true},
	{"wrong recovery root", func(t *testing.T, p *checked) {
		must(t, p.kms.AddRoot(t.Context(), passphrase(t, "right", "words")))
		p.kms = open(t, p.store, &kms.Options{Now: p.clock.now, RecoveryRoots: []rootkey.Provider{passphrase(t, "wrong", "words")}})
	}, kms.ProblemWrongRoot, keyring.Key, kms.ErrWrongRootKey, true},
	{"damaged keyring", func(t *testing.T, p *checked) {
		p.edit(t, keyring.Key, func(b []byte) { b[len(b)-1] ^= 1 })
	}, kms.ProblemDamaged, keyring.Key, kms.ErrTampered, false},
	{"tampered keyring", func(t *testing.T, p *checked) {
		damage(t, p.store, keyring.Key)
	}, kms.ProblemTampered, keyring.Key, kms.ErrTampered, false},
	{"keyring of another store", func(t *testing.T, p *checked) {
		foreign := memstore.New()
		must(t, open(t, foreign, nil).AddRoot(t.Context(), root(t, 2)))
		must(t, os.Remove(p.file(keyring.Key)))
		must(t, p.store.Put(t.Context(), keystore.Record{Key: keyring.Key, Rev: 1, Data: []byte{0}}))
		rec, err := foreign.Get(t.Context(), keyring.Key) // of the same revision
		must(t, err)
		must(t, p.store.Put(t.Context(), rec))
	}, kms.ProblemTampered, keyring.Key, kms.ErrTampered, true},
	{"old keyring", func(t *testing.T, p *checked) {
		old, err := os.ReadFile(p.file(keyring.Key))
		must(t, err)
		must(t, p.kms.RotateStorageKey(t.Context()))
		must(t, os.WriteFile(p.file(keyring.Key), old, 0o600))
	}, kms.ProblemRollback, keyring.Key, kms.ErrRollback, false},
	{"keyring gone", func(t *testing.T, p *checked) {
		must(t, os.Remove(p.file(keyring.Key)))
	}, kms.ProblemTampered, keyring.Key, kms.ErrTampered, false},
	{"old copy of a key", func(t *testing.T, p *checked) {
		old, err := os.ReadFile(p.file("key/" + p.key))
		must(t, err)
		must(t, p.kms.DisableKey(t.Context(), p.key))
		_, err = p.kms.Encrypt(t.Context(), p.key, password, nil)
		want(t, err, kms.ErrKeyDisabled)
		must(t, os.WriteFile(p.file("key/"+p.key), old, 0o600))
	}, kms.ProblemRollback, "key", kms.ErrRollback, true},
	{"tampered alias", func(t *testing.T, p *checked) {
		damage(t, p.store, p.alias)
	}, kms.ProblemTampered, "alias", kms.ErrTampered, true},
	{"tampered token", func(t *testing.T, p *checked) {
		for rec := range records(t, p.store, "token/") {
			damage(t, p.store, rec.Key)
		}
	}, kms.ProblemTampered, "token/", kms.ErrTampered, true},
	{"tampered count", func(t *testing.T, p *checked) {
		damage(t, p.store, "usage/"+p.key)
	}, kms.ProblemTampered, "usage/", kms.ErrTampered, true},
	{"tampered canary", func(t *testing.T, p *checked) {
		health(t, p.kms)
		damage(t, p.store, "meta/canary")
	}, kms.ProblemTampered, "meta/canary", kms.ErrTampered, true},
	{"unknown spec", func(t *testing.T, p *checked) {
		editKey(t, p.store, p.other, func(key *record.Key) { key.Spec = "AES_512" })
	}, kms.ProblemNewerFormat, "other", kms.ErrFormatTooNew, true},
	{"foreign record", func(t *testing.T, p *checked) {
		must(t, p.store.Put(t.Context(), keystore.Record{Key: "meta/manifest", Rev: 1, Data: []byte("v2")}))
	}, kms.ProblemForeignRecord, "meta/manifest", nil, true},
	{"foreign record behind all", func(t *testing.T, p *checked) {
		must(t, p.store.Put(t.Context(), keystore.Record{Key: "z", Rev: 1, Data: []byte("v2")}))
	}, kms.ProblemForeignRecord, "z", nil, true},
	{"folder behind a link", func(t *testing.T, p *checked) {
		must(t, os.Symlink(t.TempDir(), p.file("extra")))
	}, kms.ProblemStoreWarning, "", nil, true},
	{"marker gone", func(t *testing.T, p *checked) {
		must(t, os.Remove(p.file(".format")))
	}, kms.ProblemStoreWarning, "", nil, true},
	{"newer layout", func(t *testing.T, p *checked) {
		p.edit(t, ".format", func(b []byte) { b[len(b)-2]++ })
	}, kms.ProblemNewerFormat, "", kms.ErrFormatTooNew, true},
	{"not maintained", func(t *testing.T, p *checked) {
		_, err := p.kms.ScheduleKeyDeletion(t.Context(), p.other, 7*day)
		must(t, err)
		p.clock.advance(8*day + time.Minute)
	}, kms.ProblemOverdue, "other", nil, true},
	{"clock behind", func(t *testing.T, p *checked) {
		ahead := p.clock.Add(90 * time.Second)
		newKey(t, open(t, p.store, &kms.Options{Now: func() time.Time { return ahead }}), "")
	}, kms.ProblemClockSkew, "key/", nil, true},
	{"clock behind, from the canary", func(t *testing.T, p *checked) {
		ahead := p.clock.Add(90 * time.Second)
		health(t, open(t, p.store, &kms.Options{Now: func() time.Time { return ahead }}))
	}, kms.ProblemClockSkew, "meta/canary", nil, true},
}

// Check finds each fault, as what it is, and nothing else.
func TestCheckFindsFaults(t *testing.T) {
	for _, f := range slices.Concat(faults, moreFaults) {
		if runtime.GOOS == "windows" && f.err == fs.ErrPermission {
			continue // where mode bits say nothing
		}
		t.Run(f.name, func(t *testing.T) {
			p := newCase(t)
			if h := health(t, p.kms); !h.OK() {
				t.Fatalf("healthy: %v", h.Problems)
			}
			f.plant(t, p)
			h := health(t, p.kms)
			if len(h.Problems) != 1 || h.OK() || h.Ready != f.ready || !h.Complete {
				t.Fatalf("ready %v, complete %v, problems %v", h.Ready, h.Complete, h.Problems)
			}
			got := h.Problems[0]
			about := map[string]string{"key": "key/" + p.key, "other": "key/" + p.other, "alias": p.alias}[f.record]
			if about == "" {
				about = f.record
			}
			if got.Kind != f.kind || !strings.HasPrefix(got.Record, about) || (about == "") != (got.Record == "") {
				t.Errorf("%v, want %s %s", got, f.kind, about)
			}
			if f.err != nil && !errors.Is(got.Err, f.err) || strings.Contains(got.String(), "orders") {
				t.Errorf("%v, want %v", got, f.err)
			}
		})
	}
}

// What a check says of a store in which nothing is wrong.
func TestCheckHealthy(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now, RecoveryRoots: []rootkey.Provider{root(t, 2)}})
	for n := byte(2); n <= 3; n++ {
		must(t, k.AddRoot(ctx, root(t, n)))
	}
	due, later := newPeriodic(t, k), newPeriodic(t, k)
	must(t, k.CreateAlias(ctx, "alias/a", due))
	must(t, k.CreateAlias(ctx, "alias/gone", due))
	must(t, k.DeleteAlias(ctx, "alias/gone"))
	c.advance(20 * day)
	_, err := k.RotateKey(ctx, later)
	must(t, err)
	must(t, k.RotateStorageKey(ctx))
	c.advance(10*day + time.Hour)
	h := health(t, k)
	if !h.OK() || !h.Time.Equal(c.Time) || h.Keys != 2 || h.Aliases != 1 || h.StorageKeys != 2 || h.ClockBehind != 0 {
		t.Errorf("%+v", h)
	}
	if h.Due != 1 || !h.DueSince.Equal(c.Add(-time.Hour)) {
		t.Errorf("%d due since %v", h.Due, h.DueSince)
	}
	wanted := []kms.RootHealth{{kms.RootInfo{root(t, 1).ID(), true}, true}, {kms.RootInfo{root(t, 2).ID(), false}, true},
		{kms.RootInfo{root(t, 3).ID(), false}, false}}
	if !slices.Equal(h.Roots, wanted) {
		t.Errorf("roots %+v", h.Roots)
	}
	// The canary is the one thing that was written, and everything else copes.
	if rec, err := store.Get(ctx, "meta/canary"); err != nil || rec.Rev != 1 {
		t.Errorf("canary %+v, %v", rec, err)
	}
	maintains(t, store)
	must(t, k.Export(ctx, &bytes.Buffer{}, root(t, 9)))
	open(t, store, &kms.Options{MustExist: true})
	if (&kms.Health{}).OK() {
		t.Error("what was not looked at is fine")
	}
}

// A canary under a storage key that was dropped is replaced, and keeps none from
// being dropped.
func TestCheckAfterRotation(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	must(t, k.AddRoot(ctx, root(t, 2)))
	key := newKey(t, k, "")
	health(t, k)
	must(t, k.RotateStorageKey(ctx))
	c.advance(25 * time.Hour)
	if r := maintain(t, k); r.OldStorageKeys != 0 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	fresh := open(t, store, &kms.Options{Now: c.now})
	for range 2 {
		if h := health(t, fresh); !h.OK() || h.StorageKeys != 1 {
			t.Errorf("%+v", h)
		}
	}
	encrypt(t, fresh, key, password, nil)
}

// However much is wrong, what is kept of it is bounded.
func TestCheckManyProblems(t *testing.T) {
	store := memstore.New()
	k := open(t, store, nil)
	must(t, k.AddRoot(t.Context(), root(t, 2)))
	for i := range 250 {
		rec := keystore.Record{Key: fmt.Sprintf("key/%s%03d", unknown[:33], i), Rev: 1, Data: []byte{0xD1}}
		must(t, store.Put(t.Context(), rec))
		must(t, store.Put(t.Context(), keystore.Record{Key: fmt.Sprintf("l/%d", i), Rev: 1, Data: []byte{0xD1}}))
	}
	must(t, k.CreateAlias(t.Context(), "alias/ahead", newKey(t, open(t, store, &kms.Options{Now: func() time.Time {
		return time.Now().Add(time.Hour)
	}}), "")))
	h := health(t, k)
	if len(h.Problems) != 101 || h.Omitted != 400 || h.Keys != 251 || !h.Complete || h.OK() {
		t.Errorf("%d problems, %d omitted, %d keys", len(h.Problems), h.Omitted, h.Keys)
	}
	if got := slices.Compact(kinds(h)); !slices.Equal(got, []kms.ProblemKind{kms.ProblemTampered, kms.ProblemClockSkew}) {
		t.Errorf("%v", got)
	}
}

func TestCheckRefuses(t *testing.T) {
	_, err := kms.Open(t.Context(), memstore.New(), root(t, 1), &kms.Options{RecoveryRoots: []rootkey.Provider{nil}})
	want(t, err, kms.ErrInvalidArgument)
}
