//go:build !windows && (!unix || aix)

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

const canSyncDir = false

func noDirSync(error) bool { return false }

func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func link(oldname, newname string) error { return os.Link(oldname, newname) }

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }

func remove(name string) error { return os.Remove(name) }

// TryLock returns an error: this system has no lock that ends with its process.
func TryLock(File) (bool, error) {
	return false, fmt.Errorf("file locks on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Unlock ends TryLock.
func Unlock(File) error { return nil }
