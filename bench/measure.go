package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// An op does once what is measured. It has buffers of its own.
type op func() error

// batches is in how many parts a measurement is timed, unless a call takes longer.
const batches = 40

// timed runs op for about d and returns nanoseconds per call: the median of the
// batches, so that what another process takes of a few of them does not count.
func timed(op op, d time.Duration) (float64, error) {
	n, err := calibrate(op, d/batches)
	if err != nil {
		return 0, err
	}
	var times []float64
	for end := time.Now().Add(d); len(times) == 0 || time.Now().Before(end); {
		elapsed, err := batch(op, n)
		if err != nil {
			return 0, err
		}
		times = append(times, float64(elapsed)/float64(n))
	}
	return median(times), nil
}

// batch runs op n times.
func batch(op op, n int) (time.Duration, error) {
	start := time.Now()
	for range n {
		if err := op(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// timedOn is timed on as many goroutines as there are ops. What it returns is the
// machine's time for one call: half as long on two cores, if nothing is in the way.
func timedOn(ops []op, d time.Duration) (float64, error) {
	n, err := calibrate(ops[0], d/batches)
	if err != nil {
		return 0, err
	}
	var (
		ready, done sync.WaitGroup
		start       = make(chan struct{})
		over        atomic.Bool // once the first is: the others would have its core too
		rates       = make([]float64, len(ops))
		errs        = make([]error, len(ops))
	)
	for i, op := range ops {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			calls, elapsed, err := repeat(op, n, &over, d)
			over.Store(true)
			rates[i], errs[i] = float64(calls)/float64(elapsed), err
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	var rate float64
	for i := range ops {
		if errs[i] != nil {
			return 0, errs[i]
		}
		rate += rates[i]
	}
	return 1 / rate, nil
}

// calibrate returns how many calls take about d. It warms op up on the way.
func calibrate(op op, d time.Duration) (int, error) {
	for n := 1; ; n *= 2 {
		if elapsed, err := batch(op, n); err != nil || elapsed >= d {
			return n, err
		}
	}
}

// repeat runs op in batches of n until d is over or over is set.
func repeat(op op, n int, over *atomic.Bool, d time.Duration) (calls int, elapsed time.Duration, err error) {
	start := time.Now()
	for elapsed < d && !over.Load() || calls == 0 {
		if _, err := batch(op, n); err != nil {
			return 0, 0, err
		}
		calls += n
		elapsed = time.Since(start)
	}
	return calls, elapsed, nil
}

// allocated returns how many allocations and bytes a call takes.
func allocated(op op) (allocs, bytes float64, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nobody else allocates meanwhile
	n, err := calibrate(op, time.Millisecond)
	if err != nil {
		return 0, 0, err
	}
	n = max(n, 20) // so that what the runtime does now and then is no allocation of a call
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := batch(op, n); err != nil {
		return 0, 0, err
	}
	runtime.ReadMemStats(&after)
	per := func(a, b uint64) float64 { return float64(b-a) / float64(n) }
	return per(before.Mallocs, after.Mallocs), per(before.TotalAlloc, after.TotalAlloc), nil
}
