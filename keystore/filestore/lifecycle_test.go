package filestore_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

// A stall stops the next fsync of fsys until release is called.
func stall(fsys *faultFS) (reached <-chan struct{}, release func()) {
	at, gate := make(chan struct{}), make(chan struct{})
	stalled := false
	fsys.before(func(call string) error {
		if isSync(call) && !stalled {
			stalled = true
			close(at)
			<-gate
		}
		return nil
	})
	return at, func() { close(gate) }
}

// TestWriteOutlivesCall cancels a write that the disk keeps waiting: the call
// returns, and the write goes on with the data of its time.
func TestWriteOutlivesCall(t *testing.T) {
	fsys := newFS()
	dir := t.TempDir()
	s := openFS(t, dir, fsys)
	put(t, s, "key/a", 1, "v1")
	reached, release := stall(fsys)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	data := []byte("v2")
	err := s.Put(ctx, keystore.Record{Key: "key/a", Rev: 2, Data: data})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	clear(data)

	wantRecord(t, s, "key/a", 1, "v1") // readers do not wait
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err = s.Put(short, keystore.Record{Key: "key/b", Rev: 1, Data: []byte("v")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put behind it: %v", err)
	}

	closed := make(chan error)
	go func() { closed <- s.Close() }()
	waitClosed(t, s)
	select {
	case <-closed:
		t.Error("Close did not wait for the write")
	case <-time.After(10 * time.Millisecond):
	}
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	again := openStore(t, dir)
	wantRecord(t, again, "key/a", 2, "v2")
	if _, err := again.Get(t.Context(), "key/b"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("the write behind it: %v", err)
	}
}

// waitClosed waits until Close has begun.
func waitClosed(t *testing.T, s keystore.Store) {
	t.Helper()
	for {
		if _, err := s.Get(context.Background(), "key/a"); err != nil {
			if !errors.Is(err, keystore.ErrClosed) {
				t.Errorf("Get: %v", err)
			}
			return
		}
		runtime.Gosched()
	}
}

// TestCloseWhileWaiting closes a store whose writers wait for their turn and
// for the lock, without a limit of their own.
func TestCloseWhileWaiting(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	release := holdLock(t, dir)
	defer release()
	results := make(chan error)
	for _, key := range []string{"key/a", "key/b", "key/c"} {
		go func() {
			r := keystore.Record{Key: key, Rev: 1, Data: []byte("v")}
			results <- s.Put(context.Background(), r)
		}()
	}
	time.Sleep(5 * time.Millisecond) // for them to get there, or it tests less
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-results; !errors.Is(err, keystore.ErrClosed) {
			t.Errorf("Put: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestTurns has one handle write without a pause and another still get its
// turns: a busy process must not starve the rest.
func TestTurns(t *testing.T) {
	dir := t.TempDir()
	busy, other := openStore(t, dir), openStore(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for rev := uint64(1); ctx.Err() == nil && err == nil; rev++ {
			r := keystore.Record{Key: "key/busy", Rev: rev, Data: []byte("v")}
			err = busy.Put(context.Background(), r)
		}
		done <- err
	}()
	for rev := range uint64(20) {
		short, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		r := keystore.Record{Key: "key/other", Rev: rev + 1, Data: []byte("v")}
		if err := other.Put(short, r); err != nil {
			t.Errorf("turn %d: %v", rev, err)
		}
		cancel()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
