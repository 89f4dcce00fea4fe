package keycache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	slow     = 250 * time.Millisecond // a validation that takes longer counts as failed
	minProbe = 50 * time.Millisecond  // between probes, doubling
	maxProbe = time.Second
)

// An Outage knows whether a store answers. While it does not, cached keys are
// served past their time without a wait each, and one probe runs.
type Outage struct {
	probe   func(context.Context) error
	down    atomic.Bool
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup // everything in the background

	mu     sync.Mutex // orders Add after Close's Wait
	closed bool
}

// NewOutage returns the Outage of a store that answers when probe returns nil.
func NewOutage(probe func(context.Context) error) *Outage {
	ctx, stop := context.WithCancel(context.Background())
	return &Outage{probe: probe, ctx: ctx, stop: stop}
}

// Close ends what runs in the background and waits for it.
func (o *Outage) Close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.stop()
	o.running.Wait()
}

// Go runs f in the background, with the context that Close ends. It reports
// false after Close.
func (o *Outage) Go(f func(context.Context)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.running.Go(func() { f(o.ctx) })
	return true
}

// report says that the store did not answer, or not in time.
func (o *Outage) report() {
	if o.down.CompareAndSwap(false, true) {
		o.Go(o.watch)
	}
}

// watch probes until the store answers.
func (o *Outage) watch(ctx context.Context) {
	for wait := minProbe; ; wait = min(2*wait, maxProbe) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if o.answers(ctx) {
			o.down.Store(false)
			return
		}
	}
}

// answers reports whether the store answers in time.
func (o *Outage) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	return o.probe(ctx) == nil && ctx.Err() == nil
}
