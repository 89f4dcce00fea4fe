//go:build unix

package etcdstore_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

// stop brings a node to a stand. The signal alone does not: until it arrives the
// node goes on answering.
func (n *node) stop(t *testing.T) (goOn func()) {
	t.Helper()
	must(t, n.cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(n.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the node did not stop: %v, %v", status, err)
	}
	return func() { must(t, n.cmd.Process.Signal(syscall.SIGCONT)) }
}

// A server that does not answer does not keep callers longer than their ctx.
func TestBlocked(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.endpoints()...)
	keystoretest.RunBlocked(t, s, func() func() { return c[0].stop(t) })
}

// Nor do reads and watches wait for it.
func TestBlockedReads(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.endpoints()...)
	put(t, s, "key/a", 1, "v")
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	goOn := c[0].stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	for name, err := range eachCall(ctx, s) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("the calls took %v", d)
	}
	closed := time.Now()
	must(t, s.Store.Close())
	for range events {
	}
	if d := time.Since(closed); d > time.Second {
		t.Errorf("Close took %v", d)
	}
	if _, err := s.Get(t.Context(), "key/a"); !errors.Is(err, keystore.ErrClosed) {
		t.Error(err)
	}
	goOn()
}
