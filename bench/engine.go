package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// A task is one figure to measure: a subject, what it does, and on how many cores.
type task struct {
	subject string
	work    string
	x       float64 // where on a curve it stands, such as a number of keys
	cores   int
	base    string // the subject that it is compared with, at the same work, x and cores
	fresh   func() op
}

// A figure is what came of a task.
type figure struct {
	Subject string    `json:"subject"`
	Work    string    `json:"work"`
	X       float64   `json:"x,omitempty"`
	Cores   int       `json:"cores"`
	Base    string    `json:"base,omitempty"`
	NS      float64   `json:"ns"`     // median of the rounds, for one call
	Spread  float64   `json:"spread"` // of the middle half of the rounds, as a share of NS
	Ratio   float64   `json:"ratio,omitempty"`
	Allocs  float64   `json:"allocs"`
	Bytes   float64   `json:"bytes"`
	Rounds  []float64 `json:"rounds"`
}

// An engine measures tasks, in turns, so that what slows the machine down for a
// while slows all of them down.
type engine struct {
	rounds int
	slot   time.Duration // how long a task runs in a round
	say    func(format string, args ...any)
}

// closely is e with more rounds, for figures that are close to a limit of theirs.
func (e engine) closely() engine {
	e.rounds *= 4
	return e
}

// run measures tasks. Those of one work should stand together, so that they, and
// what they are compared with, run within a moment of each other.
func (e engine) run(ctx context.Context, title string, tasks []task) ([]figure, error) {
	e.say("%s: %d figures, %d rounds", title, len(tasks), e.rounds)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	figures := make([]figure, len(tasks))
	for round := range e.rounds {
		for _, cores := range coresOf(tasks) {
			runtime.GOMAXPROCS(cores)
			for i := range tasks {
				// Nobody is first in every round, after whatever went before.
				i = (i + round) % len(tasks)
				if tasks[i].cores != cores {
					continue
				}
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				ns, err := e.measure(&tasks[i])
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", tasks[i].subject, tasks[i].work, err)
				}
				figures[i].Rounds = append(figures[i].Rounds, math.Round(10*ns)/10)
			}
		}
	}
	return figures, e.evaluate(tasks, figures)
}

// measure runs a task once. It begins with a heap without garbage of others.
func (e engine) measure(t *task) (float64, error) {
	runtime.GC()
	if t.cores == 1 {
		return timed(t.fresh(), e.slot)
	}
	ops := make([]op, t.cores)
	for i := range ops {
		ops[i] = t.fresh()
	}
	return timedOn(ops, e.slot)
}

// evaluate makes figures of the rounds, and counts allocations.
func (e engine) evaluate(tasks []task, figures []figure) error {
	type place struct {
		subject, work string
		x             float64
		cores         int
	}
	at := map[place][]float64{}
	for i, t := range tasks {
		at[place{t.subject, t.work, t.x, t.cores}] = figures[i].Rounds
	}
	for i, t := range tasks {
		f := &figures[i]
		f.Subject, f.Work, f.X, f.Cores, f.Base = t.subject, t.work, t.x, t.cores, t.base
		f.NS, f.Spread = median(f.Rounds), spread(f.Rounds)
		if t.base != "" {
			f.Ratio = median(quotients(f.Rounds, at[place{t.base, t.work, t.x, t.cores}]))
		}
		var err error
		if f.Allocs, f.Bytes, err = allocated(t.fresh()); err != nil {
			return err
		}
	}
	return nil
}

// allCores is how many cores this process may use, which in a container can be
// fewer than there are. It is not to be asked while an engine runs.
func allCores() int { return runtime.GOMAXPROCS(0) }

// coreCounts are how many cores are measured, of so many: one and all.
func coreCounts(all int) []int {
	if all > 1 {
		return []int{1, all}
	}
	return []int{1}
}

// coresOf are the numbers of cores that tasks run on, ascending.
func coresOf(tasks []task) []int {
	var cores []int
	for _, t := range tasks {
		cores = append(cores, t.cores)
	}
	slices.Sort(cores)
	return slices.Compact(cores)
}

// find returns the figure of a subject, work and number of cores, or nil.
func find(figures []figure, subject, work string, cores int) *figure {
	for i := range figures {
		f := &figures[i]
		if f.Subject == subject && f.Work == work && f.Cores == cores {
			return f
		}
	}
	return nil
}
