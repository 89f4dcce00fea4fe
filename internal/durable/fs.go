package durable

import (
	"io"
	"io/fs"
	"os"
)

// An FS is the calls on files that durability depends on. OS is the real one;
// tests stand between to let each call fail.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Mkdir(name string, perm fs.FileMode) error
	ReadDir(name string) ([]fs.DirEntry, error)

	// Link gives the file oldname the name newname in the same directory, or
	// an error that matches fs.ErrExist if that is taken. Whether oldname is
	// still there afterwards depends on the system.
	Link(oldname, newname string) error

	// Rename is atomic: whoever opens newname gets the old file or the new.
	Rename(oldname, newname string) error
	Remove(name string) error
}

// A File is an open file or directory of an FS.
type File interface {
	io.ReadWriteCloser
	io.ReaderAt
	io.WriterAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Fd() uintptr // for TryLock and Unlock
}

var _ FS = OS{}

// OS is the operating system's files.
type OS struct{}

// OpenFile is os.OpenFile; on Windows, a file open for reading may be replaced
// and removed meanwhile, as it may elsewhere.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err // not a File that holds a nil *os.File
	}
	return f, nil
}

// Mkdir is os.Mkdir.
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// ReadDir is os.ReadDir.
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Link is link(2), or a rename that replaces nothing.
func (OS) Link(oldname, newname string) error { return link(oldname, newname) }

// Rename is os.Rename, through to the disk where the system can be told so.
func (OS) Rename(oldname, newname string) error { return rename(oldname, newname) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return remove(name) }
