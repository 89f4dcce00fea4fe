// Package cutproxy is a network for tests, between a store and its server, that
// loses replies, keeps requests back and breaks connections at the moments that
// a test chooses.
package cutproxy

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// A Fault is what becomes of bytes that a client has sent. The zero Fault is
// nothing: they go on.
type Fault struct {
	// Before runs before the bytes go on. They and what follows them wait for it,
	// and still go on if the client has closed its connection by then.
	Before func()

	// After runs when the bytes have gone on, or could not because the server is
	// gone, and before what follows them does.
	After func()

	// Cut loses whatever the server says from the moment that the bytes go on,
	// and breaks the connection after After.
	Cut bool
}

// A Proxy is the way to a server.
type Proxy struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu     sync.Mutex
	down   bool
	deaf   bool
	decide func(sent []byte) Fault
	conns  map[net.Conn]bool
}

// Start starts a proxy to a port of 127.0.0.1, which runs until the test ends.
func Start(t testing.TB, port int) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, to: fmt.Sprintf("127.0.0.1:%d", port), conns: make(map[net.Conn]bool)}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Break(true)
		p.running.Wait()
	})
	return p
}

// Port is where the proxy listens, on 127.0.0.1.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Break breaks all connections, and new ones as well until it is called with
// false.
func (p *Proxy) Break(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Deafen makes whatever the server says be lost. A connection that has lost something
// hears no more.
func (p *Proxy) Deafen(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// Decide has decide choose what becomes of all that clients send from now on.
// It is called with the bytes that have come at once, which it must not keep,
// by several connections at the same time. A nil decide chooses nothing.
func (p *Proxy) Decide(decide func(sent []byte) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

func (p *Proxy) fault(sent []byte) Fault {
	p.mu.Lock()
	decide := p.decide
	p.mu.Unlock()
	if decide == nil {
		return Fault{}
	}
	return decide(sent)
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	defer p.remove(client, server)
	if !p.add(client, server) {
		return
	}
	b := &back{p: p, client: client}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		// The server is heard to the end: what it does must not depend on
		// whether anybody listens.
		io.Copy(b, server)
		client.Close()
	})
	if p.forward(server, client, b) {
		client.Close()
		server.Close()
		return
	}
	server.(*net.TCPConn).CloseWrite()
}

// forward copies what the client sends. It reports whether the connection is to
// be broken.
func (p *Proxy) forward(server, client net.Conn, b *back) bool {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if n > 0 {
			f := p.fault(buffer[:n])
			if f.Before != nil {
				f.Before()
			}
			if f.Cut {
				b.lose()
			}
			_, failed := server.Write(buffer[:n])
			if f.After != nil {
				f.After()
			}
			if f.Cut || failed != nil {
				return true
			}
		}
		if err != nil {
			return false
		}
	}
}

// add notes connections that Break is to close, unless it already has.
func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.down
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// back is the way back to a client, which may be gone.
type back struct {
	p      *Proxy
	client net.Conn

	mu   sync.Mutex
	lost bool
}

// lose loses what comes from now on.
func (b *back) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = true
}

func (b *back) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.p.mu.Lock()
	b.lost = b.lost || b.p.deaf
	b.p.mu.Unlock()
	if !b.lost {
		b.client.Write(data)
	}
	return len(data), nil
}
