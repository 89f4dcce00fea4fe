package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/keystore"
)

// behind is the endpoint of what is behind a proxy.
func behind(p *cutproxy.Proxy) string { return fmt.Sprint("http://127.0.0.1:", p.Port()) }

// A write whose reply is lost has been made, and nothing definite is said of it:
// neither when the caller gives up, nor when the connection ends, which must not
// make the client try again and find a conflict with itself.
func TestLostReply(t *testing.T) {
	c := startCluster(t, 1)
	direct := openStore(t, "/kms/a", c.Endpoints()...)
	p := cutproxy.Start(t, c[0].Port)
	s := openStore(t, "/kms/a", behind(p))
	put(t, s, "key/a", 1, "v")
	put(t, s, "key/b", 1, "v")
	for rev := uint64(2); rev < 12; rev++ {
		p.Deafen(true)
		ctx, cancel := context.WithCancel(t.Context())
		lost := rev%2 == 0
		var running sync.WaitGroup
		running.Go(func() {
			stored(t, direct, "key/a", rev)
			if lost {
				p.Break(true)
			} else {
				cancel()
			}
		})
		err := s.Put(ctx, keystore.Record{Key: "key/a", Rev: rev, Data: []byte("v")})
		for _, definite := range []error{keystore.ErrNotFound, keystore.ErrConflict, keystore.ErrInvalid} {
			if err == nil || errors.Is(err, definite) {
				t.Errorf("connection lost %v: %v", lost, err)
			}
		}
		if gaveUp := errors.Is(err, context.Canceled); gaveUp == lost {
			t.Errorf("connection lost %v: %v", lost, err)
		}
		running.Wait()
		cancel()
		p.Break(true)
		p.Deafen(false)
		p.Break(false)
		reached(t, s)
	}
}

// stored waits until a record is there at rev.
func stored(t *testing.T, s keystore.Store, key string, rev uint64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		r, err := s.Get(t.Context(), key)
		if err == nil && r.Rev == rev {
			return
		}
		if time.Now().After(end) {
			t.Errorf("stored is revision %d, %v, want %d", r.Rev, err, rev)
			return
		}
	}
}

// reached waits until a store answers again.
func reached(t *testing.T, s keystore.Store) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		_, err := s.Get(t.Context(), "key/b")
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
