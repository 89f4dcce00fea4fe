//go:build unix && !aix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const canSyncDir = true

// noDirSync reports whether err says that this file system cannot fsync a
// directory, as some do that are not local. Nothing more can be done there.
func noDirSync(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)
}

func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }

func remove(name string) error { return os.Remove(name) }

func link(oldname, newname string) error {
	err := os.Link(oldname, newname)
	for _, unsupported := range []error{unix.EPERM, unix.ENOTSUP, unix.EOPNOTSUPP, unix.ENOSYS} {
		if errors.Is(err, unsupported) {
			return renameNew(oldname, newname)
		}
	}
	return err
}

// renameNew is link for a file system without hard links, such as FAT. A rename
// would overwrite, so looking first and renaming then must be one step among
// all who call it: a lock on the directory makes it one, and ends with the
// process.
func renameNew(oldname, newname string) error {
	dir, err := os.Open(filepath.Dir(newname))
	if err != nil {
		return err
	}
	defer dir.Close() // and unlock
	if err := flock(dir, unix.LOCK_EX); err != nil {
		return &os.PathError{Op: "flock", Path: dir.Name(), Err: err}
	}
	switch _, err := os.Lstat(newname); {
	case err == nil:
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: unix.EEXIST}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.Rename(oldname, newname)
}

// TryLock locks f, open for writing, against all other opened files of the same
// name, in any process. It reports false, at once, if another holds the lock.
// Closing f, and the end of the process however it comes, unlock it.
func TryLock(f File) (bool, error) {
	switch err := flock(f, unix.LOCK_EX|unix.LOCK_NB); {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	default:
		return false, os.NewSyscallError("flock", err)
	}
}

// Unlock ends TryLock.
func Unlock(f File) error {
	return os.NewSyscallError("flock", flock(f, unix.LOCK_UN))
}

func flock(f interface{ Fd() uintptr }, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
