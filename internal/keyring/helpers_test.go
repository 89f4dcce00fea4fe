package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// A testRoot is a root key of a chosen ID that counts what it is asked.
type testRoot struct {
	rootkey.Provider
	id             string
	wraps, unwraps atomic.Int64
	fail           error // of Wrap
}

// root returns a root key that is the same for the same secret.
func root(t testing.TB, id string, secret byte) *testRoot {
	t.Helper()
	p, err := rootkey.Static(bytes.Repeat([]byte{secret}, 32))
	must(t, err)
	return &testRoot{Provider: p, id: id}
}

func (r *testRoot) ID() string { return r.id }

func (r *testRoot) Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	r.wraps.Add(1)
	if r.fail != nil {
		return nil, r.fail
	}
	return r.Provider.Wrap(ctx, plaintext, aad)
}

func (r *testRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	r.unwraps.Add(1)
	return r.Provider.Unwrap(ctx, wrapped, aad)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A bench is a store whose keyring a test changes.
type bench struct {
	*faultstore.Store
	inner *memstore.Store
	w     *settle.Writer
	ring  *keyring.Ring // as it was last seen
}

// newBench returns a store with a new keyring under all roots.
func newBench(t testing.TB, roots ...rootkey.Provider) *bench {
	t.Helper()
	inner := memstore.New()
	s := faultstore.New(inner)
	b := &bench{Store: s, inner: inner, w: settle.NewWriter(s)}
	var err error
	b.ring, err = keyring.Open(t.Context(), b.w, roots[0], false, at)
	must(t, err)
	for _, r := range roots[1:] {
		b.ring, err = keyring.AddRoot(t.Context(), b.w, b.ring, roots[0], r)
		must(t, err)
	}
	return b
}

// record returns the keyring record as it is stored, whatever the faults.
func (b *bench) record(t testing.TB) keystore.Record {
	t.Helper()
	rec, err := b.inner.Get(context.Background(), keyring.Key)
	must(t, err)
	return rec
}

func (b *bench) rootIDs(t testing.TB) []string {
	t.Helper()
	ids, err := keyring.RootIDs(b.record(t))
	must(t, err)
	return ids
}

func (b *bench) load(t testing.TB, root rootkey.Provider) *keyring.Ring {
	t.Helper()
	ring, err := keyring.Load(t.Context(), b.record(t), root)
	must(t, err)
	return ring
}

// refused checks that a change ended with want, nothing returned and nothing
// written.
func (b *bench) refused(t *testing.T, want error, change func() (*keyring.Ring, error)) error {
	t.Helper()
	before, puts := b.record(t), b.Calls("Put")
	ring, err := change()
	if ring != nil || !errors.Is(err, want) {
		t.Errorf("%v, %v, want %v", ring, err, want)
	}
	b.unchanged(t, before, puts)
	return err
}

func (b *bench) unchanged(t *testing.T, before keystore.Record, puts int) {
	t.Helper()
	after := b.record(t)
	if after.Rev != before.Rev || !bytes.Equal(after.Data, before.Data) || b.Calls("Put") != puts {
		t.Error("something was written")
	}
}

// seal returns a record sealed by ring.
func seal(ring *keyring.Ring, body string) keystore.Record {
	return keystore.Record{Key: "key/a", Rev: 4, Data: ring.Seal("key/a", 4, []byte(body))}
}

// opens checks that ring opens what was sealed as body.
func opens(t *testing.T, ring *keyring.Ring, rec keystore.Record, body string) {
	t.Helper()
	if got, err := ring.Open(rec); err != nil || string(got) != body {
		t.Errorf("opens as %q, %v, want %q", got, err, body)
	}
}

// closed checks that ring does not have the version that rec is sealed under.
func closed(t *testing.T, ring *keyring.Ring, rec keystore.Record) {
	t.Helper()
	_, err := ring.Open(rec)
	if v, ok := errors.AsType[keyring.UnknownVersionError](err); !ok || ring.Has(v) {
		t.Errorf("%v, want an unknown version", err)
	}
}

func sameIDs(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("root IDs %q, want %q", got, want)
	}
}
