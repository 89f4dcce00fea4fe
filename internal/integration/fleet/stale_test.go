package fleet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
)

const (
	fleetSize  = 8   // processes
	disables   = 200 // in one round
	rotations  = 40
	changeStep = 20 * time.Millisecond // between changes: a round is longer than polling takes
	lookPause  = 5 * time.Millisecond  // between two looks at all keys

	staleLimit   = 5 * time.Second // Options.MaxStale by default
	watchedLimit = 250 * time.Millisecond
	tries        = 3 // of a round on a machine that is busy with something else
	roundLimit   = 5 * time.Minute
)

// Where a change is seen in time: always within staleLimit, and nearly always
// within watchedLimit on a store that tells of changes.
var fleets = []struct {
	on      string // name of a target
	watches bool
}{
	{"filestore", false},
	{"PostgreSQL, pgx", false},
	{"etcd", true},
}

// TestStale has 8 processes encrypt under the same keys, while a ninth disables
// and rotates them. How stale a process was is how long after the change was made
// a call began that did not know of it.
func TestStale(t *testing.T) {
	for _, f := range fleets {
		t.Run(f.on, func(t *testing.T) {
			if text := os.Getenv(jobVar); text != "" {
				work(t, text)
				return
			}
			var all ages
			again := 0
			for range (proof.Count(t, disables, 10_000) + disables - 1) / disables {
				for try := 1; ; try++ {
					a := round(t, f.on)
					all.add(a)
					if !f.watches || a.percentile(99) <= a.allowed(watchedLimit) {
						break
					}
					if again++; try == tries {
						t.Errorf("on a store that tells of changes: %v", &a)
						break
					}
				}
			}
			if all.percentile(100) > all.allowed(staleLimit) {
				t.Errorf("longer than MaxStale: %v", &all)
			}
			proof.Report(t, "%s: %v; rounds made again: %d", f.on, &all, again)
		})
	}
}

// A job is what a process is asked to do.
type job struct {
	Place string
	Keys  []string
}

// jobVar is the environment variable of the job, as JSON.
const jobVar = "KMS_FLEET_JOB"

// A report is what a process has seen.
type report struct {
	Last []time.Duration // when the last call began that knew of no change, by key
	Gap  time.Duration   // the longest time between two calls for one key
}

// round lets new processes see new keys change.
func round(t *testing.T, on string) ages {
	t.Helper()
	i := slices.IndexFunc(target.All(), func(x *target.Target) bool { return x.Name == on })
	place := target.All()[i].New(t)
	k := openKMS(t, place.Open(t), root(t, 1), nil)
	j := job{place.String(), createKeys(t, k, disables+rotations)}
	processes := make([]*process, fleetSize)
	for i := range processes {
		processes[i] = startProcess(t, j)
	}
	for _, p := range processes {
		p.await(t, "ready")
	}
	changed := change(t, k, j.Keys)
	var a ages
	for _, p := range processes {
		var r report
		must(t, json.Unmarshal([]byte(p.await(t, "{")), &r))
		a.gap = max(a.gap, r.Gap)
		for i, last := range r.Last {
			if last == 0 {
				t.Fatal("a process has never used a key")
			}
			a.all = append(a.all, max(0, last-changed[i]))
		}
	}
	return a
}

// createKeys creates n keys, many at once: each takes a store as long as its disk
// does.
func createKeys(t *testing.T, k *kms.KMS, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var wg sync.WaitGroup
	for first := range fleetSize {
		wg.Go(func() {
			for i := first; i < n; i += fleetSize {
				key, err := k.CreateKey(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = key.ID
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return ids
}

// change disables or rotates each key, one after the other, and returns when that
// was done.
func change(t *testing.T, k *kms.KMS, keys []string) []time.Duration {
	t.Helper()
	changed := make([]time.Duration, len(keys))
	began := time.Now()
	for i, key := range keys {
		time.Sleep(time.Until(began.Add(time.Duration(i) * changeStep)))
		var err error
		if i%(disables/rotations+1) == 0 {
			_, err = k.RotateKey(t.Context(), key)
		} else {
			err = k.DisableKey(t.Context(), key)
		}
		must(t, err)
		changed[i] = now()
	}
	return changed
}

// A process is a child.
type process struct {
	lines *bufio.Scanner
	cmd   *exec.Cmd
}

func startProcess(t *testing.T, j job) *process {
	t.Helper()
	text, err := json.Marshal(j)
	must(t, err)
	cmd := proof.Again(t, jobVar+"="+string(text))
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var once sync.Once
	end := func() { once.Do(func() { cmd.Process.Kill(); cmd.Wait() }) }
	timer := time.AfterFunc(roundLimit, end)
	t.Cleanup(func() { timer.Stop(); end() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return &process{lines, cmd}
}

// await returns the next line of p that begins with prefix.
func (p *process) await(t *testing.T, prefix string) string {
	t.Helper()
	var others strings.Builder
	for p.lines.Scan() {
		if line := p.lines.Text(); strings.HasPrefix(line, prefix) {
			return line
		}
		fmt.Fprintln(&others, p.lines.Text())
	}
	t.Fatalf("a process has ended: %v\n%s", p.lines.Err(), others.String())
	return ""
}

// work does a job: it uses every key again and again until it has seen that all
// have changed.
func work(t *testing.T, text string) {
	var j job
	must(t, json.Unmarshal([]byte(text), &j))
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	k := openKMS(t, target.Parse(t, j.Place).Open(t), root(t, 1), nil)
	r, seen := report{Last: make([]time.Duration, len(j.Keys))}, map[int]bool{}
	for looked := time.Duration(0); len(seen) < len(j.Keys); time.Sleep(lookPause) {
		for i, key := range j.Keys {
			began := now()
			switch changed := isChanged(ctx, t, k, key); {
			case changed:
				seen[i] = true
			case seen[i]:
				t.Fatal("a process that knew of a change has forgotten it")
			default:
				r.Last[i] = began
			}
		}
		if looked == 0 {
			fmt.Println("ready")
		} else {
			r.Gap = max(r.Gap, now()-looked)
		}
		looked = now()
	}
	must(t, json.NewEncoder(os.Stdout).Encode(r))
}

// isChanged uses a key, and reports whether it is disabled or was rotated.
func isChanged(ctx context.Context, t *testing.T, k *kms.KMS, key string) bool {
	ct, err := k.Encrypt(ctx, key, plaintext, nil)
	if errors.Is(err, kms.ErrKeyDisabled) {
		return true
	}
	must(t, err)
	info, err := kms.ParseCiphertext(ct)
	must(t, err)
	return info.KeyVersion > 1
}

// ages are how stale what was used has been.
type ages struct {
	all []time.Duration
	gap time.Duration // the longest that nobody has looked
}

func (a *ages) add(b ages) {
	a.all, a.gap = append(a.all, b.all...), max(a.gap, b.gap)
}

// allowed returns what a limit comes to on this machine: a process that has not run
// for a while has not seen anything either.
func (a *ages) allowed(limit time.Duration) time.Duration {
	if a.gap > watchedLimit {
		limit += a.gap
	}
	return limit
}

// percentile returns what so many percent of a are no longer than.
func (a *ages) percentile(n int) time.Duration {
	sorted := slices.Sorted(slices.Values(a.all))
	return sorted[(len(sorted)*n-1)/100]
}

func (a *ages) String() string {
	return fmt.Sprintf("%d changes seen %d times, after %v at most, p99 %v, p50 %v; no process looked away for more than %v",
		len(a.all)/fleetSize, len(a.all), a.percentile(100), a.percentile(99), a.percentile(50), a.gap)
}
