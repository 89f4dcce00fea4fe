package rootkey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/embedkms/kms/internal/durable"
)

// FileOptions are the optional inputs of File; nil is all defaults.
type FileOptions struct {
	// Create makes a key of 32 random bytes if there is no file. Without it a
	// missing file is an error that wraps fs.ErrNotExist, which is what a
	// service wants whose store exists: a new key would not open it.
	Create bool
}

// File returns the root whose key is in the file at path: exactly 32 raw bytes,
// neither hexadecimal nor base64, and no newline, as this makes them:
//
//	(umask 077; head -c 32 /dev/urandom > root.key)
//
// The file is read once, by File itself. It must be a regular file, or a
// symbolic link to one, which grants its group and others nothing. In a
// Kubernetes secret volume that takes defaultMode 0400 and no fsGroup, which
// would add the group; where that cannot be, read the secret and use Static. On
// Windows, where a file has no such mode, restricting its access control list
// is up to the caller.
//
// With Create the file appears whole or not at all, with mode 0600, in a
// directory that must exist, and is never replaced: of several processes that
// create it at once one wins, and all of them use its key. It is durable when
// File returns; copy it somewhere else before relying on it.
//
// Everything else is as in Static, of which this is the same root.
func File(path string, opts *FileOptions) (Provider, error) {
	if opts != nil && opts.Create {
		if err := ensureKey(path); err != nil {
			return nil, fmt.Errorf("rootkey: %w", err)
		}
	}
	key, err := readKey(path)
	if err != nil {
		return nil, fmt.Errorf("rootkey: %w", err)
	}
	defer clear(key)
	p, err := newStatic(key)
	if err != nil {
		return nil, fmt.Errorf("rootkey: %s: %w", path, err)
	}
	return p, nil
}

// ensureKey returns nil once there is a file at path, for good. One that was
// there may be another process's work of a moment ago: without the fsync of the
// directory a power cut could take the file back after a store has relied on it.
func ensureKey(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = createKey(path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.SyncDir(durable.OS{}, filepath.Dir(path))
}

// createKey makes a file of random bytes at path, where there must be none.
func createKey(path string) error {
	key := make([]byte, keySize)
	defer clear(key)
	rand.Read(key)
	return durable.Create(path, key)
}

// readKey returns the key in the file at path.
func readKey(path string) ([]byte, error) {
	// Looked at before it is opened, because opening a pipe would wait for a
	// writer, and again afterwards, because only then is it this very file.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	return readExactly(f)
}

// checkFile refuses what is no file, or one that others than its owner can use.
func checkFile(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s: open to others (mode %#o): chmod 600 it", path, perm)
	}
	return nil
}

// readExactly returns the content of f if it has the size of a key.
func readExactly(f *os.File) ([]byte, error) {
	buf := make([]byte, keySize+1) // the size in a FileInfo is not always true
	n, err := io.ReadFull(f, buf)
	if err == io.ErrUnexpectedEOF && n == keySize {
		return buf[:keySize], nil
	}
	clear(buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return nil, fmt.Errorf("%s: want exactly %d raw bytes", f.Name(), keySize)
}
