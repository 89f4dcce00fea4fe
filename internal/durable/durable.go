// Package durable writes files that survive a crash of the process and the
// loss of power: whole or not at all, and once a call returns nil, for good.
//
// A file gets its bytes under a temporary name beside its final one and is
// fsynced before it takes that name, since file systems may order the two
// otherwise and leave an empty file after a power cut; then its directory is
// fsynced, since the name itself is data of the directory.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// TempPrefix begins the name of every temporary file. One that a crash left
// behind may be removed by whoever knows that no writer is at work.
const TempPrefix = ".tmp-"

// ErrSync says that an fsync failed. The kernel may have dropped what it could
// not write and report the next fsync as a success, so a retry proves nothing:
// open the file again and look.
var ErrSync = errors.New("fsync failed")

// Create writes data to a new file at path with mode 0600. If path exists it is
// left as it is and the error matches fs.ErrExist; any other error leaves no
// file there or the whole of it. It is exclusive among all who call it.
//
// A file found in place of the new one may be the work of a Create that has not
// returned yet, or never did: fsync its directory with SyncDir before relying
// on it.
func Create(path string, data []byte) error {
	return create(OS{}, path, data)
}

func create(fsys FS, path string, data []byte) error {
	dir := filepath.Dir(path)
	temp, err := WriteTemp(fsys, dir, data)
	if err != nil {
		return err
	}
	err = fsys.Link(temp, path)
	fsys.Remove(temp) // its second name now, or a file nobody needs
	if err != nil {
		return err
	}
	return SyncDir(fsys, dir)
}

// WriteTemp writes data to a new temporary file in dir, fsyncs it and returns
// its path. The caller gives it its final name with Link or Rename, and then
// calls SyncDir. On an error there is no file.
func WriteTemp(fsys FS, dir string, data []byte) (string, error) {
	path := filepath.Join(dir, TempPrefix+rand.Text())
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = syncFile(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fsys.Remove(path)
		return "", err
	}
	return path, nil
}

// SyncDir makes the names in dir durable: those that were created, replaced and
// removed, by any process. Where a system has no such call it does nothing.
func SyncDir(fsys FS, dir string) error {
	if !canSyncDir {
		return nil
	}
	d, err := fsys.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := syncFile(d); !noDirSync(err) {
		return err
	}
	return nil
}

// MkdirAll creates dir and the parents it lacks, durably and with mode 0700.
// What exists is left as it is.
func MkdirAll(fsys FS, dir string) error {
	parent := filepath.Dir(dir)
	err := fsys.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err = MkdirAll(fsys, parent); err == nil {
			err = fsys.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return SyncDir(fsys, parent)
}

func syncFile(f File) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrSync, err)
	}
	return nil
}
