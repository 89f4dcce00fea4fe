package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const (
	maxStale    = 200 * time.Millisecond
	outageGrace = 500 * time.Millisecond
	useLimit    = maxStale + outageGrace // of a key that was disabled elsewhere

	watchFor     = 1200 * time.Millisecond // after the key is disabled: longer than useLimit
	deadline     = 250 * time.Millisecond  // of each call
	returnLimit  = 100 * time.Millisecond  // behind that
	recoverLimit = 5 * time.Second         // when the network is good again

	// wakes is how many goroutines wake each other, at most, before a call returns when
	// its context is done: the driver's, the store's, the cache's and the caller's. Each
	// may wait for a machine that stands still.
	wakes = 4
)

// TestPartition has a KMS on a network that is bad in every way there is. Its calls
// return in time, it does not use a key for longer than it may after another has
// disabled it, and it works again soon after the network does.
func TestPartition(t *testing.T) {
	var wg sync.WaitGroup // they wait most of the time, so all at once
	defer wg.Wait()
	for _, x := range servers() {
		wg.Go(func() {
			t.Run(x.Name, func(t *testing.T) {
				rounds := proof.Count(t, 1, 180) // half an hour
				all := &trial{}
				repeat(t, rounds, func(t *testing.T) {
					one := newTrial(t, x, outageGrace, nil).run(t, toxics)
					for _, problem := range one.problems {
						t.Error(problem)
					}
					all.add(one)
				})
				proof.Report(t, "%d calls over %d kinds of trouble, %d rounds: a disabled key was used up to "+
					"%v later, calls returned up to %v after their context was done and worked again within %v",
					all.calls, len(toxics), rounds, all.used, all.late, all.recovered)
			})
		})
	}
}

// TestPartitionSensitive wants a KMS that serves too long to be found, and a store that
// does not look at ctx.
func TestPartitionSensitive(t *testing.T) {
	x := servers()[0]
	long := newTrial(t, x, time.Minute, nil).run(t, []toxic{partition})
	if long.used <= useLimit || len(long.problems) == 0 {
		t.Errorf("a grace of a minute passes: used up to %v, %v", long.used, long.problems)
	}
	deaf := newTrial(t, x, outageGrace, func(s keystore.Store) keystore.Store { return deafStore{s} })
	if deaf.run(t, []toxic{partition}); deaf.late <= returnLimit || len(deaf.problems) == 0 {
		t.Errorf("a store that does not look at ctx passes: late by %v, %v", deaf.late, deaf.problems)
	}
}

// A deafStore waits for its server whatever ctx says.
type deafStore struct{ keystore.Store }

func (s deafStore) Get(ctx context.Context, key string) (keystore.Record, error) {
	return s.Store.Get(context.WithoutCancel(ctx), key)
}

// A trial is a KMS on a bad network, what it did there, and another on a good one.
type trial struct {
	wire      *wire
	bad, good *kms.KMS
	still     *proof.Stillness

	mu        sync.Mutex
	calls     int
	problems  []string
	used      time.Duration // begin of a call that used a key, after that was disabled
	late      time.Duration // end of a call, after its context was done
	recovered time.Duration // until calls worked, after the network did
}

// add takes what was seen in another trial.
func (x *trial) add(other *trial) {
	x.calls += other.calls
	x.used, x.late = max(x.used, other.used), max(x.late, other.late)
	x.recovered = max(x.recovered, other.recovered)
}

// newTrial makes one in a place of its own, whose stores go through wrap if it is not nil.
func newTrial(
	t *testing.T, on *target.Target, grace time.Duration, wrap func(keystore.Store) keystore.Store,
) *trial {
	t.Helper()
	p := on.New(t)
	x := &trial{good: target.OpenKMS(t, p.Open(t), nil), wire: newWire(t, p.Port()), still: proof.WatchStillness(t)}
	var s keystore.Store = p.Via(x.wire.port(t)).Open(t)
	if wrap != nil {
		s = wrap(s)
	}
	x.bad = target.OpenKMS(t, s, &kms.Options{MaxStale: maxStale, OutageGrace: grace})
	return x
}

// run has one kind of trouble after the other.
func (x *trial) run(t *testing.T, troubles []toxic) *trial {
	t.Helper()
	for _, trouble := range troubles {
		x.phase(t, trouble)
	}
	return x
}

// Keys are what one phase is about: one that stays enabled and is rotated, one that
// is disabled elsewhere, and one that is disabled and enabled here.
type keys struct{ used, victim, toggled string }

func (x *trial) phase(t *testing.T, trouble toxic) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var ids [3]string
	var ciphertexts [2][]byte
	for i := range ids {
		key, err := x.good.CreateKey(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = key.ID
	}
	k := keys{ids[0], ids[1], ids[2]}
	for i := range ciphertexts {
		var err error
		if ciphertexts[i], err = x.bad.Encrypt(ctx, ids[i], []byte(plaintext), nil); err != nil {
			t.Fatal(err)
		}
	}
	var disabled atomic.Pointer[time.Time]
	for _, work := range []func(){
		func() { x.use(trouble, k.used, ciphertexts[0], nil) },
		func() { x.use(trouble, k.victim, ciphertexts[1], &disabled) },
		func() { x.change(trouble, k) },
	} {
		wg.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
				work()
			}
		})
	}
	x.wire.spoil(t, trouble)
	if err := x.good.DisableKey(ctx, k.victim); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	disabled.Store(&now)
	time.Sleep(watchFor)
	x.wire.repair(t, trouble)
	x.recover(trouble, k.used)
}

// recover waits until calls that need the store work again.
func (x *trial) recover(trouble toxic, key string) {
	for start := time.Now(); ; {
		_, err := x.call(trouble, "RotateKey", func(ctx context.Context) error {
			_, err := x.bad.RotateKey(ctx, key)
			return err
		})
		took := time.Since(start)
		over := took > recoverLimit+wakes*x.still.Worst(start, start.Add(took))
		if over {
			x.problem("%s: %v after it was over: %v", trouble.name, took, err)
		}
		if err == nil || over {
			x.recovered = max(x.recovered, took)
			return
		}
	}
}

// use encrypts and decrypts. disabled is when the key was, if it ever is.
func (x *trial) use(
	trouble toxic, key string, ciphertext []byte, disabled *atomic.Pointer[time.Time],
) {
	for op, f := range map[string]func(context.Context) error{
		"Encrypt": func(ctx context.Context) error {
			_, err := x.bad.Encrypt(ctx, key, []byte(plaintext), nil)
			return err
		},
		"Decrypt": func(ctx context.Context) error {
			got, err := x.bad.Decrypt(ctx, ciphertext, nil)
			if err == nil && string(got) != plaintext {
				err = fmt.Errorf("decrypted %q", got)
			}
			return err
		},
	} {
		var since *time.Time
		if disabled != nil {
			since = disabled.Load()
		}
		begin, err := x.call(trouble, op, f)
		switch {
		case err == nil && since != nil:
			x.usedAfter(trouble, op, *since, begin)
		case err != nil && disabled == nil && errors.Is(err, kms.ErrKeyDisabled):
			x.problem("%s: %s: %v", trouble.name, op, err)
		}
	}
}

// change rotates a key, and disables and enables another.
func (x *trial) change(trouble toxic, k keys) {
	for op, f := range map[string]func(ctx context.Context) error{
		"RotateKey": func(ctx context.Context) error {
			_, err := x.bad.RotateKey(ctx, k.used)
			return err
		},
		"DisableKey": func(ctx context.Context) error { return x.bad.DisableKey(ctx, k.toggled) },
		"EnableKey":  func(ctx context.Context) error { return x.bad.EnableKey(ctx, k.toggled) },
	} {
		x.call(trouble, op, f)
	}
}

// expected are what calls on a bad network may return.
var expected = []error{
	kms.ErrStoreUnavailable, kms.ErrUnknownOutcome, kms.ErrConflict, kms.ErrKeyDisabled,
}

// call makes a call, and looks whether it returns in time and with an error that it
// may have.
func (x *trial) call(
	trouble toxic, op string, f func(context.Context) error,
) (begin time.Time, err error) {
	begin = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	// A timer fires late where the machine stands still, so somebody else waits for ctx.
	done := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { done <- time.Now() })
	err = f(ctx)
	end := time.Now()
	var late time.Duration
	if ctx.Err() != nil {
		late = end.Sub(<-done)
	}
	if late > returnLimit && late > returnLimit+wakes*x.still.Worst(begin, end) {
		x.problem("%s: %s returned %v after its context was done: %v", trouble.name, op, late, err)
	}
	if err != nil && !slices.ContainsFunc(expected, func(e error) bool { return errors.Is(err, e) }) {
		x.problem("%s: %s: %v", trouble.name, op, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.calls++
	x.late = max(x.late, late)
	return begin, err
}

// usedAfter notes that a key was used by a call that began after it was disabled. An
// entry that is young is not asked for its age until a timer fires, which is late where
// the machine stands still.
func (x *trial) usedAfter(trouble toxic, op string, disabled, begin time.Time) {
	after := begin.Sub(disabled)
	if after > useLimit && after > useLimit+x.still.Worst(disabled, begin) {
		x.problem("%s: %s of a key that was disabled %v before", trouble.name, op, after)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used = max(x.used, after)
}

func (x *trial) problem(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.problems = append(x.problems, fmt.Sprintf(format, args...))
}
