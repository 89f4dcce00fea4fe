package filestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
)

// The content of .lock. It lives in the page cache, the same for all processes;
// after a power cut it means nothing.
const (
	markAt   = 0 // one byte, 1 while a change may be visible and not durable
	wantedAt = 1 // one byte, 1 once another process had to wait for the lock
	countAt  = 8 // u64, one more after each change
)

// Whoever waits for the lock tries it at these intervals, so one that releases
// it and steps back for longer leaves it to them.
const (
	minPoll  = 100 * time.Microsecond
	maxPoll  = time.Millisecond
	stepBack = 2 * maxPoll
)

// exclusive runs f while no other writer is at work.
func (s *Store) exclusive(ctx context.Context, f func() error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	return s.detach(ctx, func() error {
		defer s.unlock()
		if err := s.takeOver(); err != nil {
			return err
		}
		return f()
	})
}

// lock waits for this Store's turn and then for the other processes' lock.
// Nothing has been written when it returns an error.
func (s *Store) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("filestore: waiting for other writers: %w", ctx.Err())
	case <-s.closing:
		return keystore.ErrClosed
	}
	err := s.lockFile(ctx)
	if err != nil {
		<-s.turn
	}
	return err
}

// lockFile tries again and again: a blocking lock could not be interrupted.
func (s *Store) lockFile(ctx context.Context) error {
	wait := time.Until(s.notBefore)
	for next := minPoll; ; next = min(2*next, maxPoll) {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return fmt.Errorf("filestore: waiting for the process that holds %s: %w",
					s.lockPath(), ctx.Err())
			case <-s.closing:
				return keystore.ErrClosed
			}
		}
		if ok, err := durable.TryLock(s.lockf); ok || err != nil {
			return wrap(err)
		}
		s.lockf.WriteAt([]byte{1}, wantedAt) // only fairness suffers if not
		wait = next
	}
}

// unlock ends lock. A busy process that took the lock again at once would
// starve all others, so it leaves them some time if they want it.
func (s *Store) unlock() {
	var wanted [1]byte
	if s.readLock(wanted[:], wantedAt); wanted[0] != 0 {
		s.lockf.WriteAt([]byte{0}, wantedAt)
		s.notBefore = time.Now().Add(stepBack)
	}
	// After an error the others stay locked out, and report it, until this
	// Store's next write or Close.
	durable.Unlock(s.lockf)
	<-s.turn
}

func (s *Store) lockPath() string { return filepath.Join(s.dir, lockName) }

// takeOver begins the critical section: is s still usable, is the directory
// still there, and did the previous writer finish?
func (s *Store) takeOver() error {
	s.mu.Lock()
	err := s.failed
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.attached(); err != nil {
		return err
	}
	marked, err := s.marked()
	if !marked || err != nil {
		return err
	}
	folders, err := s.folders()
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := s.sync(folder); err != nil {
			return err
		}
	}
	return s.unmark()
}

// attached returns an error if dir no longer leads to the directory that was
// opened: a lock on another file excludes nobody, and a record that is not in
// another directory may well be in ours.
func (s *Store) attached() error {
	ours, err := s.lockf.Stat()
	if err != nil {
		return wrap(err)
	}
	if there, err := os.Stat(s.lockPath()); err != nil || !os.SameFile(ours, there) {
		return fmt.Errorf("filestore: %s was moved, unmounted or replaced while in use "+
			"(or its %s was removed): open the store again", s.dir, lockName)
	}
	return nil
}

// commit makes one change in folder, and makes it durable. Until it is, readers
// find the mark.
func (s *Store) commit(folder string, change func() error) error {
	if err := s.mark(); err != nil {
		return err
	}
	err := change()
	if err := s.sync(folder); err != nil {
		return err // with the mark left as it is
	}
	// The change stands, so a mark that cannot be taken away only costs others
	// an fsync.
	s.unmark()
	return wrap(err)
}

func (s *Store) mark() error {
	_, err := s.lockf.WriteAt([]byte{1}, markAt)
	return wrap(err)
}

// unmark counts the change before it takes the mark away, so that whoever finds
// no mark finds the count.
func (s *Store) unmark() error {
	n, err := s.count()
	if err != nil {
		return err
	}
	if _, err := s.lockf.WriteAt(binary.LittleEndian.AppendUint64(nil, n+1), countAt); err != nil {
		return wrap(err)
	}
	_, err = s.lockf.WriteAt([]byte{0}, markAt)
	return wrap(err)
}

// marked reports whether a change may be visible and not durable.
func (s *Store) marked() (bool, error) {
	var b [1]byte
	err := s.readLock(b[:], markAt)
	return b[0] != 0, err
}

// count returns the number of changes that were ever unmarked.
func (s *Store) count() (uint64, error) {
	var b [8]byte
	err := s.readLock(b[:], countAt)
	return binary.LittleEndian.Uint64(b[:]), err
}

// readLock reads from .lock, in which what was never written is zero.
func (s *Store) readLock(b []byte, at int64) error {
	if _, err := s.lockf.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return wrap(err)
	}
	return nil
}

// settle returns once all that was visible in folders when it began is durable.
func (s *Store) settle(ctx context.Context, folders ...string) error {
	marked, err := s.marked()
	if !marked || err != nil {
		return err
	}
	return s.detach(ctx, func() error {
		for _, folder := range folders {
			err := s.sync(folder)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}
