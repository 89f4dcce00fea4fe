// Package filestore keeps records in a directory, one file each: the store for
// a service that has a disk and no database. It needs nothing else, several
// processes of one machine may use it at once, and damage to a file is damage
// to one record.
//
// # Layout
//
// The record key/1f0c… is the file 1f0c… in the folder key; slashes behind the
// first are dots in the file name, and a record of one segment, x, is x.rec in
// the directory itself. Beside them are .format, which names this package and
// the version of the layout; .lock, which is for the processes that are running
// and must not be removed under them; and after a crash some .tmp- files, which
// the next Open removes. Directories have mode 0700 and files 0600.
//
// # Backup
//
// Copy the directory, .format included, with any tool and while it is in use:
// each file is complete at every moment. To restore, stop the service and put
// all of it back.
//
// # Durability
//
// A write goes to a temporary file, which is fsynced, linked or renamed to its
// final name, and made durable by an fsync of the folder before the call
// returns. Writers take turns by a mutex and a lock on .lock; readers take
// neither, since a rename is atomic.
//
// But a reader may see a rename that the disk has not, and must not act on what
// a power cut would undo: data encrypted under a key version that then never
// existed is lost. So the first byte of .lock is 1 while a change is visible
// and perhaps not durable. A reader looks at it after it has read: at 1, with a
// writer at work or dead, it does the fsync itself before it returns. A writer
// that gets the lock and finds 1, since its predecessor was killed, makes all
// folders durable first.
//
// A failed fsync is final. The kernel may drop what it could not write and
// call the next attempt a success, so every later call on the same Store
// returns an error; open the directory again to go on with what is on the disk.
//
// # File systems
//
// On a network file system none of this can be relied upon: see [Options]. A
// local one must honour fsync, as ext4, XFS, Btrfs, ZFS, APFS, UFS and NTFS do.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
)

// Options are the optional arguments of Open.
type Options struct {
	// AllowNetworkFS accepts a directory on NFS, SMB, FUSE and the like. Some
	// of them lose what they acknowledged, run two writers at once or show
	// other machines the past, whatever this package does. False refuses them.
	AllowNetworkFS bool
}

// A Store is an open directory of records. It is safe for concurrent use, and
// a directory may be open more than once, in one process and in several.
type Store struct {
	fs      durable.FS
	dir     string
	lockf   durable.File  // .lock
	closing chan struct{} // closed by Close

	turn      chan struct{} // holds a token while a writer of this Store has its turn
	notBefore time.Time     // for whose turn it is: when to try lockf

	listed atomic.Pointer[listing] // of the last page of a scan

	mu     sync.Mutex
	closed bool
	failed error          // the fsync that failed
	calls  sync.WaitGroup // calls under way, and writes that outlive theirs
}

var (
	_ keystore.Store   = (*Store)(nil)
	_ keystore.Checker = (*Store)(nil)
)

// Open opens the directory dir for use as a store; nil opts are all defaults.
//
// A directory that does not exist is created, with its parents, and an empty
// one is taken over. One with other files in it is refused unless it is private
// already and holds nothing that could be a record. Open refuses a directory
// that group or others can access, except on Windows, where access is what the
// parent directory grants.
func Open(dir string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	return open(durable.OS{}, dir, opts)
}

func open(fsys durable.FS, dir string, opts *Options) (*Store, error) {
	if dir == "" {
		return nil, errors.New("filestore: no directory given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if runtime.GOOS == "windows" && !strings.HasPrefix(dir, `\\`) {
		dir = `\\?\` + dir // or a record con/nul would be two devices
	}
	s := &Store{
		fs:      fsys,
		dir:     dir,
		turn:    make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	if err := s.setUp(opts); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the use of the directory. It waits for calls under way; those that
// only wait for the lock return ErrClosed at once.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()
	s.calls.Wait()
	return s.lockf.Close()
}

// enter begins a call, which ends with s.calls.Done.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	s.calls.Add(1)
	return nil
}

// usable returns why no call may begin, under s.mu.
func (s *Store) usable() error {
	if s.closed {
		return keystore.ErrClosed
	}
	return s.failed
}

// sync makes the names in folder durable.
func (s *Store) sync(folder string) error {
	return s.final(durable.SyncDir(s.fs, folder))
}

// final ends the use of s if err is a failed fsync.
func (s *Store) final(err error) error {
	if !errors.Is(err, durable.ErrSync) {
		return wrap(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("filestore: what the disk holds is unknown, "+
			"check it and open the store again: %w", err)
	}
	return s.failed
}

// detach runs f, which waits for the disk and cannot be interrupted. If ctx ends
// first it leaves f to finish by itself, and Close to wait for it.
func (s *Store) detach(ctx context.Context, f func() error) error {
	if ctx.Done() == nil {
		return f()
	}
	result := make(chan error, 1)
	s.calls.Go(func() { result <- f() })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("filestore: still waiting for the disk: %w", ctx.Err())
	}
}

// wrap says which package an error of the operating system comes from.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("filestore: %w", err)
}
