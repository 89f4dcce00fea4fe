package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// TestCheck has Check name what Open would refuse.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(dir string) error
		want  string // in the error
	}{
		{"nothing", func(string) error { return nil }, ""},
		{"foreign files", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "README"), nil, 0o600), os.Mkdir(filepath.Join(dir, "Key"), 0o700))
		}, ""},
		{"not private", func(dir string) error { return os.Chmod(dir, 0o750) }, "chmod 700"},
		{"link", func(dir string) error { return os.Symlink(dir, filepath.Join(dir, "alias")) }, "symbolic link"},
		{"no marker", func(dir string) error { return os.Remove(filepath.Join(dir, filestore.FormatName)) }, "restore it"},
		{"damaged marker", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, filestore.FormatName), nil, 0o600)
		}, "is damaged"},
		{"temporary file", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "key", ".tmp-x"), nil, 0o600)
		}, keystore.ErrLeftover.Error()},
	} {
		if runtime.GOOS == "windows" && (c.name == "not private" || c.name == "link") {
			continue
		}
		dir := t.TempDir()
		s := openStore(t, dir)
		put(t, s, "key/a", 1, "v")
		if err := c.plant(dir); err != nil {
			t.Fatal(err)
		}
		found := s.Check(t.Context())
		if text := fmt.Sprint(found); len(found) > 1 || (c.want == "") != (len(found) == 0) || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v, want %q", c.name, found, c.want)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		wantRecord(t, s, "key/a", 1, "v")
		s.Close()
		if found := s.Check(t.Context()); len(found) != 1 || found[0] != keystore.ErrClosed {
			t.Errorf("%s: after Close: %v", c.name, found)
		}
	}
}

// TestCheckBesideWriters takes no file of a writer at work for a leftover.
func TestCheckBesideWriters(t *testing.T) {
	dir := t.TempDir()
	s, other := openStore(t, dir), openStore(t, dir)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for rev := uint64(1); rev <= 300; rev++ {
			if err := s.Put(t.Context(), keystore.Record{Key: "key/a", Rev: rev, Data: []byte("v")}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
		}
		if found := other.Check(t.Context()); len(found) > 0 {
			t.Fatal(found)
		}
	}
}

// TestCheckWhileLocked returns when its ctx ends.
func TestCheckWhileLocked(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := os.WriteFile(filepath.Join(dir, ".tmp-x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer holdLock(t, dir)()
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	found := s.Check(ctx)
	if len(found) != 1 || !errors.Is(found[0], context.DeadlineExceeded) {
		t.Error(found)
	}
}
