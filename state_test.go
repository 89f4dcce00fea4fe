package kms_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
)

const day = 24 * time.Hour

// A clock is set by hand.
type clock struct{ time.Time }

func newClock() *clock { return &clock{time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

// wrap wraps material for its import.
func wrap(tb testing.TB, p *kms.ImportParameters, material []byte) []byte {
	tb.Helper()
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	must(tb, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	must(tb, err)
	return wrapped
}

const fastWrapping = kms.WrappingRSAOAEPSHA256 + "/RSA_2048"

// importMaterial imports material into a key.
func importMaterial(tb testing.TB, k *kms.KMS, key string, material []byte, opts kms.ImportKeyMaterialOptions) error {
	tb.Helper()
	p, err := k.ImportParameters(context.Background(), key, fastWrapping)
	must(tb, err)
	opts.Token, opts.EncryptedMaterial = p.Token, wrap(tb, p, material)
	return k.ImportKeyMaterial(context.Background(), key, &opts)
}

var (
	material1 = []byte("0123456789abcdef0123456789abcdef")
	material2 = []byte("fedcba9876543210fedcba9876543210")
	material3 = []byte("fedcba98765432100123456789abcdef")
)

var states = []kms.KeyState{
	kms.KeyStateEnabled, kms.KeyStateDisabled, kms.KeyStateArchived,
	kms.KeyStatePendingImport, kms.KeyStatePendingDeletion, kms.KeyStateDestroyed,
}

// A subject is a key of two versions in some state, and what was made with it
// when it was enabled.
type subject struct {
	*kms.KMS
	ctx              context.Context
	key              string
	alias            string
	ct, dek, pair    []byte // or a signature or MAC in the place of ct
	other            string // an enabled key
	otherCT          []byte
	parameters       *kms.ImportParameters // of an external key, unused
	same, newVersion []byte                // wrapped
}

// A kind is what subjects are of, what is made with them, and what is tried on
// them in every state beside what is tried on all.
type kind struct {
	spec      kms.KeySpec
	usage     kms.KeyUsage
	materials [3][]byte
	use       func(t *testing.T, s *subject)
	rows      []row
}

func newSubject(t *testing.T, k *kms.KMS, c *clock, of kind, origin kms.Origin, state kms.KeyState) *subject {
	ctx := t.Context()
	s := &subject{KMS: k, ctx: ctx, alias: "alias/" + string(origin) + "/" + string(state), other: newKey(t, k, "")}
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: of.spec, Usage: of.usage, Alias: s.alias, Origin: origin})
	must(t, err)
	s.key = d.ID
	if origin == kms.OriginExternal {
		m := of.materials
		must(t, importMaterial(t, k, s.key, m[0], kms.ImportKeyMaterialOptions{}))
		must(t, importMaterial(t, k, s.key, m[1], kms.ImportKeyMaterialOptions{NewVersion: true}))
		s.parameters, err = k.ImportParameters(ctx, s.key, fastWrapping)
		must(t, err)
		s.same, s.newVersion = wrap(t, s.parameters, m[1]), wrap(t, s.parameters, m[2])
	} else {
		_, err = k.RotateKey(ctx, s.key)
		must(t, err)
	}
	of.use(t, s)
	s.enter(t, c, state)
	return s
}

// enter brings the key into a state.
func (s *subject) enter(t *testing.T, c *clock, state kms.KeyState) {
	k, ctx := s.KMS, s.ctx
	var err error
	switch state {
	case kms.KeyStateDisabled:
		must(t, k.DisableKey(ctx, s.key))
	case kms.KeyStateArchived:
		must(t, k.ArchiveKey(ctx, s.key))
	case kms.KeyStatePendingImport:
		must(t, k.DeleteImportedKeyMaterial(ctx, s.key))
	case kms.KeyStatePendingDeletion, kms.KeyStateDestroyed:
		_, err = k.ScheduleKeyDeletion(ctx, s.key, 7*day)
		must(t, err)
	}
	if state == kms.KeyStateDestroyed {
		c.advance(7 * day)
		_, err = k.Maintain(ctx)
		must(t, err)
	}
	must(t, k.CreateAlias(s.ctx, "alias/other", s.other))
}

var symmetricKind = kind{
	kms.KeySpecAES256, kms.KeyUsageEncryptDecrypt, [3][]byte{material1, material2, material3},
	func(t *testing.T, s *subject) {
		s.ct, s.otherCT = encrypt(t, s.KMS, s.key, password, nil), encrypt(t, s.KMS, s.other, password, nil)
		dek, err := s.GenerateDataKey(s.ctx, s.key, 32, nil)
		must(t, err)
		pair, err := s.GenerateDataKeyPair(s.ctx, s.key, kms.KeySpecECP256, nil)
		must(t, err)
		s.dek, s.pair = dek.Ciphertext, pair.PrivateKeyCiphertext
	}, rows,
}

// A row is an operation, its result in each state, and the state that follows
// where it succeeds ("" for the same).
type row struct {
	name    string
	call    func(s *subject) error
	want    []error
	becomes kms.KeyState
}

var (
	whenEnabled  = []error{nil, kms.ErrKeyDisabled, kms.ErrKeyArchived, kms.ErrKeyPendingImport, kms.ErrKeyPendingDeletion, kms.ErrKeyNotFound}
	whenReadable = []error{nil, kms.ErrKeyDisabled, nil, kms.ErrKeyPendingImport, kms.ErrKeyPendingDeletion, kms.ErrKeyNotFound}
	whenSwitched = []error{nil, nil, nil, kms.ErrKeyPendingImport, kms.ErrKeyPendingDeletion, kms.ErrKeyNotFound}
	whenStaying  = []error{nil, nil, nil, nil, kms.ErrKeyPendingDeletion, kms.ErrKeyNotFound}
	whenThere    = []error{nil, nil, nil, nil, nil, kms.ErrKeyNotFound}
	always       = []error{nil, nil, nil, nil, nil, nil}
	whenDeleting = []error{kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, nil, kms.ErrKeyNotFound}
	never        = []error{kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrKeyPendingDeletion, kms.ErrKeyNotFound}
)

var errNotListed = errors.New("the key is not listed")

// rows are of keys of any origin.
var rows = []row{
	{"Encrypt", func(s *subject) error { _, err := s.Encrypt(s.ctx, s.key, password, nil); return err }, whenEnabled, ""},
	{"AppendEncrypt", func(s *subject) error { _, err := s.AppendEncrypt(s.ctx, nil, s.alias, password, nil); return err }, whenEnabled, ""},
	{"GenerateDataKey", func(s *subject) error { _, err := s.GenerateDataKey(s.ctx, s.key, 32, nil); return err }, whenEnabled, ""},
	{"GenerateDataKeyWithoutPlaintext", func(s *subject) error {
		_, err := s.GenerateDataKeyWithoutPlaintext(s.ctx, s.key, 32, nil)
		return err
	}, whenEnabled, ""},
	{"EncryptDataKey", func(s *subject) error { _, err := s.EncryptDataKey(s.ctx, s.key, material1, nil, nil); return err }, whenEnabled, ""},
	{"ReEncrypt to", func(s *subject) error {
		_, _, err := s.ReEncrypt(s.ctx, s.otherCT, nil, &kms.ReEncryptOptions{Key: s.key})
		return err
	}, whenEnabled, ""},
	{"GenerateDataKeyPair", func(s *subject) error {
		_, err := s.GenerateDataKeyPair(s.ctx, s.key, kms.KeySpecECP256, nil)
		return err
	}, whenEnabled, ""},
	{"GenerateDataKeyPairWithoutPlaintext", func(s *subject) error {
		_, err := s.GenerateDataKeyPairWithoutPlaintext(s.ctx, s.alias, kms.KeySpecECP256, nil)
		return err
	}, whenEnabled, ""},
	{"DecryptDataKeyPair", func(s *subject) error { _, err := s.DecryptDataKeyPair(s.ctx, s.pair, nil); return err }, whenReadable, ""},
	{"DecryptDataKeyPairWith", func(s *subject) error {
		_, err := s.DecryptDataKeyPairWith(s.ctx, s.key, s.pair, nil)
		return err
	}, whenReadable, ""},
	{"Decrypt", func(s *subject) error { _, err := s.Decrypt(s.ctx, s.ct, nil); return err }, whenReadable, ""},
	{"AppendDecrypt", func(s *subject) error { _, err := s.AppendDecrypt(s.ctx, nil, s.ct, nil); return err }, whenReadable, ""},
	{"DecryptWith", func(s *subject) error { _, err := s.DecryptWith(s.ctx, s.alias, s.ct, nil); return err }, whenReadable, ""},
	{"DecryptDataKey", func(s *subject) error { _, err := s.DecryptDataKey(s.ctx, s.dek, nil); return err }, whenReadable, ""},
	{"DecryptDataKeyWith", func(s *subject) error { _, err := s.DecryptDataKeyWith(s.ctx, s.key, s.dek, nil); return err }, whenReadable, ""},
	{"ReEncrypt from", func(s *subject) error {
		_, _, err := s.ReEncrypt(s.ctx, s.ct, nil, &kms.ReEncryptOptions{Key: s.other})
		return err
	}, whenReadable, ""},
	{"ReEncrypt in place", func(s *subject) error { _, _, err := s.ReEncrypt(s.ctx, s.ct, nil, nil); return err }, whenEnabled, ""},
	{"DescribeKey", func(s *subject) error { _, err := s.DescribeKey(s.ctx, s.key); return err }, always, ""},
	{"DescribeKey by alias", func(s *subject) error { _, err := s.DescribeKey(s.ctx, s.alias); return err }, always, ""},
	{"Keys", func(s *subject) error {
		for key, err := range s.Keys(s.ctx, "") {
			if err != nil || key.ID == s.key {
				return err
			}
		}
		return errNotListed
	}, []error{nil, nil, nil, nil, nil, errNotListed}, ""},
	{"UpdateKey", func(s *subject) error {
		_, err := s.UpdateKey(s.ctx, s.key, &kms.UpdateKeyOptions{Tags: map[string]string{"a": "b"}})
		return err
	}, whenThere, ""},
	{"EnableKey", func(s *subject) error { return s.EnableKey(s.ctx, s.key) }, whenSwitched, kms.KeyStateEnabled},
	{"DisableKey", func(s *subject) error { return s.DisableKey(s.ctx, s.key) }, whenSwitched, kms.KeyStateDisabled},
	{"ArchiveKey", func(s *subject) error { return s.ArchiveKey(s.ctx, s.key) }, whenSwitched, kms.KeyStateArchived},
	{"ScheduleKeyDeletion", func(s *subject) error { _, err := s.ScheduleKeyDeletion(s.ctx, s.key, 0); return err }, whenStaying, kms.KeyStatePendingDeletion},
	{"CancelKeyDeletion", func(s *subject) error { return s.CancelKeyDeletion(s.ctx, s.key) }, whenDeleting, kms.KeyStateDisabled},
	{"ScheduleVersionDestruction", func(s *subject) error {
		_, err := s.ScheduleVersionDestruction(s.ctx, s.key, 1, 0)
		return err
	}, whenStaying, ""},
	{"CancelVersionDestruction", func(s *subject) error { return s.CancelVersionDestruction(s.ctx, s.key, 1) }, never, ""},
	{"CreateAlias", func(s *subject) error { return s.CreateAlias(s.ctx, "alias/new", s.key) }, whenStaying, ""},
	{"UpdateAlias to", func(s *subject) error { return s.UpdateAlias(s.ctx, "alias/other", s.key) }, whenStaying, ""},
	{"UpdateAlias from", func(s *subject) error { return s.UpdateAlias(s.ctx, s.alias, s.other) }, always, ""},
	{"DeleteAlias", func(s *subject) error { return s.DeleteAlias(s.ctx, s.alias) }, always, ""},
}

// Keys of the one origin or the other.
var (
	ownRows = []row{
		{"RotateKey", func(s *subject) error { _, err := s.RotateKey(s.ctx, s.key); return err }, whenEnabled, ""},
		{"ImportParameters", func(s *subject) error { _, err := s.ImportParameters(s.ctx, s.key, fastWrapping); return err }, never, ""},
		{"ImportKeyMaterial", func(s *subject) error { return s.ImportKeyMaterial(s.ctx, s.key, nil) }, never, ""},
		{"DeleteImportedKeyMaterial", func(s *subject) error { return s.DeleteImportedKeyMaterial(s.ctx, s.key) }, never, ""},
	}
	externalRows = []row{
		{"RotateKey", func(s *subject) error { _, err := s.RotateKey(s.ctx, s.key); return err },
			append([]error{kms.ErrInvalidState}, whenEnabled[1:]...), ""},
		{"UpdateKey, period", func(s *subject) error {
			period := 90 * day
			_, err := s.UpdateKey(s.ctx, s.key, &kms.UpdateKeyOptions{RotationPeriod: &period})
			return err
		}, []error{kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrInvalidState, kms.ErrKeyNotFound}, ""},
		{"ImportParameters", func(s *subject) error { _, err := s.ImportParameters(s.ctx, s.key, fastWrapping); return err }, whenStaying, ""},
		{"ImportKeyMaterial", func(s *subject) error { return s.importInto(s.same, false) }, whenStaying, "imported"},
		{"ImportKeyMaterial, new version", func(s *subject) error { return s.importInto(s.newVersion, true) }, whenEnabled, ""},
		{"DeleteImportedKeyMaterial", func(s *subject) error { return s.DeleteImportedKeyMaterial(s.ctx, s.key) }, whenStaying, kms.KeyStatePendingImport},
	}
)

func (s *subject) importInto(wrapped []byte, newVersion bool) error {
	opts := &kms.ImportKeyMaterialOptions{EncryptedMaterial: wrapped, NewVersion: newVersion}
	if s.parameters != nil {
		opts.Token = s.parameters.Token
	}
	return s.ImportKeyMaterial(s.ctx, s.key, opts)
}

// Every cell of the table of states and operations, on a memory store and on
// files, as a dry run and then for good.
func TestStates(t *testing.T) {
	for name, copier := range map[string]func(*testing.T, keystore.Store) func(*testing.T) keystore.Store{
		"memstore": copyOf,
		"filestore": func(t *testing.T, template keystore.Store) func(*testing.T) keystore.Store {
			files := t.TempDir()
			copyInto(t, template, openFiles(t, files))
			return func(t *testing.T) keystore.Store {
				dir := t.TempDir()
				must(t, os.CopyFS(dir, os.DirFS(files)))
				must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
					return errors.Join(err, os.Chmod(path, 0o700)) // CopyFS lets the group read
				}))
				return openFiles(t, dir)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			testStates(t, symmetricKind, kms.OriginKMS, ownRows, copier)
			testStates(t, symmetricKind, kms.OriginExternal, externalRows, copier)
		})
	}
}

// testStates tests a kind of one origin, to which further rows belong.
func testStates(t *testing.T, of kind, origin kms.Origin, further []row, copier func(*testing.T, keystore.Store) func(*testing.T) keystore.Store) {
	for i, state := range states {
		if origin == kms.OriginKMS && state == kms.KeyStatePendingImport {
			continue // no such thing
		}
		template, c := memstore.New(), newClock()
		s := newSubject(t, open(t, template, &kms.Options{Now: c.now}), c, of, origin, state)
		store := copier(t, template)
		for _, r := range append(slices.Clone(of.rows), further...) {
			t.Run(string(origin)+"/"+string(state)+"/"+r.name, func(t *testing.T) {
				testCell(t, store(t), *c, *s, state, r, r.want[i])
			})
		}
	}
}

// copyOf returns what makes copies of a store in memory.
func copyOf(_ *testing.T, template keystore.Store) func(*testing.T) keystore.Store {
	return func(t *testing.T) keystore.Store { return copyInto(t, template, memstore.New()) }
}

func openFiles(t *testing.T, dir string) keystore.Store {
	s, err := filestore.Open(dir, nil)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// copyInto puts all records of one store into another, at their revisions.
func copyInto(t *testing.T, from, to keystore.Store) keystore.Store {
	recs, err := from.List(t.Context(), "", "", keystore.MaxLimit)
	must(t, err)
	for _, rec := range recs {
		for rev := range rec.Rev {
			must(t, to.Put(t.Context(), keystore.Record{Key: rec.Key, Rev: rev + 1, Data: rec.Data}))
		}
	}
	return to
}

func testCell(t *testing.T, inner keystore.Store, c clock, s subject, state kms.KeyState, r row, wanted error) {
	store := faultstore.New(inner)
	k := open(t, store, &kms.Options{Now: c.now})
	s.KMS, s.ctx = k, t.Context()
	before, err := k.DescribeKey(s.ctx, s.key)
	must(t, err)
	if before.State != state {
		t.Fatalf("the key is %s", before.State)
	}
	writes := store.Calls("Put") + store.Calls("Delete")
	dry := s
	dry.KMS = k.DryRun()
	wantDry := wanted
	if wanted == nil || wanted == errNotListed {
		wantDry = kms.ErrDryRun
	}
	if err := r.call(&dry); !errors.Is(err, wantDry) {
		t.Errorf("dry run: %v, want %v", err, wantDry)
	}
	if n := store.Calls("Put") + store.Calls("Delete") - writes; n > 0 {
		t.Errorf("a dry run wrote %d times", n)
	}
	if err := r.call(&s); !errors.Is(err, wanted) {
		t.Errorf("%v, want %v", err, wanted)
	}
	after, err := k.DescribeKey(s.ctx, s.key)
	must(t, err)
	if wanted != nil {
		if n := store.Calls("Put") + store.Calls("Delete") - writes; n > 0 || !reflect.DeepEqual(before, after) {
			t.Errorf("a refused call wrote %d times: %+v, was %+v", n, after, before)
		}
		return
	}
	becomes := r.becomes
	switch {
	case becomes == "imported" && state == kms.KeyStatePendingImport:
		becomes = kms.KeyStateEnabled
	case becomes == "" || becomes == "imported":
		becomes = state
	}
	if after.State != becomes {
		t.Errorf("the key is %s, want %s", after.State, becomes)
	}
}
