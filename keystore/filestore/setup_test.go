package filestore_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// needsModes skips a test of permission bits where there are none.
func needsModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits on Windows")
	}
}

// mkdir makes a directory of that mode, whatever the umask, with empty files in
// it; a name that ends in a slash is a folder.
func mkdir(t *testing.T, mode fs.FileMode, names ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	err := os.Mkdir(dir, 0o700)
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.Mkdir(filepath.Join(dir, name), 0o700))
		} else {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
	}
	if err = errors.Join(err, os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestModes(t *testing.T) {
	needsModes(t)
	dir := filepath.Join(t.TempDir(), "not/there/yet")
	s := openStore(t, dir)
	put(t, s, "key/a", 1, "v")
	put(t, s, "x", 1, "v")
	for name, want := range map[string]fs.FileMode{
		"../..": 0o700, "..": 0o700, ".": 0o700, "key": 0o700,
		"key/a": 0o600, "x.rec": 0o600, ".format": 0o600, ".lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %o", name, info.Mode(), err, want)
		}
	}
}

func TestOpenDirectory(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  fs.FileMode
		files []string
		want  string // in the error
	}{
		{"empty", 0o755, nil, ""},
		{"empty, private", 0o700, nil, ""},
		{"mount point", 0o700, []string{"lost+found/"}, ""},
		{"foreign files", 0o700, []string{"README", "notes.txt", ".git/", "Key/"}, ""},
		{"interrupted set-up", 0o700, []string{".lock", ".tmp-abc"}, ""},
		{"foreign files, not private", 0o755, []string{"README"}, "chmod 700"},
		{"group only", 0o710, []string{"README"}, "chmod 700"},
		{"folder of records", 0o700, []string{"key/"}, "has no .format, but contains key"},
		{"record", 0o700, []string{"x.rec"}, "restore the whole backup"},
		{"folder of records, not private", 0o755, []string{"key/"}, "restore the whole backup"},
	} {
		if runtime.GOOS == "windows" && c.want == "chmod 700" {
			continue
		}
		dir := mkdir(t, c.mode, c.files...)
		s, err := filestore.Open(dir, nil)
		if c.want != "" {
			text := fmt.Sprint(err)
			if !strings.Contains(text, c.want) || !strings.Contains(text, dir) {
				t.Errorf("%s: error %v, want %s: %s", c.name, err, dir, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		put(t, s, "key/a", 1, "v")
		s.Close()
		wantRecord(t, openStore(t, dir), "key/a", 1, "v")
		info, err := os.Stat(dir)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v", c.name, info.Mode(), err)
		}
	}
}

func TestOpenOther(t *testing.T) {
	if _, err := filestore.Open("", nil); err == nil {
		t.Error("opened no directory")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := filestore.Open(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a file: %v", err)
		}
	}
}

// TestOpenAccessible opens a store that somebody opened up for others.
func TestOpenAccessible(t *testing.T) {
	needsModes(t)
	dir := t.TempDir()
	openStore(t, dir).Close()
	for _, mode := range []fs.FileMode{0o701, 0o710, 0o740, 0o707, 0o770, 0o755} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := filestore.Open(dir, nil)
		if err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	openStore(t, dir)
}

func TestFormat(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	put(t, s, "key/a", 1, "v")
	s.Close()
	path := filepath.Join(dir, filestore.FormatName)
	const text = "github.com/embedkms/kms filestore, layout version 1\n"
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Fatalf("marker: %q, %v", b, err)
	}
	for marker, want := range map[string]string{
		strings.Replace(text, "1", "2", 1):   "newer version",
		strings.Replace(text, "1", "100", 1): "newer version",
		strings.Replace(text, "1", "0", 1):   "damaged",
		strings.Replace(text, "1", "", 1):    "damaged",
		"":                                   "damaged",
		"1":                                  "damaged",
		"\x00\x00\x00":                       "damaged",
		text + text:                          "damaged",
		strings.TrimSpace(text):              "",
		strings.TrimSpace(text) + "\r\n":     "",
	} {
		if err := os.WriteFile(path, []byte(marker), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := filestore.Open(dir, nil)
		if err == nil {
			s.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("marker %q: %v, want %q", marker, err, want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := filestore.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Errorf("marker lost: %v", err)
	}
}

// TestStaleTemps removes what crashed writers left, and nothing else.
func TestStaleTemps(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	put(t, s, "key/a", 1, "v")
	stale := []string{".tmp-1", "key/.tmp-2", "key/.tmp-3"}
	foreign := []string{"notes", "key/README", "key/.tmp", ".tmpfile"}
	for _, name := range append(stale, foreign...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := s.List(t.Context(), "", "", 10)
	if err != nil || len(page) != 1 {
		t.Errorf("List beside foreign files: %d records, %v", len(page), err)
	}
	openStore(t, dir)
	noTemps(t, dir)
	for _, name := range foreign {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	wantRecord(t, s, "key/a", 1, "v")
}

// TestOpenTogether has many open one empty directory at once.
func TestOpenTogether(t *testing.T) {
	for range 10 {
		dir := mkdir(t, 0o755)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				s, err := filestore.Open(dir, nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				r := keystore.Record{Key: "key/" + string(rune('a'+i)), Rev: 1, Data: []byte("v")}
				if err := s.Put(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		page, err := openStore(t, dir).List(t.Context(), "", "", 10)
		if err != nil || len(page) != 8 {
			t.Errorf("%d records, %v", len(page), err)
		}
		noTemps(t, dir)
	}
}

// TestMoved takes the directory away from under an open store: nothing in
// another directory, or none, may pass for an answer.
func TestMoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory in use cannot be moved on Windows")
	}
	for _, c := range []struct {
		name string
		move func(dir string) error
	}{
		{"moved", func(dir string) error { return os.Rename(dir, dir+"-old") }},
		{"replaced", func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-old"), os.Mkdir(dir, 0o700))
		}},
		{"replaced by a store", func(dir string) error {
			err := os.Rename(dir, dir+"-old")
			other, oerr := filestore.Open(dir, nil)
			if oerr == nil {
				other.Close()
			}
			return errors.Join(err, oerr)
		}},
		{"lock removed", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "key")),
				os.Remove(filepath.Join(dir, ".lock")))
		}},
	} {
		dir := filepath.Join(t.TempDir(), "store")
		s := openStore(t, dir)
		put(t, s, "key/a", 1, "v")
		if err := c.move(dir); err != nil {
			t.Fatal(err)
		}
		want := func(call string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), "open the store again") {
				t.Errorf("%s: %s: %v", c.name, call, err)
			}
		}
		_, err := s.Get(t.Context(), "key/a")
		want("Get", err)
		_, err = s.List(t.Context(), "", "", 1)
		want("List", err)
		want("create", s.Put(t.Context(), keystore.Record{Key: "key/b", Rev: 1, Data: []byte("v")}))
		want("Delete", s.Delete(t.Context(), "key/a", 1))
	}
}

// TestOpenWhileLocked waits for a writer that does not finish, but not for ever.
func TestOpenWhileLocked(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir).Close()
	release := holdLock(t, dir)
	opened := make(chan error, 1)
	go func() {
		s, err := filestore.Open(dir, nil)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	release()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// A folder of records behind a symbolic link would be there for Get and not for
// List, and so look like no records at all.
func TestSymlinkedFolder(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "store"), t.TempDir()
	s, err := filestore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err = os.Symlink(elsewhere, filepath.Join(dir, "key"))
	if runtime.GOOS == "windows" && err != nil {
		t.Skip("no privilege to make symbolic links")
	} else if err != nil {
		t.Fatal(err)
	}
	_, err = filestore.Open(dir, nil)
	if err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a folder behind a link: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Remove(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if s, err = filestore.Open(link, nil); err != nil { // the whole store may be elsewhere
		t.Fatal(err)
	}
	s.Close()
}
