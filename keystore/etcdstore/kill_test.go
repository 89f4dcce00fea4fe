package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

const (
	kills   = 3
	writers = 4
)

// TestKill kills the node of an etcd while records are written, TestKillOfThree
// one of its three nodes, and start it again. What was acknowledged is there.
func TestKill(t *testing.T)        { killUnderLoad(t, 1) }
func TestKillOfThree(t *testing.T) { killUnderLoad(t, 3) }

func killUnderLoad(t *testing.T, nodes int) {
	c := startCluster(t, nodes)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	ctx, cancel := context.WithCancel(t.Context())
	var load [writers]writer
	var running sync.WaitGroup
	for i := range load {
		load[i].key = fmt.Sprintf("key/%d", i)
		running.Go(func() { load[i].write(ctx, s) })
	}
	for range kills {
		time.Sleep(time.Duration(200+rand.IntN(300)) * time.Millisecond)
		n := c[rand.IntN(nodes)]
		must(t, n.Kill())
		must(t, n.Start())
		back := time.Now()
		for i := range load {
			load[i].advances(t)
		}
		if d := time.Since(back); d > 5*time.Second {
			t.Errorf("writes go on %v after the node is back", d)
		} else {
			t.Logf("writes go on %v after the node is back", d)
		}
	}
	cancel()
	running.Wait()
	total := uint64(0)
	for i := range load {
		total += load[i].check(t, openStore(t, "/kms/a", c.Endpoints()...))
	}
	t.Logf("%d nodes: %d kills, %d acknowledged writes", nodes, kills, total)
}

// A writer replaces a record again and again.
type writer struct {
	key string

	mu     sync.Mutex
	acked  uint64 // revision
	failed error  // what must not happen
}

// write writes until ctx is done. After an error it goes on at what is stored.
func (w *writer) write(ctx context.Context, s keystore.Store) {
	for rev := uint64(1); ctx.Err() == nil; rev++ {
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.Put(limited, keystore.Record{Key: w.key, Rev: rev, Data: []byte(fmt.Sprint(w.key, rev))})
		cancel()
		if err == nil {
			w.note(rev, nil)
			continue
		}
		if errors.Is(err, keystore.ErrConflict) {
			w.note(0, fmt.Errorf("%s at %d: %w, though nobody else writes it", w.key, rev, err))
		}
		rev = w.stored(ctx, s)
	}
}

// stored returns the revision that is stored, once there is an answer. A write
// whose outcome is unknown may land until then, and no later: it was sent
// before, and the term of its leader is over.
func (w *writer) stored(ctx context.Context, s keystore.Store) uint64 {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		r, err := s.Get(limited, w.key)
		cancel()
		switch {
		case err == nil:
			return r.Rev
		case errors.Is(err, keystore.ErrNotFound):
			return 0
		}
	}
	return 0
}

func (w *writer) note(acked uint64, failed error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = max(w.acked, acked)
	w.failed = errors.Join(w.failed, failed)
}

func (w *writer) state() (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked, w.failed
}

// advances waits until another write is acknowledged.
func (w *writer) advances(t *testing.T) {
	t.Helper()
	before, _ := w.state()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if now, _ := w.state(); now > before {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s stays at %d", w.key, before)
		}
	}
}

// check wants the acknowledged revision, or one after it whose reply was lost.
func (w *writer) check(t *testing.T, s keystore.Store) uint64 {
	t.Helper()
	acked, failed := w.state()
	if failed != nil {
		t.Error(failed)
	}
	r, err := s.Get(t.Context(), w.key)
	if err != nil || r.Rev < acked || r.Rev > acked+1 || string(r.Data) != fmt.Sprint(w.key, r.Rev) {
		t.Errorf("%s at %d, %.40q, %v; acknowledged was %d", w.key, r.Rev, r.Data, err, acked)
	}
	return acked
}
