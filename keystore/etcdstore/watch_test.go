package etcdstore_test

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/etcdstore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

func TestWatch(t *testing.T) { keystoretest.RunWatch(t, harness(startCluster(t, 1))) }

// toldLimit is how long an event may take on a busy machine, with a connection or a
// leader of the nodes made anew.
const toldLimit = 30 * time.Second

// tells checks that a watch works: a write leads to an event.
func tells(t *testing.T, s keystore.Store, events <-chan keystore.Event, key string) {
	t.Helper()
	put(t, s, key, 1, "v")
	for limit := time.After(toldLimit); ; {
		select {
		case e := <-events:
			if e.Key == key && e.Rev == 1 {
				return
			}
		case <-limit:
			t.Fatalf("no event of %s", key)
		}
	}
}

// A restart of the server is a resync, and the watch goes on.
func TestWatchRestart(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	tells(t, s, events, "key/0")
	for _, key := range []string{"key/1", "key/2"} {
		must(t, c[0].Kill())
		must(t, c[0].Start())
		keystoretest.WantResync(t, events)
		tells(t, openStore(t, "/kms/a", c.Endpoints()...), events, key)
	}
}

// A server that comes back with an earlier state, from a backup say, tells of what
// changes from there.
func TestWatchRestored(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	for rev := range uint64(50) {
		put(t, s, "key/a", rev+1, "v")
	}
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	must(t, c[0].Kill())
	must(t, c[0].Erase())
	must(t, c[0].Start())
	keystoretest.WantResync(t, events)
	tells(t, openStore(t, "/kms/a", c.Endpoints()...), events, "key/b")
}

// An interloper is a clientv3.KV that lets something happen behind its first answer,
// before that arrives.
type interloper struct {
	clientv3.KV
	happen func()
	once   sync.Once
}

func (i *interloper) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := i.KV.Get(ctx, key, opts...)
	i.once.Do(i.happen)
	return resp, err
}

// The same of a server that goes between its answer where the watch is to begin and the
// watch, and comes back before that or after.
func TestWatchRestoredAtOnce(t *testing.T) {
	for name, before := range map[string]bool{"back before": true, "back after": false} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 1)
			s := openStore(t, "/kms/a", c.Endpoints()...)
			for rev := range uint64(50) {
				put(t, s, "key/a", rev+1, "v")
			}
			conn, kv := s.client.ActiveConnection(), s.client.KV
			s.client.KV = &interloper{KV: kv, happen: func() {
				must(t, c[0].Kill())
				must(t, c[0].Erase())
				if !conn.WaitForStateChange(t.Context(), connectivity.Ready) || !before {
					return
				}
				must(t, c[0].Start())
				_, err := kv.Get(t.Context(), "connected")
				must(t, err)
			}}
			events, err := s.Watch(t.Context(), "")
			must(t, err)
			if !before {
				time.Sleep(100 * time.Millisecond) // for the watch to begin
				must(t, c[0].Start())
			}
			keystoretest.WantResync(t, events)
			tells(t, openStore(t, "/kms/a", c.Endpoints()...), events, "key/b")
		})
	}
}

// A lost connection is a resync, and the watch goes on.
func TestWatchDisconnected(t *testing.T) {
	c := startCluster(t, 1)
	p := cutproxy.Start(t, c[0].Port)
	s, direct := openStore(t, "/kms/a", behind(p)), openStore(t, "/kms/a", c.Endpoints()...)
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	tells(t, direct, events, "key/0")
	p.Break(true)
	put(t, direct, "key/1", 1, "v")
	p.Break(false)
	keystoretest.WantResync(t, events)
	tells(t, direct, events, "key/2")
}

// A compactor is a clientv3.Watcher before whose first watch begins, its changes
// are made and compacted away.
type compactor struct {
	clientv3.Watcher
	compact func()
	once    sync.Once
}

func (c *compactor) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	c.once.Do(c.compact)
	return c.Watcher.Watch(ctx, key, opts...)
}

// What a compaction took away before it was told is a resync.
func TestWatchCompacted(t *testing.T) {
	s := openStore(t, "/kms/a", startCluster(t, 1)[0].URL())
	s.client.Watcher = &compactor{Watcher: s.client.Watcher, compact: func() {
		put(t, s, "key/1", 1, "v")
		put(t, s, "key/2", 1, "v")
		resp, err := s.client.Get(t.Context(), "any")
		if err == nil {
			_, err = s.client.Compact(t.Context(), resp.Header.Revision)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	keystoretest.WantResync(t, events)
	tells(t, s, events, "key/3")
}

// When one node of three is gone, the watch goes on at another, and misses
// nothing.
func TestWatchNodeGone(t *testing.T) {
	c := startCluster(t, 3)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	for i, key := range []string{"key/0", "key/1", "key/2"} {
		must(t, c[i].Kill())
		var others []string
		for j, n := range c {
			if j != i {
				others = append(others, n.URL())
			}
		}
		other := openStore(t, "/kms/a", others...)
		settled(t, other, key)
		wantTold(t, events, key)
		must(t, c[i].Start())
	}
}

// settled creates a record while the nodes may be electing a leader.
func settled(t *testing.T, s keystore.Store, key string) {
	t.Helper()
	for end := time.Now().Add(toldLimit); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.Put(ctx, keystore.Record{Key: key, Rev: 1, Data: []byte("v")})
		if err != nil {
			_, err = s.Get(ctx, key)
		}
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// wantTold wants an event of key, or a resync.
func wantTold(t *testing.T, events <-chan keystore.Event, key string) {
	t.Helper()
	for limit := time.After(toldLimit); ; {
		select {
		case e := <-events:
			if e.Key == key || e.Key == "" {
				return
			}
		case <-limit:
			t.Fatalf("no event of %s", key)
		}
	}
}

// A watch leaves no goroutine in a client that stays in use, whether or not its
// events were read.
func TestWatchGoroutines(t *testing.T) {
	client, err := newClient(startCluster(t, 1).Endpoints()...)
	must(t, err)
	defer client.Close()
	_, err = client.Get(t.Context(), "connected")
	must(t, err)
	before := runtime.NumGoroutine()
	s, err := etcdstore.New(client, "/kms/a")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	watchTimes(ctx, t, s, 5)
	put(t, s, "key/a", 1, "v")
	cancel()
	wantGoroutines(t, before)
	watchTimes(t.Context(), t, s, 5)
	must(t, s.Close())
	wantGoroutines(t, before)
}

// Close does not wait for a server that is gone, and leaves nothing either.
func TestCloseWithoutServer(t *testing.T) {
	c := startCluster(t, 1)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	watchTimes(t.Context(), t, s, 5)
	must(t, c[0].Kill())
	start := time.Now()
	must(t, s.Store.Close())
	if d := time.Since(start); d > time.Second {
		t.Errorf("Close took %v", d)
	}
	if stacks := running("etcdstore.(*watch)"); stacks != "" {
		t.Errorf("a watch is left:\n%s", stacks)
	}
	// The client does not wait for its own to see that they are to end.
	for wait := time.Millisecond; running("watchGRPCStream") != ""; wait *= 2 {
		if wait > 2*time.Second {
			t.Fatalf("a stream is left:\n%s", running("watchGRPCStream"))
		}
		time.Sleep(wait)
	}
}

// running returns the stacks of all goroutines if one of them is in part.
func running(part string) string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if !bytes.Contains(stacks, []byte(part)) {
		return ""
	}
	return string(stacks)
}

func watchTimes(ctx context.Context, t *testing.T, w keystore.Watcher, n int) {
	t.Helper()
	for range n {
		_, err := w.Watch(ctx, "")
		must(t, err)
	}
}

func wantGoroutines(t *testing.T, want int) {
	t.Helper()
	for wait := time.Millisecond; runtime.NumGoroutine() > want; wait *= 2 {
		if wait > 2*time.Second {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), want, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(wait)
	}
}
