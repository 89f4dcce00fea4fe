package dump_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/dump"
	"github.com/embedkms/kms/internal/xgcm"
	"github.com/embedkms/kms/rootkey"
)

// A forger writes dumps as the package comment describes them, and those that
// no Writer writes: it shares no code with it but the AEAD.
type forger struct {
	data  []byte
	key   *xgcm.Key
	index uint64
}

func newForger(t testing.TB, root rootkey.Provider) *forger {
	t.Helper()
	dk := bytes.Repeat([]byte{9}, 32)
	h := append([]byte{0xD4, 1}, "sixteen bytes ID"...)
	h = binary.BigEndian.AppendUint64(h, uint64(at.UnixMilli()))
	h = append(append(h, byte(len(root.ID()))), root.ID()...)
	wrapped, err := root.Wrap(t.Context(), dk, append([]byte("kms-dump/v1"), h...))
	if err != nil {
		t.Fatal(err)
	}
	h = append(binary.BigEndian.AppendUint16(h, uint16(len(wrapped))), wrapped...)
	sum := sha256.Sum256(h)
	key, err := hkdf.Key(sha256.New, dk, []byte("kms-dump/v1"), string(sum[:]), 32)
	if err != nil {
		t.Fatal(err)
	}
	return &forger{data: h, key: xgcm.NewKey((*[32]byte)(key))}
}

// frame appends a frame.
func (f *forger) frame(kind byte, plain []byte) *forger {
	aad := append(binary.BigEndian.AppendUint64(nil, f.index), kind)
	n := uint32(24 + len(plain) + 16)
	f.data = binary.BigEndian.AppendUint32(f.data, uint32(kind)<<24|n)
	f.data = f.key.Seal(f.data, plain, aad)
	f.index++
	return f
}

// skip makes the next frame that of a later place.
func (f *forger) skip() *forger { f.index++; return f }

func (f *forger) entry(name string, body []byte) *forger {
	return f.frame(1, slices.Concat([]byte{byte(len(name))}, []byte(name), body))
}

func (f *forger) last(n uint64) *forger {
	return f.frame(2, binary.BigEndian.AppendUint64(nil, n))
}

// The dump that the package comment describes is the one that is read.
func TestReference(t *testing.T) {
	root := static(t, 1)
	f := newForger(t, root).entry("key/0", nil).entry("", []byte("body")).last(2)
	got, err := read(t, bytes.NewReader(f.data), root)
	want := []dump.Entry{{Name: "key/0"}, {Body: []byte("body")}}
	if err != nil || !slices.EqualFunc(got, want, same) {
		t.Errorf("read %v, %v", got, err)
	}
}

// Frames that are genuine but not what a Writer writes: somebody who has the
// root key, or an error in a Writer.
func TestForged(t *testing.T) {
	root := static(t, 1)
	ok := dump.Entry{Name: "key/0", Body: []byte("body")}
	zeros := make([]byte, dump.MaxBody+256)
	type f = *forger
	for name, forge := range map[string]func(f f) f{
		"count too low":        func(f f) f { return f.last(0) },
		"count too high":       func(f f) f { return f.last(2) },
		"count of 7 bytes":     func(f f) f { return f.frame(2, make([]byte, 7)) },
		"count of 9 bytes":     func(f f) f { return f.frame(2, append(make([]byte, 8), 1)) },
		"no last frame":        func(f f) f { return f },
		"gap":                  func(f f) f { return f.skip().last(2) },
		"two last frames":      func(f f) f { return f.last(1).last(2) },
		"entry behind the end": func(f f) f { return f.last(1).entry("a", nil) },
		"kind 0":               func(f f) f { return f.frame(0, []byte{0}).last(2) },
		"kind 3":               func(f f) f { return f.frame(3, []byte{0}).last(2) },
		"no name":              func(f f) f { return f.frame(1, nil).last(2) },
		"name cut":             func(f f) f { return f.frame(1, []byte("\x02a")).last(2) },
		"body too long":        func(f f) f { return f.entry("", zeros[:dump.MaxBody+1]).last(2) },
		"frame too long":       func(f f) f { return f.entry("", zeros).last(2) },
	} {
		f := forge(newForger(t, root).entry(ok.Name, ok.Body))
		if err := refuses(t, f.data, root, []dump.Entry{ok}); err != dump.ErrDamaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is not a header, or one of a newer version.
func TestHeaders(t *testing.T) {
	root := static(t, 1)
	edit := func(i int, b byte) []byte {
		data := write(t, root)
		data[i] = b
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty":      {nil, dump.ErrDamaged},
		"no dump":    {edit(0, 0xD0), dump.ErrDamaged},
		"short":      {[]byte{0xD4, 2}, dump.ErrDamaged},
		"suite 2":    {edit(1, 2), dump.ErrTooNew},
		"suite 0":    {edit(1, 0), dump.ErrTooNew},
		"created":    {edit(18, 1), rootkey.ErrTampered},
		"no root ID": {edit(26, 0), dump.ErrDamaged},
		"root ID":    {edit(27, 'K'), rootkey.ErrWrongKey},
	} {
		if err := refuses(t, c.data, root, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
