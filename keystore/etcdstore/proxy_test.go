package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/keystore"
)

// startProxy starts a proxy to a node.
func startProxy(t *testing.T, n *node) (p *cutproxy.Proxy, endpoint string) {
	t.Helper()
	to, err := url.Parse(n.client)
	must(t, err)
	port, err := strconv.Atoi(to.Port())
	must(t, err)
	p = cutproxy.Start(t, port)
	return p, fmt.Sprint("http://127.0.0.1:", p.Port())
}

// A write whose reply is lost has been made, and nothing definite is said of it:
// neither when the caller gives up, nor when the connection ends, which must not
// make the client try again and find a conflict with itself.
func TestLostReply(t *testing.T) {
	c := startCluster(t, 1)
	direct := openStore(t, "/kms/a", c.endpoints()...)
	p, endpoint := startProxy(t, c[0])
	s := openStore(t, "/kms/a", endpoint)
	put(t, s, "key/a", 1, "v")
	put(t, s, "key/b", 1, "v")
	limited := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 300*time.Millisecond)
	}
	for rev := range uint64(10) {
		p.Deafen(true)
		ctx, cancel := limited()
		lost := rev%2 == 0
		if lost {
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
			time.AfterFunc(50*time.Millisecond, func() { p.Break(true) })
		}
		err := s.Put(ctx, keystore.Record{Key: "key/a", Rev: rev + 2, Data: []byte("v")})
		cancel()
		for _, definite := range []error{keystore.ErrNotFound, keystore.ErrConflict, keystore.ErrInvalid} {
			if err == nil || errors.Is(err, definite) {
				t.Errorf("connection lost %v: %v", lost, err)
			}
		}
		if late := errors.Is(err, context.DeadlineExceeded); late == lost {
			t.Errorf("connection lost %v: %v", lost, err)
		}
		if r, err := direct.Get(t.Context(), "key/a"); err != nil || r.Rev != rev+2 {
			t.Errorf("stored is revision %d, %v", r.Rev, err)
		}
		p.Break(true)
		p.Deafen(false)
		p.Break(false)
		reached(t, s)
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
