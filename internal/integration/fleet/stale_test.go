package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const (
	fleetSize  = 8   // processes
	disables   = 200 // in one round
	rotations  = 40
	changeStep = 20 * time.Millisecond // between changes: a round is longer than polling takes
	lookPause  = 5 * time.Millisecond  // between two looks at all keys

	staleLimit   = 5 * time.Second // Options.MaxStale by default
	watchedLimit = 250 * time.Millisecond
	lateRounds   = 2 // that there may be, on a machine that is busy with something else
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
	{"PostgreSQL, pgwatch", true},
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
			for rounds := (proof.Count(t, disables, 10_000) + disables - 1) / disables; rounds > 0; rounds-- {
				a := round(t, f.on)
				if a.percentile(100) > staleLimit+a.still+a.slow {
					t.Errorf("longer than MaxStale: %v", &a)
				}
				if !f.watches || a.percentile(99) <= watchedLimit+a.still+a.slow {
					all.add(a)
					continue
				}
				t.Logf("late: %v", &a)
				rounds, again = rounds+1, again+1
				if again > lateRounds {
					t.Fatalf("on a store that tells of changes, %d rounds were late", again)
				}
			}
			proof.Report(t, "%v; rounds made again: %d", &all, again)
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
	Last  []time.Duration // when the last call began that knew of no change, by key
	Still time.Duration   // for how long the process did not get to run, at most
}

// round lets new processes see new keys change.
func round(t *testing.T, on string) ages {
	t.Helper()
	place := target.Find(t, on).New(t)
	store := place.Open(t)
	defer store.Close() // there may be many rounds
	k := target.OpenKMS(t, store, nil)
	defer k.Close()
	j := job{place.String(), createKeys(t, k, disables+rotations)}
	text, err := json.Marshal(j)
	must(t, err)
	processes := make([]*proof.Process, fleetSize)
	for i := range processes {
		processes[i] = proof.Start(t, jobVar+"="+string(text))
	}
	for _, p := range processes {
		p.Line(t, "ready")
	}
	slowest := watchStore(store)
	began, still := time.Now(), proof.WatchStillness(t)
	changed := change(t, k, j.Keys)
	a := ages{still: still.Worst(began, time.Now())}
	for _, p := range processes {
		var r report
		must(t, json.Unmarshal([]byte(p.Line(t, "report")), &r))
		a.still = max(a.still, r.Still)
		for i, last := range r.Last {
			if last == 0 {
				t.Fatal("a process has never used a key")
			}
			a.all = append(a.all, max(0, last-changed[i]))
		}
		p.Wait(t)
	}
	a.slow = slowest()
	return a
}

// watchStore asks a store for a record again and again, as nobody's cache does,
// until stop is called, which returns how long that took at most.
func watchStore(s keystore.Store) (stop func() time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	slowest := make(chan time.Duration)
	go func() {
		worst := time.Duration(0)
		for ; ctx.Err() == nil; time.Sleep(lookPause) {
			start := time.Now()
			s.Get(ctx, "meta/keyring")
			worst = max(worst, time.Since(start))
		}
		slowest <- worst
	}()
	return func() time.Duration {
		cancel()
		return <-slowest
	}
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

// work does a job: it uses every key again and again until it has seen that all
// have changed.
func work(t *testing.T, text string) {
	var j job
	must(t, json.Unmarshal([]byte(text), &j))
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	// Without a grace: how long that is for is another matter.
	k := target.OpenKMS(t, target.Parse(t, j.Place).Open(t), &kms.Options{OutageGrace: -1})
	r, seen := report{Last: make([]time.Duration, len(j.Keys))}, map[int]bool{}
	start, still := time.Now(), proof.WatchStillness(t)
	for ready := false; len(seen) < len(j.Keys); time.Sleep(lookPause) {
		for i, key := range j.Keys {
			began := now()
			switch changed, err := isChanged(ctx, k, key); {
			case errors.Is(err, kms.ErrStoreUnavailable): // slow, and so nothing was used
			case err != nil:
				t.Fatal(err)
			case changed:
				seen[i] = true
			case seen[i]:
				t.Fatal("a process that knew of a change has forgotten it")
			default:
				r.Last[i] = began
			}
		}
		if !ready {
			fmt.Println("ready")
			ready = true
		}
	}
	r.Still = still.Worst(start, time.Now())
	fmt.Print("report ")
	must(t, json.NewEncoder(os.Stdout).Encode(r))
}

// isChanged uses a key, and reports whether it is disabled or was rotated.
func isChanged(ctx context.Context, k *kms.KMS, key string) (bool, error) {
	ct, err := k.Encrypt(ctx, key, plaintext, nil)
	if errors.Is(err, kms.ErrKeyDisabled) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	info, err := kms.ParseCiphertext(ct)
	return info.KeyVersion > 1, err
}

// ages are how stale what was used has been.
type ages struct {
	all   []time.Duration
	still time.Duration // for how long a process did not get to run, and saw nothing
	slow  time.Duration // that the store itself took for a Get, at most
}

func (a *ages) add(b ages) {
	a.all, a.still, a.slow = append(a.all, b.all...), max(a.still, b.still), max(a.slow, b.slow)
}

// percentile returns what so many percent of a are no longer than.
func (a *ages) percentile(n int) time.Duration {
	sorted := slices.Sorted(slices.Values(a.all))
	return sorted[(len(sorted)*n-1)/100]
}

func (a *ages) String() string {
	return fmt.Sprintf("%d disables and rotations seen %d times, after %v at most, p99 %v, p50 %v; "+
		"no process stood still for more than %v, and no Get of the store took more than %v",
		len(a.all)/fleetSize, len(a.all), a.percentile(100), a.percentile(99), a.percentile(50),
		a.still, a.slow)
}
