package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

var update = flag.Bool("update", false, "write golden files that do not exist")

var at = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// root returns a root key that is the same for the same n.
func root(t testing.TB, n byte) rootkey.Provider {
	t.Helper()
	p, err := rootkey.Static(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustOpen(t testing.TB, s keystore.Store, r rootkey.Provider) *Ring {
	t.Helper()
	ring, err := Open(context.Background(), settle.NewWriter(s), r, false, at)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// sample returns a ring of two storage key versions and its record, wrapped by
// the given roots.
func sample(t testing.TB, roots ...rootkey.Provider) (*Ring, keystore.Record) {
	t.Helper()
	ring := newRing(at)
	ring.storage = append(ring.storage, &storageKey{version: 3, createdAt: at, key: [32]byte{7}})
	kk := [32]byte{1, 2, 3}
	var wrappings []wrapping
	for _, r := range roots {
		wrapped, err := r.Wrap(context.Background(), kk[:], wrapBound(ring.storeID, r.ID()))
		if err != nil {
			t.Fatal(err)
		}
		wrappings = append(wrappings, wrapping{r.ID(), wrapped})
	}
	head, err := marshalHead(ring.storeID, wrappings)
	if err != nil {
		t.Fatal(err)
	}
	const rev = 2
	return ring, keystore.Record{Key: Key, Rev: rev, Data: ring.sealBody(&kk, head, rev)}
}

const goldenPath = "testdata/keyring.hex"

// The golden keyring opens for as long as format v1 does.
func TestGolden(t *testing.T) {
	if _, err := os.Stat(goldenPath); *update && errors.Is(err, os.ErrNotExist) {
		ring, rec := sample(t, root(t, 1), root(t, 2))
		text := fmt.Sprintf("# Keyring, format v1: revision 2, storage key versions 1 and 3,\n"+
			"# wrapped by the static root keys 01×32 and 02×32; then its body.\n\n%x\n%x\n",
			rec.Data, ring.marshalBody())
		if err := os.WriteFile(goldenPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, body := golden(t)
	for n := range byte(2) {
		sealed, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		kk, err := sealed.wrappings.unwrap(t.Context(), sealed.storeID, root(t, n+1))
		if err != nil {
			t.Fatal(err)
		}
		ring, err := sealed.open(kk, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := ring.marshalBody(); !bytes.Equal(got, body) {
			t.Errorf("marshals to %x, want %x", got, body)
		}
		if len(ring.storage) != 2 || ring.storage[1].version != 3 ||
			!ring.storage[0].createdAt.Equal(at) {
			t.Errorf("storage %+v", ring.storage)
		}
		head, err := marshalHead(ring.storeID, sealed.wrappings)
		if err != nil || !bytes.Equal(head, sealed.head) {
			t.Errorf("head marshals to %x, %v", head, err)
		}
	}
}

func golden(t *testing.T) (data, body []byte) {
	t.Helper()
	text, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "\n\n")
	fields := strings.Fields(lines)
	if len(fields) != 2 {
		t.Fatalf("%d lines, want 2", len(fields))
	}
	if data, err = hex.DecodeString(fields[0]); err != nil {
		t.Fatal(err)
	}
	if body, err = hex.DecodeString(fields[1]); err != nil {
		t.Fatal(err)
	}
	return data, body
}

// What one opening of a store seals, any other opens, under either storage key.
func TestSealOpen(t *testing.T) {
	_, rec := sample(t, root(t, 1))
	a, err := Load(t.Context(), rec, root(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load(t.Context(), rec, root(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	sealed := a.Seal("key/a", 5, []byte("body"))
	if v, _ := record.StorageVersion(sealed); v != 3 {
		t.Errorf("sealed under version %d, want the last", v)
	}
	if got, err := b.Open(keystore.Record{Key: "key/a", Rev: 5, Data: sealed}); string(got) != "body" {
		t.Errorf("%q, %v", got, err)
	}
	old := a.sealers[1].Seal("key/a", 5, []byte("old"))
	if got, err := b.Open(keystore.Record{Key: "key/a", Rev: 5, Data: old}); string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	old[5] = 2
	_, err = b.Open(keystore.Record{Key: "key/a", Rev: 5, Data: old})
	if v, ok := errors.AsType[UnknownVersionError](err); !ok || v != 2 {
		t.Error(err)
	}
	if a.AliasKey("orders") != b.AliasKey("orders") || a.AliasKey("orders") == a.AliasKey("order") {
		t.Error("alias keys")
	}
	if err := keystore.CheckKey(a.AliasKey(strings.Repeat("x", 250))); err != nil {
		t.Error(err)
	}
	for _, s := range a.storage {
		if s.key != [32]byte{} {
			t.Error("a storage key was not cleared")
		}
	}
}

// Every bit of a keyring flipped gives one of three errors, by where it is; no
// truncation opens, nor another revision.
func TestTamper(t *testing.T) {
	r := root(t, 1)
	_, rec := sample(t, r)
	sealed, err := parse(rec.Data)
	if err != nil {
		t.Fatal(err)
	}
	idAt := 2 + 16 + 1 + 1
	wrapAt := idAt + len(r.ID()) + 2
	bodyAt := len(sealed.head)
	for bit := range len(rec.Data) * 8 {
		bad := rec
		bad.Data = bytes.Clone(rec.Data)
		bad.Data[bit/8] ^= 1 << (bit % 8)
		ring, err := Load(t.Context(), bad, r)
		if ring != nil {
			t.Fatalf("bit %d: opened", bit)
		}
		want := []error{record.ErrTampered, ErrWrongRoot} // lengths move everything
		switch i := bit / 8; {
		case i < 2:
			want = []error{record.ErrFormatTooNew}
		case i < 18: // the store ID is what the wrapping is bound to
			want = []error{record.ErrTampered}
		case idAt <= i && i < idAt+len(r.ID()):
			want = []error{ErrWrongRoot}
		case wrapAt <= i && i < wrapAt+2: // its own format
			want = []error{record.ErrFormatTooNew, ErrWrongRoot}
		case wrapAt+2 <= i && i < wrapAt+2+32: // its commitment
			want = []error{ErrWrongRoot}
		case wrapAt+2+32 <= i && i < bodyAt, bodyAt <= i:
			want = []error{record.ErrTampered}
		}
		if !slices.ContainsFunc(want, func(e error) bool { return errors.Is(err, e) }) {
			t.Fatalf("bit %d of byte %d: %v, want one of %v", bit%8, bit/8, err, want)
		}
	}
	for n := range rec.Data {
		cut := rec
		cut.Data = rec.Data[:n]
		if ring, err := Load(t.Context(), cut, r); ring != nil || !errors.Is(err, record.ErrTampered) {
			t.Fatalf("cut to %d: %v, %v", n, ring, err)
		}
	}
	for _, rev := range []uint64{1, 3} {
		other := rec
		other.Rev = rev
		if _, err := Load(t.Context(), other, r); !errors.Is(err, record.ErrTampered) {
			t.Errorf("revision %d: %v", rev, err)
		}
	}
	if _, err := Load(t.Context(), rec, r); err != nil {
		t.Error(err)
	}
}

// A keyring that comes between looking for it and looking for records, with
// the records, is no sign of tampering.
func TestKeyringAppears(t *testing.T) {
	inner := memstore.New()
	s := faultstore.New(inner)
	var once sync.Once
	s.Block = func(_ context.Context, c faultstore.Call) {
		if c.Method != "List" {
			return
		}
		once.Do(func() {
			ring := mustOpen(t, inner, root(t, 1))
			rec := keystore.Record{Key: "key/a", Rev: 1, Data: ring.Seal("key/a", 1, []byte("x"))}
			if err := inner.Put(context.Background(), rec); err != nil {
				t.Error(err)
			}
		})
	}
	ring := mustOpen(t, s, root(t, 1))
	if ring.AliasKey("a") != mustOpen(t, inner, root(t, 1)).AliasKey("a") {
		t.Error("two keyrings")
	}
}

// A badRoot is one whose ID or results are out of the contract.
type badRoot struct {
	rootkey.Provider
	id   string
	keep int // bytes of what it unwraps
	wrap int // bytes of what it wraps
}

func (r badRoot) ID() string { return r.id }

func (r badRoot) Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	if r.wrap > 0 {
		return make([]byte, r.wrap), nil
	}
	return r.Provider.Wrap(ctx, plaintext, aad)
}

func (r badRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	b, err := r.Provider.Unwrap(ctx, wrapped, aad)
	return b[:min(len(b), r.keep)], err
}

func TestBadRoots(t *testing.T) {
	for name, c := range map[string]struct {
		root badRoot
		want error
	}{
		"no ID":      {badRoot{id: ""}, ErrRootUnavailable},
		"long ID":    {badRoot{id: strings.Repeat("x", 256)}, ErrRootUnavailable},
		"long wrap":  {badRoot{id: "x", wrap: 1 << 16}, ErrRootUnavailable},
		"short key":  {badRoot{id: "x", keep: 31}, record.ErrTampered},
		"no key":     {badRoot{id: "x"}, record.ErrTampered},
		"other wrap": {badRoot{id: "x", wrap: 100, keep: 32}, record.ErrFormatTooNew},
	} {
		c.root.Provider = root(t, 1)
		s := memstore.New()
		ring, err := Open(t.Context(), settle.NewWriter(s), c.root, false, at)
		if ring != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, ring, err, c.want)
		}
	}
}

func FuzzKeyring(f *testing.F) {
	_, rec := sample(f, root(f, 1), root(f, 2))
	f.Add(rec.Data)
	f.Add(rec.Data[:60])
	f.Add([]byte{format, suite})
	r := root(f, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		sealed, err := parse(data)
		if err == nil {
			head, err := marshalHead(sealed.storeID, sealed.wrappings)
			if err != nil || !bytes.Equal(append(head, sealed.sealed...), data) {
				t.Fatalf("%x is read as %x", data, head)
			}
			_, err = Load(t.Context(), keystore.Record{Key: Key, Rev: 2, Data: data}, r)
			if err == nil {
				return // this process's own, or another's of the same root
			}
		}
		documented := []error{record.ErrTampered, record.ErrFormatTooNew, ErrWrongRoot}
		is := func(e error) bool { return errors.Is(err, e) }
		if err != nil && !slices.ContainsFunc(documented, is) {
			t.Fatal(err)
		}
	})
}
