package filestore_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// The format is for ever: this file must be readable by every later version.
const golden = "6b6d7366696c6501" + "0000000000000007" + "72561899" + "7365616c6564"

func TestGolden(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	b, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	r := keystore.Record{Key: "key/a", Rev: 7, Data: []byte("sealed")}
	if file := filestore.Encode(r); !bytes.Equal(file, b) {
		t.Errorf("encoded %x, want %s", file, golden)
	}
	writeFile(t, filepath.Join(dir, "key", "a"), b)
	wantRecord(t, s, "key/a", 7, "sealed")
}

// TestPaths has each key in the file that the package documents.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	for key, path := range map[string]string{
		"x": "x.rec", "key/a": "key/a", "a/b/c": "a/b.c", "a/b": "a/b", "x/x": "x/x", "a-_/0/-": "",
	} {
		if path == "" {
			continue
		}
		put(t, s, key, 1, "v of "+key)
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil || !bytes.HasSuffix(b, []byte("v of "+key)) {
			t.Errorf("%s: %q, %v", key, b, err)
		}
	}
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamaged changes each byte of a file, cuts it everywhere and more. The
// record must be damaged, or of a newer format: never absent, never other data.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	put(t, s, "key/a", 1, "before")
	put(t, s, "key/b", 1, "v1")
	put(t, s, "key/b", 2, "some data")
	put(t, s, "key/c", 1, "after")
	path := filepath.Join(dir, "key", "b")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(dir, "key", "a"))
	if err != nil {
		t.Fatal(err)
	}

	damages := map[string][]byte{
		"another record": other,
		"empty":          {},
		"zeros":          make([]byte, len(good)),
		"longer":         append(bytes.Clone(good), 0),
		"twice":          append(bytes.Clone(good), good...),
		"no data":        filestore.Encode(keystore.Record{Key: "key/b", Rev: 2}),
		"revision 0":     filestore.Encode(keystore.Record{Key: "key/b", Data: []byte("v")}),
		"other key": filestore.Encode(
			keystore.Record{Key: "key/c", Rev: 2, Data: []byte("v")}),
		"too large": filestore.Encode(keystore.Record{Key: "key/b", Rev: 2,
			Data: make([]byte, keystore.MaxData+1)}),
		"huge": make([]byte, 4<<20),
	}
	for i := range good {
		damages["cut to "+string(rune('0'+i))] = good[:i]
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			damages["byte "+string(rune('0'+i))+" bit "+string(rune('0'+bit))] = b
		}
	}
	for name, b := range damages {
		writeFile(t, path, b)
		newer := len(b) >= filestore.HeaderSize && bytes.HasPrefix(b, good[:filestore.VersionAt]) &&
			b[filestore.VersionAt] > good[filestore.VersionAt]
		checkDamaged(t, name, s, newer)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, b) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	checkDamaged(t, "a folder", s, false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, good)
	wantRecord(t, s, "key/b", 2, "some data")
	put(t, s, "key/b", 3, "goes on")
}

// checkDamaged checks what a store says of the damaged record key/b.
func checkDamaged(t *testing.T, name string, s *filestore.Store, newer bool) {
	t.Helper()
	check := func(call string, err error) {
		t.Helper()
		switch {
		case newer:
			if !errors.Is(err, keystore.ErrTooNew) || errors.Is(err, keystore.ErrCorrupt) {
				t.Errorf("%s: %s: %v, want %v", name, call, err, keystore.ErrTooNew)
			}
		case !errors.Is(err, keystore.ErrCorrupt):
			t.Errorf("%s: %s: %v, want %v", name, call, err, keystore.ErrCorrupt)
		}
		if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrConflict) {
			t.Errorf("%s: %s: %v", name, call, err)
		}
	}
	r, err := s.Get(t.Context(), "key/b")
	check("Get", err)
	if r.Data != nil || r.Rev != 0 {
		t.Errorf("%s: Get returned revision %d, %q", name, r.Rev, r.Data)
	}
	for _, rev := range []uint64{1, 2, 3} {
		check("Put", s.Put(t.Context(), keystore.Record{Key: "key/b", Rev: rev, Data: []byte("v")}))
		check("Delete", s.Delete(t.Context(), "key/b", rev))
	}
	page, err := s.List(t.Context(), "key/", "", 10)
	if err != nil || len(page) != 3 || page[1].Key != "key/b" || page[1].Rev != 0 ||
		page[1].Data != nil || string(page[0].Data) != "before" || string(page[2].Data) != "after" {
		t.Errorf("%s: List: %v, %v", name, page, err)
	}
}
