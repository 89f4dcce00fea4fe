package faults_test

import (
	"sync"
	"testing"
	"time"
)

const (
	napTime   = 2 * time.Millisecond
	stillTime = 10 * time.Millisecond // that a nap may be longer
)

// A stillness knows when this process did not get to run, because others had the
// machine: by one that sleeps all the time, and sees how much too long.
type stillness struct {
	mu   sync.Mutex
	naps []nap // that were too long
}

type nap struct{ from, to time.Time }

// watchStillness watches until the test ends.
func watchStillness(t *testing.T) *stillness {
	s, stop := &stillness{}, make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			due := time.Now().Add(napTime)
			select {
			case <-stop:
				return
			case <-time.After(napTime):
			}
			if now := time.Now(); now.Sub(due) > stillTime {
				s.mu.Lock()
				s.naps = append(s.naps, nap{due, now})
				s.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() { close(stop); running.Wait() })
	return s
}

// between returns how much of a time the process did not get to run.
func (s *stillness) between(from, to time.Time) (still time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.naps) - 1; i >= 0 && s.naps[i].to.After(from); i-- {
		begin, end := s.naps[i].from, s.naps[i].to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		still += max(0, end.Sub(begin))
	}
	return still
}
