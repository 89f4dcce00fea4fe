package durable

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// NTFS journals its names and has no fsync of a directory: MoveFileEx writes
// them through instead.
const canSyncDir = false

func noDirSync(error) bool { return false }

// openFile opens with FILE_SHARE_DELETE what is only read, which os.OpenFile
// does not: without it a reader would make every rename to that name fail.
func openFile(name string, flag int, perm fs.FileMode) (f *os.File, err error) {
	err = retry(func() error {
		if flag != os.O_RDONLY {
			f, err = os.OpenFile(name, flag, perm)
			return err
		}
		f, err = openShared(name)
		return err
	})
	return f, err
}

func openShared(name string) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(p, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING,
		windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

func link(oldname, newname string) error {
	return move(oldname, newname, windows.MOVEFILE_WRITE_THROUGH)
}

func rename(oldname, newname string) error {
	return move(oldname, newname, windows.MOVEFILE_WRITE_THROUGH|windows.MOVEFILE_REPLACE_EXISTING)
}

func remove(name string) error {
	return retry(func() error { return os.Remove(name) })
}

func move(oldname, newname string, flags uint32) error {
	from, err := windows.UTF16PtrFromString(oldname)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	to, err := windows.UTF16PtrFromString(newname)
	if err == nil {
		err = retry(func() error { return windows.MoveFileEx(from, to, flags) })
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

// retry calls f again, for up to about 80 ms, while another program, such as a
// virus scanner or a reader about to close, holds the file for itself.
func retry(f func() error) error {
	wait := time.Millisecond
	for {
		err := f()
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) ||
			errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || wait > 40*time.Millisecond {
			return err
		}
		time.Sleep(wait)
		wait *= 2
	}
}

// TryLock locks f, open for writing, against all other opened files of the same
// name, in any process. It reports false, at once, if another holds the lock.
// Closing f, and the end of the process however it comes, unlock it.
func TryLock(f File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, lockRange())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}

// Unlock ends TryLock.
func Unlock(f File) error {
	err := windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockRange())
	return os.NewSyscallError("UnlockFileEx", err)
}

// lockRange begins far behind any content: a locked range cannot be read.
func lockRange() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }
