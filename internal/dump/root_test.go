package dump_test

import (
	"bytes"
	"context"
	"crypto/fips140"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/dump"
	"github.com/embedkms/kms/rootkey"
)

// A fake is a root key that wraps by padding and remembers what it was lent.
type fake struct {
	id        string
	size      int // of a wrap
	wrapErr   error
	unwrapErr error
	cut       int // bytes that Unwrap loses

	dk, aad, unwrapped, unwrapAAD []byte
}

func (f *fake) ID() string { return f.id }

func (f *fake) Wrap(_ context.Context, plaintext, aad []byte) ([]byte, error) {
	f.dk, f.aad = plaintext, bytes.Clone(aad)
	return append(bytes.Clone(plaintext), make([]byte, f.size-len(plaintext))...), f.wrapErr
}

func (f *fake) Unwrap(_ context.Context, wrapped, aad []byte) ([]byte, error) {
	f.unwrapped, f.unwrapAAD = bytes.Clone(wrapped[:32-f.cut]), bytes.Clone(aad)
	return f.unwrapped, f.unwrapErr
}

func zero(b []byte) bool { return len(b) > 0 && bytes.Equal(b, make([]byte, len(b))) }

// The largest root key's ID and wrap, what the wrap is bound to, and that DK
// does not outlive the calls that had it.
func TestWrap(t *testing.T) {
	for _, f := range []*fake{
		{id: "r", size: 32}, {id: strings.Repeat("r", 255), size: 65535},
	} {
		data := write(t, f, samples(2)...)
		bound := append([]byte("kms-dump/v1"), data[:27+len(f.id)]...)
		got, err := read(t, bytes.NewReader(data), f)
		if err != nil || !slices.EqualFunc(got, samples(2), same) {
			t.Errorf("read %v, %v", got, err)
		}
		if !bytes.Equal(f.aad, bound) || !bytes.Equal(f.unwrapAAD, bound) {
			t.Errorf("bound to %q, then %q, want %q", f.aad, f.unwrapAAD, bound)
		}
		if !zero(f.dk) || !zero(f.unwrapped) {
			t.Errorf("DK is left: %x, %x", f.dk, f.unwrapped)
		}
	}
}

var errRoot = errors.New("root key out of reach")

func TestNewWriterErrors(t *testing.T) {
	for name, f := range map[string]*fake{
		"no ID":     {id: "", size: 32},
		"long ID":   {id: strings.Repeat("r", 256), size: 32},
		"long wrap": {id: "r", size: 65536},
		"error":     {id: "r", size: 32, wrapErr: errRoot},
	} {
		var out bytes.Buffer
		w, err := dump.NewWriter(t.Context(), &out, f, at)
		if w != nil || err == nil || errors.Is(err, errRoot) != (f.wrapErr != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if out.Len() > 0 || f.dk != nil && !zero(f.dk) {
			t.Errorf("%s: wrote %x, left %x", name, out.Bytes(), f.dk)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	data := write(t, &fake{id: "r", size: 48})
	for name, c := range map[string]struct {
		root *fake
		want error
	}{
		"other ID": {&fake{id: "s"}, rootkey.ErrWrongKey},
		"wrong":    {&fake{id: "r", unwrapErr: rootkey.ErrWrongKey}, rootkey.ErrWrongKey},
		"tampered": {&fake{id: "r", unwrapErr: rootkey.ErrTampered}, rootkey.ErrTampered},
		"outage":   {&fake{id: "r", unwrapErr: errRoot}, errRoot},
		"31 bytes": {&fake{id: "r", cut: 1}, dump.ErrDamaged},
	} {
		d, err := dump.Open(t.Context(), bytes.NewReader(data), c.root)
		if d != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.root.unwrapped != nil && !zero(c.root.unwrapped) {
			t.Errorf("%s: left %x", name, c.root.unwrapped)
		}
	}
}

// A root key without a name opens nothing, even if it has wrapped it.
func TestNoID(t *testing.T) {
	root := &fake{size: 32}
	f := newForger(t, root).last(0)
	if err := refuses(t, f.data, root, nil); err != dump.ErrDamaged {
		t.Error(err)
	}
}

// Whoever has several root keys is told which one to look for.
func TestWrongRoot(t *testing.T) {
	root := static(t, 1)
	err := refuses(t, write(t, root, samples(1)...), static(t, 2), nil)
	if !errors.Is(err, rootkey.ErrWrongKey) || !strings.Contains(err.Error(), root.ID()) {
		t.Error(err)
	}
}

func TestPassphrase(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("Argon2id is not approved")
	}
	passphrase := func(words string) rootkey.Provider {
		p, err := rootkey.Passphrase([]byte(words),
			&rootkey.PassphraseOptions{Memory: 19 << 10, Time: 1, Parallelism: 1})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	data := write(t, passphrase("right"), samples(3)...)
	got, err := read(t, bytes.NewReader(data), passphrase("right"))
	if err != nil || !slices.EqualFunc(got, samples(3), same) {
		t.Errorf("read %v, %v", got, err)
	}
	err = refuses(t, data, passphrase("wrong"), nil)
	if !errors.Is(err, rootkey.ErrWrongKey) {
		t.Error(err)
	}
}
