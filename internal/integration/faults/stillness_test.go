package faults_test

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	napTime  = 2 * time.Millisecond
	napNoise = time.Millisecond // that a nap may be longer

	// wakes is how many goroutines wake each other, at most, before a call returns when
	// its context is done: the driver's, the store's, the cache's and the caller's.
	wakes = 4
)

// A stillness knows when this process did not get to run, because others had the
// machine: by some that sleep all the time, and see how much too long.
type stillness struct {
	mu   sync.Mutex
	naps []nap // that were too long
}

// A nap should have ended at due, and did at end.
type nap struct{ due, end time.Time }

// watchStillness watches until the test ends. One that sleeps for each processor sees
// it when the thread of one alone stands still, with the timers that are its.
func watchStillness(t *testing.T) *stillness {
	s, stop := &stillness{}, make(chan struct{})
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() { s.sleep(stop) })
	}
	t.Cleanup(func() { close(stop); running.Wait() })
	return s
}

func (s *stillness) sleep(stop chan struct{}) {
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

// worst returns for how long the process did not get to run in a time, at most.
func (s *stillness) worst(from, to time.Time) (still time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.naps {
		if n.end.After(from) && n.due.Before(to) {
			still = max(still, n.end.Sub(n.due))
		}
	}
	return still
}
