package pgwatch_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy is the way to a server, which can go silent: then what is sent is lost, and
// the connections that lost something stay silent.
type proxy struct {
	listener net.Listener
	to       string
	silent   atomic.Bool
	conns    atomic.Int32 // there have been
}

func newProxy(t *testing.T, port int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, to: fmt.Sprint("127.0.0.1:", port)}
	var running sync.WaitGroup
	ended := make(chan struct{})
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			running.Go(func() { p.serve(conn, ended) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(ended)
		running.Wait()
	})
	return p
}

// via returns the source of connections to a place through a proxy.
func (p place) via(proxy *proxy) string {
	return strings.Replace(p.source, proxy.to, proxy.listener.Addr().String(), 1)
}

func (p *proxy) silence(on bool) { p.silent.Store(on) }

// serve passes on what is said until one side or the test ends.
func (p *proxy) serve(conn net.Conn, ended <-chan struct{}) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		conn.Close()
		return
	}
	over := make(chan struct{}, 2)
	go func() { io.Copy(&lossy{p, server, false}, conn); over <- struct{}{} }()
	go func() { io.Copy(&lossy{p, conn, false}, server); over <- struct{}{} }()
	left := 2
	select {
	case <-over:
		left--
	case <-ended:
	}
	conn.Close()
	server.Close()
	for range left {
		<-over
	}
}

// lossy is one direction of a connection.
type lossy struct {
	p  *proxy
	to net.Conn
	// lost is whether something was, after which nothing makes sense any more.
	lost bool
}

func (l *lossy) Write(data []byte) (int, error) {
	if l.lost = l.lost || l.p.silent.Load(); l.lost {
		return len(data), nil
	}
	return l.to.Write(data)
}
