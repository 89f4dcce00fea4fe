package proof

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	napTime  = 2 * time.Millisecond
	napNoise = time.Millisecond // that a nap may be longer
)

// A Stillness knows when this process did not get to run, because others had the
// machine: by some that sleep all the time, and see how much too long.
type Stillness struct {
	mu   sync.Mutex
	naps []nap // that were too long
}

// A nap should have ended at due, and did at end.
type nap struct{ due, end time.Time }

// WatchStillness watches until the test ends. One that sleeps for each processor sees
// it when the thread of one alone stands still, with the timers that are its.
func WatchStillness(t testing.TB) *Stillness {
	s, stop := &Stillness{}, make(chan struct{})
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() { s.sleep(stop) })
	}
	t.Cleanup(func() { close(stop); running.Wait() })
	return s
}

func (s *Stillness) sleep(stop chan struct{}) {
	for {
		due := time.Now().Add(napTime)
		select {
		case <-stop:
			return
		case <-time.After(napTime):
		}
		if end := time.Now(); end.Sub(due) > napNoise {
			s.mu.Lock()
			s.naps = append(s.naps, nap{due, end})
			s.mu.Unlock()
		}
	}
}

// Worst returns for how long the process did not get to run in a time, at most.
func (s *Stillness) Worst(from, to time.Time) (still time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.naps {
		if n.end.After(from) && n.due.Before(to) {
			still = max(still, n.end.Sub(n.due))
		}
	}
	return still
}
