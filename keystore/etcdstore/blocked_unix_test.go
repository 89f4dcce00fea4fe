//go:build unix

package etcdstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/dbserver"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

// pause brings a member to a stand.
func pause(t *testing.T, member *dbserver.Server) (goOn func()) {
	t.Helper()
	resume, err := member.Pause()
	must(t, err)
	return func() { must(t, resume()) }
}

// A server that does not answer does not keep callers longer than their ctx.
func TestBlocked(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	keystoretest.RunBlocked(t, s, func() func() { return pause(t, c[0]) })
}

// Nor do reads and watches wait for it.
func TestBlockedReads(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	put(t, s, "key/a", 1, "v")
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	goOn := pause(t, c[0])
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
