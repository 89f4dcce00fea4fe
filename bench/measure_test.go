package main

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestTimed(t *testing.T) {
	const pause = 100 * time.Microsecond
	slow := func() error {
		for start := time.Now(); time.Since(start) < pause; {
		}
		return nil
	}
	for name, measure := range map[string]func() (float64, error){
		"one core":  func() (float64, error) { return timed(slow, 5*time.Millisecond) },
		"one op":    func() (float64, error) { return timedOn([]op{slow}, 5*time.Millisecond) },
		"less time": func() (float64, error) { return timed(slow, time.Nanosecond) },
	} {
		ns, err := measure()
		if err != nil || ns < float64(pause) { // a busy machine makes it longer, never shorter
			t.Errorf("%s: %v ns, %v, want %v or more", name, ns, err, pause)
		}
	}
}

// Each op runs, however soon the first is over.
func TestTimedOn(t *testing.T) {
	var calls [3]atomic.Int64
	var ops []op
	for i := range calls {
		ops = append(ops, func() error {
			calls[i].Add(1)
			return nil
		})
	}
	ns, err := timedOn(ops, time.Nanosecond)
	if err != nil || ns <= 0 {
		t.Errorf("%v ns, %v", ns, err)
	}
	for i := range calls {
		if calls[i].Load() == 0 {
			t.Errorf("op %d has not run", i)
		}
	}
}

func TestErrorsEndMeasurements(t *testing.T) {
	broken := errors.New("broken")
	left := 0
	fails := func() error {
		if left--; left < 0 {
			return broken
		}
		return nil
	}
	for name, measure := range map[string]func() error{
		"timed":     func() error { _, err := timed(fails, time.Millisecond); return err },
		"timedOn":   func() error { _, err := timedOn([]op{fails}, time.Millisecond); return err },
		"allocated": func() error { _, _, err := allocated(fails); return err },
	} {
		for _, left = range []int{0, 1, 1000} {
			if err := measure(); err != broken {
				t.Errorf("%s: %v, want %v", name, err, broken)
			}
		}
	}
}

var sink []byte

func TestAllocated(t *testing.T) {
	for want := range 3 {
		allocs, bytes, err := allocated(func() error {
			for range want {
				sink = make([]byte, 64)
			}
			return nil
		})
		if err != nil || int(allocs+0.1) != want || int(bytes+1)/64 != want {
			t.Errorf("%v allocations of %v bytes, %v, want %d of 64 each", allocs, bytes, err, want)
		}
	}
}
