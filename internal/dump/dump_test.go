package dump_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/dump"
	"github.com/embedkms/kms/rootkey"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// static returns a root key that is the same for the same n.
func static(t testing.TB, n byte) rootkey.Provider {
	t.Helper()
	p, err := rootkey.Static(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// samples returns n small entries, the first of which has an empty body.
func samples(n int) []dump.Entry {
	entries := make([]dump.Entry, n)
	for i := range entries {
		entries[i] = dump.Entry{
			Name: fmt.Sprintf("key/%d", i),
			Body: bytes.Repeat([]byte{0xA0 + byte(i)}, i%7),
		}
	}
	return entries
}

// write returns the dump of entries under root.
func write(t testing.TB, root rootkey.Provider, entries ...dump.Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := writeTo(t, &out, root, entries); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeTo(
	t testing.TB, out io.Writer, root rootkey.Provider, entries []dump.Entry,
) error {
	w, err := dump.NewWriter(t.Context(), out, root, at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			return err
		}
	}
	return w.Close()
}

// read opens a dump and makes one pass.
func read(t testing.TB, r io.ReadSeeker, root rootkey.Provider) ([]dump.Entry, error) {
	t.Helper()
	d, err := dump.Open(t.Context(), r, root)
	if err != nil {
		if d != nil {
			t.Error("a dump beside an error")
		}
		return nil, err
	}
	return collect(d)
}

// collect makes a pass and returns copies of what it yields.
func collect(d *dump.Dump) (entries []dump.Entry, err error) {
	for e, err := range d.Entries() {
		if err != nil {
			return entries, err
		}
		entries = append(entries, dump.Entry{Name: e.Name, Body: bytes.Clone(e.Body)})
	}
	return entries, nil
}

func same(a, b dump.Entry) bool { return a.Name == b.Name && bytes.Equal(a.Body, b.Body) }

// isPrefix says whether got are the first of the entries.
func isPrefix(got, entries []dump.Entry) bool {
	return len(got) <= len(entries) && slices.EqualFunc(got, entries[:len(got)], same)
}

// refuses checks that data is no dump, and that nothing is read from it but the
// first of the entries.
func refuses(t testing.TB, data []byte, root rootkey.Provider, entries []dump.Entry) error {
	t.Helper()
	got, err := read(t, bytes.NewReader(data), root)
	if err == nil || !isPrefix(got, entries) {
		t.Fatalf("read %d entries %v, %v", len(got), got, err)
	}
	return err
}

func TestRoundTrip(t *testing.T) {
	root := static(t, 1)
	longest := dump.Entry{
		Name: string(bytes.Repeat([]byte{'n'}, dump.MaxName)),
		Body: bytes.Repeat([]byte{'b'}, dump.MaxBody),
	}
	for name, entries := range map[string][]dump.Entry{
		"0":    nil,
		"1":    samples(1),
		"1000": samples(1000),
		"sizes": {
			{Name: "", Body: nil}, {Name: "a", Body: []byte{1}}, longest, {Name: "b"}, longest,
			{Name: "c", Body: longest.Body[1:]}, {Name: "a", Body: []byte{1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := write(t, root, entries...)
			d, err := dump.Open(t.Context(), bytes.NewReader(data), root)
			if err != nil || !d.Created().Equal(at) || d.Created().Location() != time.UTC {
				t.Fatalf("created %v, %v", d, err)
			}
			for range 2 {
				got, err := collect(d)
				if err != nil || !slices.EqualFunc(got, entries, same) {
					t.Errorf("read %d entries, %v", len(got), err)
				}
			}
		})
	}
}

// A dump may stand anywhere in what is read, up to the end of it.
func TestPosition(t *testing.T) {
	root := static(t, 1)
	r := bytes.NewReader(append([]byte("before"), write(t, root, samples(3)...)...))
	if _, err := r.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, r, root); err != nil || !slices.EqualFunc(got, samples(3), same) {
		t.Errorf("read %v, %v", got, err)
	}
}

// A pass that is given up yields nothing more, and the next one yields all.
func TestStop(t *testing.T) {
	root := static(t, 1)
	d, err := dump.Open(t.Context(), bytes.NewReader(write(t, root, samples(3)...)), root)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	d.Entries()(func(dump.Entry, error) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("%d calls after one that said no", calls)
	}
	if got, err := collect(d); err != nil || len(got) != 3 {
		t.Errorf("read %v, %v", got, err)
	}
}

// A Writer that has refused an entry, or is closed, writes no more.
func TestFinal(t *testing.T) {
	root := static(t, 1)
	for name, e := range map[string]dump.Entry{
		"name": {Name: string(make([]byte, dump.MaxName+1))},
		"body": {Name: "key/1", Body: make([]byte, dump.MaxBody+1)},
	} {
		var out bytes.Buffer
		w, _ := dump.NewWriter(t.Context(), &out, root, at)
		refused := w.Add(e)
		if refused == nil || w.Add(dump.Entry{}) != refused || w.Close() != refused {
			t.Errorf("%s: %v", name, refused)
		}
		refuses(t, out.Bytes(), root, nil)
	}
	var out bytes.Buffer
	w, _ := dump.NewWriter(t.Context(), &out, root, at)
	if err := errors.Join(w.Add(samples(1)[0]), w.Close()); err != nil {
		t.Fatal(err)
	}
	if w.Add(dump.Entry{}) == nil || w.Close() == nil {
		t.Error("a closed dump takes more")
	}
	if got, err := read(t, bytes.NewReader(out.Bytes()), root); err != nil || len(got) != 1 {
		t.Errorf("read %v, %v", got, err)
	}
}
