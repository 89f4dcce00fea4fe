package cutproxy_test

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/cutproxy"
)

// An echo is a server that says what it is told, and keeps it.
type echo struct {
	port int

	mu   sync.Mutex
	told bytes.Buffer
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{port: l.Addr().(*net.TCPAddr).Port}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				io.Copy(io.MultiWriter(e, conn), conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return e
}

func (e *echo) Write(data []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told.Write(data)
}

func (e *echo) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told.String()
}

// await waits until the server has been told text.
func (e *echo) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); e.heard() != text; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server was told %q, want %q", e.heard(), text)
		}
	}
}

func dial(t *testing.T, p *cutproxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port())))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// answers wants text back.
func answers(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("answer %q, %v, want %q", got, err, text)
	}
}

// ends wants the connection to end without a word.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 10)); n > 0 || err == nil {
		t.Errorf("%d bytes came, %v", n, err)
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error(err)
	}
}

// TestCut loses a reply that the server gave, and only that one.
func TestCut(t *testing.T) {
	e := startEcho(t)
	p := cutproxy.Start(t, e.port)
	p.Decide(func(sent []byte) cutproxy.Fault {
		if string(sent) != "cut" {
			return cutproxy.Fault{}
		}
		return cutproxy.Fault{Cut: true, After: func() { e.await(t, "onecut") }}
	})
	conn, other := dial(t, p), dial(t, p)
	say(t, conn, "one")
	answers(t, conn, "one")
	say(t, conn, "cut")
	ends(t, conn)
	say(t, other, "two")
	answers(t, other, "two")
	e.await(t, "onecuttwo")
}

// TestLate keeps a request back until its client is gone.
func TestLate(t *testing.T) {
	e := startEcho(t)
	p := cutproxy.Start(t, e.port)
	held, release := make(chan bool), make(chan bool)
	p.Decide(func(sent []byte) cutproxy.Fault {
		return cutproxy.Fault{Before: func() { close(held); <-release }}
	})
	conn := dial(t, p)
	say(t, conn, "late")
	<-held
	conn.Close()
	p.Decide(nil)
	again := dial(t, p)
	say(t, again, "early ")
	answers(t, again, "early ")
	close(release)
	e.await(t, "early late")
}

// TestBreak breaks what is there and what comes.
func TestBreak(t *testing.T) {
	e := startEcho(t)
	p := cutproxy.Start(t, e.port)
	conn := dial(t, p)
	say(t, conn, "one")
	answers(t, conn, "one")
	p.Break(true)
	ends(t, conn)
	ends(t, dial(t, p))
	p.Break(false)
	conn = dial(t, p)
	say(t, conn, "two")
	answers(t, conn, "two")
}

// TestDeafen loses what the server says, until the connection is broken too.
func TestDeafen(t *testing.T) {
	e := startEcho(t)
	p := cutproxy.Start(t, e.port)
	conn := dial(t, p)
	say(t, conn, "one")
	answers(t, conn, "one")
	p.Deafen(true)
	say(t, conn, "two")
	e.await(t, "onetwo")
	p.Break(true)
	ends(t, conn)
	p.Deafen(false)
	p.Break(false)
	conn = dial(t, p)
	say(t, conn, "three")
	answers(t, conn, "three")
}
