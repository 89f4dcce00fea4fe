//go:build unix && !aix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A noLinks FS has no hard links, as FAT has none.
type noLinks struct{ OS }

func (noLinks) Link(oldname, newname string) error { return renameNew(oldname, newname) }

func createNoLinks(path string, data []byte) error { return create(noLinks{}, path, data) }

func TestRenameNew(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, path := range []string{from, to} {
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := renameNew(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	wantFile(t, to, to)
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", to); err != nil {
		t.Fatal(err)
	}
	if err := renameNew(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a symbolic link: %v", err)
	}
	if err := renameNew(from, filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "new", "to")
}

func TestNoDirSync(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, unix.EIO: false, unix.ENOSPC: false, unix.EINVAL: true, unix.ENOTSUP: true,
	} {
		if noDirSync(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
