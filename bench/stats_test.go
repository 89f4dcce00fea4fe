package main

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5}, // between the two in the middle
		{[]float64{1, 2, 3, 4, 5}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 0.75, 4},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
		{[]float64{1, 1, 1, 1000}, 0.5, 1}, // one bad round does not count
	} {
		before := slices.Clone(c.values)
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.values, c.q, got, c.want)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%v has become %v", before, c.values)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{5, 5, 5}, 0},
		{[]float64{8, 9, 10, 11, 12}, 0.2},
		{[]float64{8, 9, 10, 11, 1e9}, 0.2}, // the middle half only
	} {
		if got := spread(c.values); got != c.want {
			t.Errorf("spread(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

// A machine that is slow for a round is so for both sides of a ratio.
func TestRatios(t *testing.T) {
	raw, kms := []float64{100, 100, 900, 100, 500}, []float64{200, 210, 1800, 190, 1000}
	if got := median(quotients(kms, raw)); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
	e := engine{}
	tasks := []task{
		{subject: "raw", work: "w", cores: 1, base: "raw", fresh: idle},
		{subject: "kms", work: "w", cores: 1, base: "raw", fresh: idle},
	}
	figures := []figure{{Rounds: raw}, {Rounds: kms}}
	if err := e.evaluate(tasks, figures); err != nil {
		t.Fatal(err)
	}
	f := find(figures, "kms", "w", 1)
	if f == nil || f.NS != 210 || f.Ratio != 2 {
		t.Errorf("%+v, want 210 ns, ratio 2", f)
	}
	if find(figures, "kms", "w", 2) != nil {
		t.Error("found a figure that is not there")
	}
}

func idle() op { return func() error { return nil } }

// A ratio is with its base at the same work, x and cores, not with the first one.
func TestRatiosOfOnePlace(t *testing.T) {
	var tasks []task
	var figures []figure
	for _, cores := range []int{1, 2} {
		for _, x := range []float64{10, 20} {
			for _, s := range []string{"raw", "kms"} {
				ns := x * float64(cores)
				if s == "kms" {
					ns *= x + float64(cores)
				}
				tasks = append(tasks, task{subject: s, work: "w", x: x, cores: cores, base: "raw", fresh: idle})
				figures = append(figures, figure{Rounds: []float64{ns}})
			}
		}
	}
	if err := (engine{}).evaluate(tasks, figures); err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		if want := f.X + float64(f.Cores); f.Subject == "kms" && f.Ratio != want {
			t.Errorf("%+v, want ratio %v", f, want)
		}
	}
}

// Rounds of a ratio are compared one by one: the quotient of the medians differs.
func TestRatiosRoundByRound(t *testing.T) {
	tasks := []task{{subject: "raw", base: "raw", fresh: idle}, {subject: "kms", base: "raw", fresh: idle}}
	figures := []figure{{Rounds: []float64{100, 200, 400}}, {Rounds: []float64{300, 200, 400}}}
	if err := (engine{}).evaluate(tasks, figures); err != nil {
		t.Fatal(err)
	}
	if got := figures[1].Ratio; got != 1 {
		t.Errorf("ratio %v, want 1, that of two rounds", got)
	}
}

// A task runs on as many cores, and goroutines, as it says.
func TestCores(t *testing.T) {
	seen := map[int]int{}
	var tasks []task
	for _, cores := range []int{1, 2} {
		tasks = append(tasks, task{subject: "s", work: "w", cores: cores, fresh: func() op {
			if runtime.GOMAXPROCS(0) == cores {
				seen[cores]++
			}
			return func() error { return nil }
		}})
	}
	e := engine{1, time.Microsecond, t.Logf}
	if _, err := e.run(t.Context(), "cores", tasks); err != nil {
		t.Fatal(err)
	}
	// That of one core once more, where allocations are counted: on how many is all the same.
	if seen[1] < 1 || seen[2] < 2 {
		t.Errorf("ops by cores: %v, want 1 on 1 and 2 on 2", seen)
	}
}
