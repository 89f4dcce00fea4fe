package etcdstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

// A proxy is the way to a node, which can be cut, or let nothing back.
type proxy struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	down  bool
	deaf  bool
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, to: strings.TrimPrefix(url, "http://"), conns: make(map[net.Conn]bool)}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut(true)
		running.Wait()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.add(conn, server) {
		return
	}
	go func() {
		defer server.Close()
		io.Copy(server, conn)
	}()
	io.Copy(back{p, conn}, server)
}

// add notes connections that cut is to close, unless it already has.
func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.down
}

// cut closes all connections, and new ones as well until it is called with false.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// deafen makes whatever the node says be lost.
func (p *proxy) deafen(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// back is the way back to the client.
type back struct {
	p *proxy
	net.Conn
}

func (b back) Write(data []byte) (int, error) {
	b.p.mu.Lock()
	deaf := b.p.deaf
	b.p.mu.Unlock()
	if deaf {
		return len(data), nil
	}
	return b.Conn.Write(data)
}

// A write whose reply is lost has been made, and nothing definite is said of it:
// neither when the caller gives up, nor when the connection ends, which must not
// make the client try again and find a conflict with itself.
func TestLostReply(t *testing.T) {
	c := startCluster(t, 1)
	direct := openStore(t, "/kms/a", c.Endpoints()...)
	p := newProxy(t, c[0].URL())
	s := openStore(t, "/kms/a", p.url())
	put(t, s, "key/a", 1, "v")
	put(t, s, "key/b", 1, "v")
	limited := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 300*time.Millisecond)
	}
	for rev := range uint64(10) {
		p.deafen(true)
		ctx, cancel := limited()
		lost := rev%2 == 0
		if lost {
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
			time.AfterFunc(50*time.Millisecond, func() { p.cut(true) })
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
		p.cut(true)
		p.deafen(false)
		p.cut(false)
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
