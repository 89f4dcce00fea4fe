package faults_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const (
	processes  = 4
	perProcess = 8 // rotators
	plaintext  = "secret"
)

// ordersVar has the orders of a process that rotates, as JSON.
const ordersVar = "KMS_FAULTS_ORDERS"

// Orders are what a process with rotators is to do.
type orders struct {
	Place, Key string

	// Rotations is how many each rotator is to get acknowledged; 0 is as many as it
	// can, until the process is told to end.
	Rotations int

	Patience time.Duration // with one call of the store; 0 has no limit
	Limit    time.Duration // of one RotateKey
	Hasty    bool          // takes a write of unknown outcome for done
}

// Results are what a process with rotators has seen.
type results struct {
	Acknowledged int
	Unknown      int // outcomes that RotateKey could not settle
	Why          string
	Refused      int // calls that certainly changed nothing, made again
	Ciphertexts  [][]byte
	Failed       string // the first error that should not have come
}

// TestRotators has 32 rotators in 4 processes on one key.
func TestRotators(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		if childRotates(t) {
			return
		}
		keys, rotations := proof.Count(t, 1, 32), proof.Count(t, 10, 32)
		start, all := time.Now(), results{}
		repeat(t, keys, func(t *testing.T) {
			p := x.New(t)
			key := newKey(t, p)
			var running []*proof.Process
			for range processes {
				running = append(running, startRotators(t, orders{
					Place: p.String(), Key: key, Rotations: rotations, Limit: time.Minute,
				}))
			}
			begin(t, running)
			r := end(t, running)
			if want := processes * perProcess * rotations; r.Acknowledged != want || r.Unknown > 0 {
				t.Errorf("%d acknowledged, %d unknown, want %d", r.Acknowledged, r.Unknown, want)
			}
			if err := checkRotated(t, p, key, r); err != nil {
				t.Error(err)
			}
			all.add(r)
		})
		proof.Report(t, "%d rotations of %d keys by %d rotators in %d processes, %d ciphertexts, %v",
			all.Acknowledged, keys, processes*perProcess, processes, len(all.Ciphertexts),
			time.Since(start).Round(time.Millisecond))
	})
}

func (r *results) add(other results) {
	r.Acknowledged += other.Acknowledged
	r.Unknown += other.Unknown
	r.Why = cmp.Or(r.Why, other.Why)
	r.Refused += other.Refused
	r.Ciphertexts = append(r.Ciphertexts, other.Ciphertexts...)
	r.Failed = cmp.Or(r.Failed, other.Failed)
}

// checkRotated looks at what the rotators have seen, and at the key when all is quiet: its
// versions are as many as were acknowledged, or up to as many more as are unknown, and
// open every ciphertext.
func checkRotated(t *testing.T, p target.Place, key string, r results) error {
	t.Helper()
	if r.Failed != "" {
		return errors.New(r.Failed)
	}
	k := target.OpenKMS(t, p.Open(t), nil)
	described, err := k.DescribeKey(t.Context(), key)
	if err != nil {
		return err
	}
	for i, v := range described.Versions {
		if v.Version != uint32(i)+1 {
			return fmt.Errorf("version %d stands at place %d", v.Version, i+1)
		}
	}
	made := len(described.Versions) - 1
	if made < r.Acknowledged || made > r.Acknowledged+r.Unknown {
		return fmt.Errorf("%d versions were made, %d acknowledged, %d unknown",
			made, r.Acknowledged, r.Unknown)
	}
	if len(r.Ciphertexts) == 0 {
		return errors.New("nothing was encrypted")
	}
	for _, ct := range r.Ciphertexts {
		if got, err := k.Decrypt(t.Context(), ct, nil); err != nil || string(got) != plaintext {
			return fmt.Errorf("a ciphertext opens to %q: %w", got, err)
		}
	}
	return nil
}

// newKey makes a key in a place, and returns its ID.
func newKey(t *testing.T, p target.Place) string {
	t.Helper()
	key, err := target.OpenKMS(t, p.Open(t), nil).CreateKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return key.ID
}

// startRotators starts a process of its own. It says when it is ready, begins when it is
// told, and prints its results: when it has made its rotations, or else when its input
// ends.
func startRotators(t *testing.T, o orders) *proof.Process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return proof.Start(t, ordersVar+"="+string(text))
}

// begin waits until every process is ready, and lets them begin.
func begin(t *testing.T, running []*proof.Process) {
	t.Helper()
	for _, r := range running {
		r.Line(t, "ready")
	}
	for _, r := range running {
		if _, err := io.WriteString(r.Input, "begin\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// end returns the results of all processes, when they have done what they were to do.
// The others are told to end.
func end(t *testing.T, running []*proof.Process) results {
	t.Helper()
	var all results
	for _, r := range running {
		r.Input.Close()
	}
	for _, r := range running {
		var one results
		if err := json.Unmarshal([]byte(r.Line(t, "results")), &one); err != nil {
			t.Fatal(err)
		}
		all.add(one)
		r.Wait(t)
	}
	return all
}

// childRotates reports whether this process is one that rotates, and has done so.
func childRotates(t *testing.T) bool {
	text := os.Getenv(ordersVar)
	if text == "" {
		return false
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	s := &impatient{Store: target.Parse(t, o.Place).Open(t), hasty: o.Hasty}
	k := target.OpenKMS(t, s, nil)
	s.patience = o.Patience
	fmt.Println("ready")
	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if o.Rotations == 0 {
		go func() {
			io.Copy(io.Discard, input)
			stop()
		}()
	}
	r := rotateAll(ctx, k, o)
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("results%s\n", line)
	return true
}

// rotateAll runs the rotators of a process, until ctx ends or each is done.
func rotateAll(ctx context.Context, k *kms.KMS, o orders) results {
	var mu sync.Mutex
	var all results
	var wg sync.WaitGroup
	for range perProcess {
		wg.Go(func() {
			r := rotate(ctx, k, o)
			mu.Lock()
			defer mu.Unlock()
			all.add(r)
		})
	}
	wg.Wait()
	return all
}

// rotate rotates until ctx ends. With a number of rotations to make, it also ends when
// they are made, or when one fails.
func rotate(ctx context.Context, k *kms.KMS, o orders) (r results) {
	for ctx.Err() == nil && (o.Rotations == 0 || r.Acknowledged < o.Rotations && r.Failed == "") {
		// A call that is under way when all ends is finished, too.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Limit)
		_, err := k.RotateKey(limited, o.Key)
		cancel()
		switch {
		case err == nil:
			r.Acknowledged++
		case errors.Is(err, kms.ErrUnknownOutcome):
			r.Unknown++
			r.Why = err.Error()
		case errors.Is(err, kms.ErrStoreUnavailable), errors.Is(err, kms.ErrConflict):
			r.Refused++
			time.Sleep(rand.N(10 * time.Millisecond)) // as a caller would
		default:
			r.Failed = cmp.Or(r.Failed, err.Error())
			time.Sleep(rand.N(10 * time.Millisecond))
		}
		// What cannot be encrypted just now is not the matter here.
		if ct, err := k.Encrypt(ctx, o.Key, []byte(plaintext), nil); err == nil {
			r.Ciphertexts = append(r.Ciphertexts, ct)
		}
	}
	return r
}

// An impatient store gives up on each call after a while, as a driver with a timeout
// of its own does.
type impatient struct {
	keystore.Store
	patience time.Duration // 0 is for ever
	hasty    bool          // what it does not know is done
}

func (s *impatient) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.patience)
}

func (s *impatient) Get(ctx context.Context, key string) (keystore.Record, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	return s.Store.Get(ctx, key)
}

func (s *impatient) Put(ctx context.Context, r keystore.Record) error {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	err := s.Store.Put(ctx, r)
	if s.hasty && !errors.Is(err, keystore.ErrConflict) {
		return nil
	}
	return err
}
