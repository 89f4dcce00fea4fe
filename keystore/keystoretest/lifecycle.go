package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

func reopen(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v1")
	r.put(s, "key/a", 2, "v2")
	r.put(s, "key/b", 1, "v")
	r.put(s, "meta", 1, "v")
	if err := s.Delete(r.ctx, "key/b", 1); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	r.close(s)
	again := r.open()
	if again == s {
		return // the store has one handle and ends with it
	}
	r.stored(again, "key/a", 2, "v2")
	r.stored(again, "meta", 1, "v")
	r.absent(again, "key/b")
	r.put(again, "key/a", 3, "v3")
	r.stored(again, "key/a", 3, "v3")
}

func closed(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	if !r.close(s) {
		return // nothing to close
	}
	_, err := s.Get(r.ctx, "key/a")
	r.wantErr(err, keystore.ErrClosed, "Get")
	_, err = s.Get(r.ctx, "key/b")
	r.wantErr(err, keystore.ErrClosed, "Get of nothing")
	r.wantErr(s.Put(r.ctx, record("key/a", 2, "v")), keystore.ErrClosed, "Put")
	r.wantErr(s.Delete(r.ctx, "key/a", 1), keystore.ErrClosed, "Delete")
	_, err = s.List(r.ctx, "", "", 10)
	r.wantErr(err, keystore.ErrClosed, "List")
}

func goroutines(r *rig) {
	before := runtime.NumGoroutine()
	s := r.open()
	r.put(s, "key/a", 1, "v")
	r.stored(s, "key/a", 1, "v")
	r.scan(s, "", 1)
	ctx, cancel := context.WithCancel(r.ctx)
	s.Put(ctx, record("key/a", 2, "v"))
	cancel()
	s.Put(ctx, record("key/a", 3, "v"))
	s.Get(ctx, "key/a")
	r.wantErr(s.Put(r.ctx, record("key/a", 1, "v")), keystore.ErrConflict, "second create")
	r.close(s)
	for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
		if wait > time.Second {
			stacks := make([]byte, 64<<10)
			r.Fatalf("%d goroutines, %d before:\n%s",
				runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(wait)
	}
}

func cancelled(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	expired, cancel := context.WithDeadline(r.ctx, time.Now().Add(-time.Second))
	defer cancel()
	ended, cancel := context.WithCancel(r.ctx)
	cancel()
	for ctx, want := range map[context.Context]error{
		ended: context.Canceled, expired: context.DeadlineExceeded,
	} {
		_, err := s.Get(ctx, "key/a")
		r.wantErr(err, want, "Get")
		r.wantErr(s.Put(ctx, record("key/a", 2, "new")), want, "Put")
		r.wantErr(s.Put(ctx, record("key/b", 1, "new")), want, "create")
		r.wantErr(s.Delete(ctx, "key/a", 1), want, "Delete")
		_, err = s.List(ctx, "", "", 10)
		r.wantErr(err, want, "List")
	}
	r.stored(s, "key/a", 1, "v")
	r.absent(s, "key/b")
}

// patience is how long after the end of its ctx a call must have returned.
const patience = 100 * time.Millisecond

// RunBlocked checks that calls return when their ctx ends even though the store
// cannot go on. block brings writes to s to a stand, where a driver can do so,
// by holding a lock or stopping a server, and returns what ends it.
//
// A busy machine may stall the caller too, so a call is late only if it is late
// in each of several attempts.
func RunBlocked(t *testing.T, s keystore.Store, block func() (release func())) {
	blocked(t, s, block)
}

func blocked(t tester, s keystore.Store, block func() (release func())) {
	t.Helper()
	r := &rig{tester: t, ctx: context.Background()}
	r.put(s, "key/a", 1, "old")
	release := block()
	for name, call := range map[string]func(context.Context) error{
		"replace": func(ctx context.Context) error { return s.Put(ctx, record("key/a", 2, "new")) },
		"create":  func(ctx context.Context) error { return s.Put(ctx, record("key/b", 1, "new")) },
		"Delete":  func(ctx context.Context) error { return s.Delete(ctx, "key/a", 1) },
	} {
		if err := inTime(call); err != nil {
			t.Errorf("%s: %v", name, err)
			break
		}
	}
	release()
	// What was called may have happened or not, or may still happen.
	if err := settle(r.ctx, s); err != nil {
		t.Errorf("after the blockade: %v", err)
	}
}

// inTime makes a call that is blocked and whose ctx ends.
func inTime(call func(context.Context) error) error {
	var late error
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		deadline, _ := ctx.Deadline()
		result := make(chan error, 1)
		go func() { result <- call(ctx) }()
		select {
		case err := <-result:
			after := time.Since(deadline)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("error %v, want %v", err, context.DeadlineExceeded)
			}
			if after <= patience {
				return nil
			}
			late = fmt.Errorf("returned %v after its ctx ended, want at most %v", after, patience)
		case <-time.After(2 * time.Second):
			cancel()
			return errors.New("did not return after its ctx ended")
		}
	}
	return late
}

// settle writes to whatever is stored, until it is what was written.
func settle(ctx context.Context, s keystore.Store) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		old, err := s.Get(ctx, "key/a")
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			return err
		}
		err = s.Put(ctx, record("key/a", old.Rev+1, "settled"))
		if !errors.Is(err, keystore.ErrConflict) {
			return err
		}
	}
}
