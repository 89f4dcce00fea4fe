package faults_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/cutproxy"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const (
	storePatience = 200 * time.Millisecond // of a store with a timeout of its own
	holdFor       = 240 * time.Millisecond // longer than that

	callerLimit = 400 * time.Millisecond // of a RotateKey whose caller gives up
	holdLong    = 600 * time.Millisecond // longer than that and what settling may take then

	appliedLimit = 30 * time.Millisecond // for a server to carry out what it was sent

	unknownPart = 50 // one in so many calls may be left unknown
)

// TestLostReplies has 32 rotators in 4 processes on one key, over stores with a timeout
// of their own, while replies are lost after the server has made the write, and
// writes come when their store has given up. Every rotation is made once.
func TestLostReplies(t *testing.T) {
	eachServer(t, func(t *testing.T, x *target.Target) {
		if childRotates(t) {
			return
		}
		rounds := proof.Count(t, 1, 10) // of a key each, whose versions are limited
		f := &faults{cuts: 100, holds: 100, holdFor: holdFor, stall: 32}
		start, all := time.Now(), results{}
		repeat(t, rounds, func(t *testing.T) {
			r, err := f.round(t, x, orders{Patience: storePatience, Limit: time.Minute})
			if err != nil {
				t.Error(err)
			}
			all.add(r)
		})
		if all.Unknown > all.Acknowledged/unknownPart { // none, unless the machine is busy
			t.Errorf("%d calls are left unknown, %d acknowledged", all.Unknown, all.Acknowledged)
		}
		f.report(t, all, start)
	})
}

// TestLateWrites has the callers of RotateKey give up, and their writes come after that.
// What they were told is unknown may have been made, and nothing else.
func TestLateWrites(t *testing.T) {
	eachServer(t, func(t *testing.T, x *target.Target) {
		if childRotates(t) {
			return
		}
		rounds := proof.Count(t, 1, 100)
		f := &faults{holds: 10, holdFor: holdLong, stall: 8}
		start, all := time.Now(), results{}
		repeat(t, rounds, func(t *testing.T) {
			r, err := f.round(t, x, orders{Limit: callerLimit})
			if err != nil {
				t.Error(err)
			}
			all.add(r)
		})
		f.report(t, all, start)
	})
}

// TestHastySensitive wants it to be found that a store takes what it does not know for
// done: by the number of versions in the end, or by a process that misses its own write.
func TestHastySensitive(t *testing.T) {
	if childRotates(t) {
		return
	}
	f := &faults{cuts: 5, holds: 20, holdFor: holdFor, stall: 32}
	o := orders{Patience: storePatience, Limit: time.Minute, Hasty: true}
	r, err := f.round(t, servers()[0], o)
	if err == nil {
		t.Errorf("passes: %d acknowledged, %d unknown", r.Acknowledged, r.Unknown)
	}
	t.Log("found: ", err)
}

// Faults are what happens to the writes of keys.
type faults struct {
	cuts, holds int64 // of each key's
	holdFor     time.Duration
	stall       int // one in so many writes is held back with all else

	// What was done. A reply is lost if the write was made before the connection was
	// cut; a write lands late if it is made after it was held back, and its store
	// had not made it again meanwhile.
	cut, lost, held, landed atomic.Int64
}

// round has rotators with the faults on a new key. The error is what went wrong with
// them, or is wrong with the versions in the end.
func (f *faults) round(t *testing.T, x *target.Target, o orders) (results, error) {
	t.Helper()
	p := x.New(t)
	o.Key = newKey(t, p)
	direct := p.Open(t)
	stored, err := direct.Get(t.Context(), "key/"+o.Key)
	if err != nil {
		t.Fatal(err)
	}
	n := &network{
		faults: f, store: direct, key: stored.Key, mark: stored.Data[:markSize],
		lostEnough: f.lost.Load() + f.cuts, heldEnough: f.held.Load() + f.holds,
	}
	var proxies []*cutproxy.Proxy
	var running []*proof.Process
	for range processes {
		proxy := cutproxy.Start(t, p.Port())
		o.Place = p.Via(proxy.Port()).String()
		proxies = append(proxies, proxy)
		running = append(running, startRotators(t, o))
	}
	begin(t, running)
	for _, proxy := range proxies {
		proxy.Decide(n.decide)
	}
	n.await(t)
	for _, proxy := range proxies {
		proxy.Decide(nil)
	}
	r := end(t, running)
	return r, checkRotated(t, p, o.Key, r)
}

func (f *faults) report(t *testing.T, r results, start time.Time) {
	t.Helper()
	if r.Unknown > 0 {
		t.Log("the first unknown outcome: ", r.Why)
	}
	proof.Report(t, "%d connections cut, %d of them with the reply to a write that was made; "+
		"%d writes held back %v, of which %d landed late; %d rotations acknowledged, %d unknown, "+
		"%d refused, %d ciphertexts, %v", f.cut.Load(), f.lost.Load(), f.held.Load(), f.holdFor,
		f.landed.Load(), r.Acknowledged, r.Unknown, r.Refused, len(r.Ciphertexts),
		time.Since(start).Round(time.Millisecond))
}

const (
	markSize  = 6  // of a record's beginning, which all writes under one storage key have
	nonceSize = 24 // follows, and is of one write
)

// A network is the way of the processes to the server, for one key.
type network struct {
	*faults
	store keystore.Store // not behind a proxy
	key   string         // of the record
	mark  []byte

	lostEnough, heldEnough int64

	mu      sync.Mutex
	writes  int
	stalled chan struct{} // closed when all goes on
}

// await waits until there were enough faults.
func (n *network) await(t *testing.T) {
	t.Helper()
	last := time.Now().Add(2 * time.Minute)
	for n.wantLost() || n.wantHeld() {
		if time.Now().After(last) {
			t.Fatalf("only %d replies lost, %d writes held", n.lost.Load(), n.held.Load())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (n *network) wantLost() bool { return n.lost.Load() < n.lostEnough }

func (n *network) wantHeld() bool { return n.held.Load() < n.heldEnough || n.landed.Load() == 0 }

// decide makes every second write meet a fault: its reply is lost, or it is held back,
// by itself or with all else that any process sends. By itself it finds that the others
// went on; with all else it is the first to be made when all goes on.
func (n *network) decide(sent []byte) cutproxy.Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	if stalled := n.stalled; stalled != nil {
		return cutproxy.Fault{Before: func() { <-stalled }}
	}
	nonce := n.write(sent)
	if nonce == nil {
		return cutproxy.Fault{}
	}
	n.writes++
	switch {
	case n.writes%4 == 1 && n.wantLost():
		return n.lose(nonce)
	case n.writes%n.stall == n.stall-1 && n.wantHeld():
		return n.hold(nonce, n.stallAll())
	case n.writes%4 == 3 && n.wantHeld():
		return n.hold(nonce, func() {})
	}
	return cutproxy.Fault{}
}

// stallAll holds everything back until the function that it returns is called.
func (n *network) stallAll() (release func()) {
	all := make(chan struct{})
	n.stalled = all
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.stalled = nil
		close(all)
	}
}

// write returns what tells a write of the record from others, or nil if sent is none.
// What is sealed begins like all that is sealed under one storage key.
func (n *network) write(sent []byte) []byte {
	_, rest, found := bytes.Cut(sent, n.mark)
	if !found || len(rest) < nonceSize {
		return nil
	}
	return bytes.Clone(rest[:nonceSize])
}

func (n *network) lose(nonce []byte) cutproxy.Fault {
	return cutproxy.Fault{Cut: true, After: func() {
		if n.made(nonce) {
			n.lost.Add(1)
		}
		n.cut.Add(1)
	}}
}

func (n *network) hold(nonce []byte, release func()) cutproxy.Fault {
	var again bool
	return cutproxy.Fault{
		Before: func() {
			time.Sleep(n.holdFor)
			again = n.stored(nonce)
		},
		After: func() {
			// Nothing follows the write until it has had the time to be made.
			if n.made(nonce) && !again {
				n.landed.Add(1)
			}
			n.held.Add(1)
			release()
		},
	}
}

// made waits until a write is stored, or could have been.
func (n *network) made(nonce []byte) bool {
	for last := time.Now().Add(appliedLimit); !n.stored(nonce); time.Sleep(time.Millisecond) {
		if time.Now().After(last) {
			return false
		}
	}
	return true
}

func (n *network) stored(nonce []byte) bool {
	r, err := n.store.Get(context.Background(), n.key)
	return err == nil && bytes.Equal(n.write(r.Data), nonce)
}
