package pgwatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
	"github.com/embedkms/kms/keystore/pgwatch"
)

// toldLimit is how long an event may take on a busy machine, with a connection
// that must be given up first.
const toldLimit = 30 * time.Second

// await reads events until one is what is wanted, and returns those before it.
func await(
	t *testing.T, events <-chan keystore.Event, wanted func(keystore.Event) bool,
) (others []keystore.Event) {
	t.Helper()
	for limit := time.After(toldLimit); ; {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the channel is closed")
			}
			if wanted(e) {
				return others
			}
			others = append(others, e)
		case <-limit:
			t.Fatal("no event")
		}
	}
}

// within waits until there is what is wanted.
func within(t *testing.T, wanted string, there func() bool) {
	t.Helper()
	for limit := time.Now().Add(toldLimit); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s", wanted)
		}
	}
}

func isResync(e keystore.Event) bool { return e.Key == "" }

// tells checks that a watch works: a write leads to an event.
func tells(t *testing.T, s keystore.Store, events <-chan keystore.Event, key string) {
	t.Helper()
	put(t, s, key, 1)
	await(t, events, func(e keystore.Event) bool { return e == keystore.Event{Key: key, Rev: 1} })
}

// watched returns a store and what it tells.
func (p place) watched(t *testing.T) (*handle, <-chan keystore.Event) {
	t.Helper()
	s := p.open(t)
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	return s, events
}

const listeners = "FROM pg_stat_activity WHERE application_name = 'kms pgwatch'"

// Connections that an administrator ends are a resync, and the watch goes on.
func TestTerminated(t *testing.T) {
	p := newPlace(sharedServer(t))
	s, events := p.watched(t)
	for i := range 3 {
		tells(t, s, events, fmt.Sprintf("key/%d", i))
		if n := p.query(t, "SELECT count(pg_terminate_backend(pid)) "+listeners); n == "0" {
			t.Error("there is no connection to end")
		}
		keystoretest.WantResync(t, events)
	}
	tells(t, s, events, "key/a")
}

// A restart of the server is a resync, and the watch goes on.
func TestRestart(t *testing.T) {
	server := ownServer(t)
	p := newPlace(server)
	s, events := p.watched(t)
	tells(t, s, events, "key/0")
	for i := range 2 {
		must(t, server.Kill())
		must(t, server.Start())
		back := time.Now()
		await(t, events, isResync)
		t.Logf("told %v after the server is back", time.Since(back))
		tells(t, p.open(t), events, fmt.Sprintf("key/%d", i+1))
	}
}

// A server that goes silent, as a machine that vanished does, is noticed; and while
// it is, the store closes at once.
func TestSilent(t *testing.T) {
	proxy := cutproxy.Start(t, sharedServer(t).Port)
	p := newPlace(sharedServer(t))
	before := goleak.IgnoreCurrent()
	s := p.openBy(t, "pgx", source(proxy.Port()))
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	tells(t, s, events, "key/a")
	proxy.Deafen(true)
	put(t, s, "key/b", 1)
	// It connects anew, in vain, when it has waited for an answer.
	var again atomic.Bool
	proxy.Decide(func(sent []byte) (none cutproxy.Fault) {
		if bytes.Contains(sent, []byte("kms pgwatch")) { // as every connection says first
			again.Store(true)
		}
		return none
	})
	within(t, "another connection", again.Load)
	proxy.Deafen(false)
	start := time.Now()
	for _, e := range await(t, events, isResync) {
		t.Errorf("%v though nobody could tell", e)
	}
	t.Logf("told %v after the end of the silence", time.Since(start))
	tells(t, s, events, "key/c")

	proxy.Deafen(true)
	start = time.Now()
	must(t, s.Close())
	if d := time.Since(start); d > time.Second {
		t.Errorf("Close took %v", d)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// Watch returns with its ctx when the server is silent, and with Close.
func TestWatchInTime(t *testing.T) {
	proxy := cutproxy.Start(t, sharedServer(t).Port)
	p := newPlace(sharedServer(t))
	s := p.openBy(t, "pgx", source(proxy.Port()))
	proxy.Deafen(true)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Watch(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { s.Store.Close() })
	if _, err := s.Watch(t.Context(), ""); !errors.Is(err, keystore.ErrClosed) {
		t.Error(err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

// TRUNCATE, another table of the same name, and triggers that were disabled for a
// while are resyncs. A record that gets another key was two changes.
func TestTableChanges(t *testing.T) {
	p := newPlace(sharedServer(t))
	s, events := p.watched(t)
	tells(t, s, events, "key/a")
	p.exec(t, "UPDATE %s SET k = 'key/b'")
	await(t, events, func(e keystore.Event) bool { return e == keystore.Event{Key: "key/a"} })
	await(t, events, func(e keystore.Event) bool { return e == keystore.Event{Key: "key/b", Rev: 1} })
	p.exec(t, "TRUNCATE %s")
	await(t, events, isResync)
	tells(t, s, events, "key/a")

	p.exec(t, "ALTER TABLE %s RENAME TO %s_old", "CREATE TABLE %s (LIKE %s_old INCLUDING ALL)",
		pgwatch.DDL(p.table))
	await(t, events, isResync)
	tells(t, s, events, "key/a")

	p.exec(t, "ALTER TABLE %s DISABLE TRIGGER kms_watch")
	within(t, "end of the connection", func() bool { return p.query(t, "SELECT count(*) "+listeners) == "0" })
	_, err := s.Watch(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "ENABLE TRIGGER") {
		t.Error(err)
	}
	put(t, s, "key/silent", 1)
	p.exec(t, "ALTER TABLE %s ENABLE TRIGGER kms_watch")
	await(t, events, isResync)
	tells(t, s, events, "key/c")
}

// A writer whose search_path has other functions, or who is not careful about keys,
// tells all the same.
func TestStrangeWriters(t *testing.T) {
	p := newPlace(sharedServer(t))
	_, events := p.watched(t)
	long := strings.Repeat("x", 9000)
	p.exec(t, "ALTER TABLE %s ALTER k TYPE TEXT COLLATE \"C\"",
		"INSERT INTO %s VALUES ('"+long+"', 1, 'v'), ('key a', 1, 'v'), ('', 1, 'v')",
		"CREATE SCHEMA %s_evil",
		"CREATE FUNCTION %s_evil.pg_notify(TEXT, TEXT) RETURNS void LANGUAGE sql AS 'SELECT 1/0'",
		"SET search_path = %s_evil, pg_catalog, public; INSERT INTO public.%s VALUES ('key/a', 1, 'v')")
	others := await(t, events, func(e keystore.Event) bool { return e.Key == "key/a" })
	if len(others) > 0 {
		t.Errorf("events of keys that are none: %v", others)
	}
}
