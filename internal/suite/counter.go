package suite

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Counter counts the messages that are sealed under a key version, by all the
// Keys that count to it. It outlives them.
type Counter struct {
	mu    sync.Mutex
	live  map[*sessionCount]struct{}
	ended uint64 // of sessions that the collector has taken
}

// A sessionCount is what one session has sealed. Each has its own, on a cache
// line of its own, so that cores which seal with one key do not share it; and
// it is no part of the session, because the pool loses sessions.
type sessionCount struct {
	atomic.Uint64
	_ [56]byte
}

// begin returns the count of s, which is about to be used.
func (c *Counter) begin(s *session) *sessionCount {
	n := new(sessionCount)
	if c == nil {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		c.live = map[*sessionCount]struct{}{}
	}
	c.live[n] = struct{}{}
	runtime.AddCleanup(s, c.end, n)
	return n
}

// end keeps the count of a session that is no more.
func (c *Counter) end(n *sessionCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended += n.Load()
	delete(c.live, n)
}

// Total returns how many messages were sealed so far.
func (c *Counter) Total() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := c.ended
	for n := range c.live {
		total += n.Load()
	}
	return total
}
