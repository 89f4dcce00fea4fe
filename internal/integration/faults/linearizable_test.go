package faults_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

const (
	clients    = 8                // that call at the same time
	callLimit  = 10 * time.Second // for one call
	checkLimit = time.Minute      // for the search for an order of one batch
)

// A load is what is done to a store, by clients that share its handles. It is done in
// batches, each on keys of its own, so that each is checked in no time.
type load struct {
	handles []keystore.Store
	batch   int // calls by each client
	keys    int // of a batch
}

// A tally is what a history consists of.
type tally map[verdict]int

// run makes n calls and returns an error unless they are linearizable.
func (l load) run(ctx context.Context, n int) (tally, error) {
	seen := make(tally)
	for done, i := 0, 0; done < n; i++ {
		history, err := l.record(ctx, fmt.Sprintf("key/batch%d", i))
		if err != nil {
			return seen, err
		}
		parts := make(map[string][]porcupine.Operation)
		for _, op := range history {
			seen[op.Output.(reply).verdict]++
			key := op.Input.(call).key
			parts[key] = append(parts[key], op)
		}
		done += len(history)
		for _, part := range parts {
			if result := porcupine.CheckOperationsTimeout(model, part, checkLimit); result != porcupine.Ok {
				return seen, fmt.Errorf("not linearizable (%s):\n%s", result, text(part))
			}
		}
	}
	return seen, nil
}

// text is a history for people.
func text(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var lines strings.Builder
	for _, op := range history {
		c, r := op.Input.(call), op.Output.(reply)
		fmt.Fprintf(&lines, "client %d, %v to %v: %s %s %d %q: %s %d %q\n", op.ClientId,
			time.Duration(op.Call), time.Duration(op.Return), c.method, c.key, c.rev, c.data,
			r.verdict, r.rev, r.data)
	}
	return lines.String()
}

// record makes the calls of one batch.
func (l load) record(ctx context.Context, prefix string) ([]porcupine.Operation, error) {
	var (
		mu      sync.Mutex
		history []porcupine.Operation
		failed  error
		wg      sync.WaitGroup
		start   = time.Now()
	)
	for id := range clients {
		wg.Go(func() {
			s := l.handles[id%len(l.handles)]
			c := client{id: id, store: s, start: start, seen: make(map[string]uint64)}
			err := c.work(ctx, l.batch, prefix, l.keys)
			mu.Lock()
			defer mu.Unlock()
			history = append(history, c.history...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return history, failed
}

// A client makes one call after the other.
type client struct {
	id      int
	store   keystore.Store
	start   time.Time
	seen    map[string]uint64 // the last revision that it knows of each key
	history []porcupine.Operation
}

func (c *client) work(ctx context.Context, n int, prefix string, keys int) error {
	for i := range n {
		next := c.choose(fmt.Sprintf("%s-%d", prefix, rand.N(keys)), i)
		op, certain := c.call(ctx, next)
		if certain && op.Output.(reply).verdict != unknown {
			continue
		}
		// It goes on when the store answers again, as the library does.
		for end := time.Now().Add(callLimit); ; time.Sleep(time.Millisecond) {
			if _, certain := c.call(ctx, call{method: get, key: next.key}); certain {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("client %d: the store does not answer", c.id)
			}
		}
	}
	return nil
}

// call makes a call and notes it, if it says anything.
func (c *client) call(ctx context.Context, next call) (porcupine.Operation, bool) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	op, certain := next.do(ctx, c.store, c.start)
	if !certain {
		return op, false
	}
	op.ClientId = c.id
	c.history = append(c.history, op)
	r := op.Output.(reply)
	switch {
	case next.method == get:
		c.seen[next.key] = r.rev
	case r.verdict == done && next.method == put:
		c.seen[next.key] = next.rev
	case r.verdict != unknown && next.method == remove:
		c.seen[next.key] = 0
	}
	return op, true
}

// choose returns the next call: of what the client believes to be there, and so
// wrong about as often as others came between.
func (c *client) choose(key string, i int) call {
	rev := c.seen[key]
	switch n := rand.N(10); {
	case n < 4:
		return call{method: get, key: key}
	case n < 8:
		return call{method: put, key: key, rev: rev + 1, data: fmt.Sprintf("%d/%d", c.id, i)}
	default:
		return call{method: remove, key: key, rev: max(rev, 1)}
	}
}

// quiet is a load where nothing fails.
func quiet(handles ...keystore.Store) load { return load{handles: handles, batch: 25, keys: 3} }

const (
	shortCalls = 1000
	longCalls  = 1_000_000
)

// TestLinearizable has every store do what the contract says, in an order that fits
// what was called when.
func TestLinearizable(t *testing.T) {
	check := func(t *testing.T, handles ...keystore.Store) {
		seen, err := quiet(handles...).run(t.Context(), proof.Count(t, shortCalls, longCalls))
		if err != nil {
			t.Error(err)
		}
		proof.Report(t, "linearizable calls: %v", seen)
	}
	t.Run("memstore", func(t *testing.T) { check(t, memstore.New()) })
	each(t, func(t *testing.T, x *target.Target) {
		p := x.New(t)
		check(t, p.Open(t), p.Open(t))
	})
}

// TestLinearizableCut is TestLinearizable on a network that breaks now and then, before a
// reply comes, and whether or not the server has done what it was asked.
func TestLinearizableCut(t *testing.T) {
	eachServer(t, func(t *testing.T, x *target.Target) {
		p := x.New(t)
		p.Open(t) // makes the place
		proxy := cutproxy.Start(t, p.Port())
		via := p.Via(proxy.Port())
		handles := []keystore.Store{via.Open(t), via.Open(t)}
		var cuts atomic.Int64
		proxy.Decide(func([]byte) cutproxy.Fault {
			if rand.N(40) > 0 {
				return cutproxy.Fault{}
			}
			cuts.Add(1)
			return cutproxy.Fault{Cut: true, After: func() { time.Sleep(rand.N(5 * time.Millisecond)) }}
		})
		defer proxy.Decide(nil)
		l := load{handles: handles, batch: 15, keys: 6} // calls of unknown outcome are hard to place
		seen, err := l.run(t.Context(), proof.Count(t, shortCalls, longCalls))
		if err != nil {
			t.Error(err)
		}
		if seen[unknown] == 0 {
			t.Errorf("%d cuts, and no call felt it", cuts.Load())
		}
		proof.Report(t, "linearizable calls: %v, with %d connections cut", seen, cuts.Load())
	})
}
