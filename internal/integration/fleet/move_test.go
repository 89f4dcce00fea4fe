package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// TestMove moves a sample from each kind of store to each, as docs/operating.md
// says, while others read and write the old one.
func TestMove(t *testing.T) {
	slow, moves, restored := newSlowSample(t), 0, time.Duration(0)
	for i, from := range beds() {
		t.Run(from.name, func(t *testing.T) {
			p := from.new(t)
			s := newSample(t, p.Open(t), slow)
			old := target.OpenKMS(t, p.Open(t), nil)
			r, w := s.startReader(t, p.Open(t)), startWriter(t, p.Open(t))
			backups := w.export(t, p)
			for j, to := range beds() {
				for n := range proof.Count(t, 1, len(backups)) {
					b := backups[(i+j+n)%len(backups)] // each with each kind at least
					t.Run(to.name+", "+b.name, func(t *testing.T) {
						began := time.Now()
						k := b.restore(t, to.new(t))
						restored += time.Since(began)
						must(t, s.checkKeys(t.Context(), k))
						must(t, s.check(t.Context(), k))
						must(t, w.check(t.Context(), k))
						must(t, s.checkBetween(t.Context(), k, old))
						moves++
					})
				}
			}
			// The old store is as it was, and nobody has noticed anything.
			must(t, s.checkKeys(t.Context(), old))
			t.Logf("a reader has read all %d times, and a writer written %d times", r.stop(t), len(w.all))
		})
	}
	proof.Report(t, "%d moves between %d kinds of store, in %v each",
		moves, len(beds()), restored/time.Duration(max(1, moves)))
}

// A backup is one file of a store, by which root key it was made.
type backup struct {
	name string
	data []byte
	root rootkey.Provider
}

// restore opens a new store that has what is in the backup.
func (b *backup) restore(t *testing.T, p place) *kms.KMS {
	t.Helper()
	store, own := p.Open(t), target.Root(t, 3)
	must(t, kms.Restore(t.Context(), store, own, bytes.NewReader(b.data), b.root))
	err := kms.Restore(t.Context(), store, own, bytes.NewReader(b.data), b.root)
	if !errors.Is(err, kms.ErrStoreNotEmpty) {
		t.Errorf("a second Restore: %v", err)
	}
	// Not in the store that Restore has written to, but in one opened anew.
	return target.OpenKMSBy(t, p.Open(t), own, &kms.Options{MustExist: true})
}

// A reader uses what was made with a sample's keys again and again.
type reader struct {
	rounds atomic.Int64
	cancel context.CancelFunc
	failed chan error // one, at the end
}

func (s *sample) startReader(t *testing.T, store keystore.Store) *reader {
	t.Helper()
	k := target.OpenKMS(t, store, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{cancel: cancel, failed: make(chan error, 1)}
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			// Not ctx: no call is to be cut short.
			if err = s.check(context.WithoutCancel(ctx), k); err == nil {
				r.rounds.Add(1)
			}
			time.Sleep(20 * time.Millisecond) // others need the machine
		}
		r.failed <- err
	}()
	t.Cleanup(cancel)
	return r
}

// stop ends r, and returns how often it has read all.
func (r *reader) stop(t *testing.T) int64 {
	t.Helper()
	r.cancel()
	if err := <-r.failed; err != nil {
		t.Errorf("reading the old store: %v", err)
	}
	if r.rounds.Load() == 0 {
		t.Error("the reader has read nothing")
	}
	return r.rounds.Load()
}

// What a writer writes is in a backup, or is not, or may be, by when it was
// written.
const (
	before = iota
	during
	after
)

// A written is a ciphertext of a key version that a writer made.
type written struct {
	ciphertext   []byte
	began, ended int32
	absent       error // of Decrypt, where the version is not there
}

// A writer makes and rotates keys until all backups are made.
type writer struct {
	kms  *kms.KMS
	key  string
	when atomic.Int32
	mu   sync.Mutex
	all  []written
}

func startWriter(t *testing.T, store keystore.Store) *writer {
	t.Helper()
	w := &writer{kms: target.OpenKMS(t, store, nil)}
	key, err := w.kms.CreateKey(t.Context(), nil)
	must(t, err)
	w.key = key.ID
	return w
}

// export makes backups, with either root key, while w writes.
func (w *writer) export(t *testing.T, p place) (backups []backup) {
	t.Helper()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for w.write(t) {
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	w.await(t, before)
	w.when.Store(during)
	for n, name := range []string{"primary root", "recovery root"} {
		own := target.Root(t, byte(n+1)) // opens the store as well as the backup
		k := target.OpenKMSBy(t, p.Open(t), own, &kms.Options{MustExist: true})
		var out bytes.Buffer
		must(t, k.Export(t.Context(), &out, own))
		backups = append(backups, backup{name, out.Bytes(), own})
	}
	w.when.Store(after)
	w.await(t, after)
	return backups
}

// await waits until w has written something that began at a time.
func (w *writer) await(t *testing.T, when int32) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		n := 0
		for _, x := range w.all {
			if x.began == when {
				n++
			}
		}
		w.mu.Unlock()
		if n >= 4 {
			return
		}
	}
	t.Fatal("the writer does not write")
}

// write makes a new key, and a new version of an old one, and uses both.
func (w *writer) write(t *testing.T) bool {
	ctx := t.Context()
	steps := []struct {
		make   func() (*kms.Key, error)
		absent error
	}{
		{func() (*kms.Key, error) { return w.kms.CreateKey(ctx, nil) }, kms.ErrKeyNotFound},
		{func() (*kms.Key, error) { return w.kms.RotateKey(ctx, w.key) }, kms.ErrVersionNotFound},
	}
	for _, step := range steps {
		x := written{began: w.when.Load(), absent: step.absent}
		key, err := step.make()
		if err == nil {
			x.ciphertext, err = w.kms.Encrypt(ctx, key.ID, plaintext, nil)
		}
		if err != nil {
			t.Errorf("writing to the old store: %v", err)
			return false
		}
		x.ended = w.when.Load()
		w.mu.Lock()
		w.all = append(w.all, x)
		w.mu.Unlock()
	}
	return true
}

// check returns what k, which opens a backup, has of what w has written, and
// should not, or the reverse.
func (w *writer) check(ctx context.Context, k *kms.KMS) error {
	for i, x := range w.all {
		got, err := k.Decrypt(ctx, x.ciphertext, nil)
		switch err = same(got, plaintext, err); {
		case err == nil && x.began < after:
		case errors.Is(err, x.absent) && x.ended > before:
		default:
			return fmt.Errorf("write %d, begun %d, ended %d: %v", i, x.began, x.ended, err)
		}
	}
	return nil
}
