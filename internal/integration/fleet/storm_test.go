package fleet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/integration/proof"
)

const (
	stormCallers = 1000
	stormLimit   = 2 * time.Second // that a Get waits for callers, below what one may take
)

// TestStorm has 1,000 callers want one key at the same moment, when a process has
// just started: they wait for one Get, which does not return before all of them
// have begun.
func TestStorm(t *testing.T) {
	for _, b := range beds() {
		t.Run(b.name, func(t *testing.T) {
			open := b.open(t)
			k := openKMS(t, open(), root(t, 1), nil)
			key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/orders"})
			must(t, err)
			ct, err := k.Encrypt(t.Context(), key.ID, plaintext, nil)
			must(t, err)
			for _, c := range []struct {
				name string
				gets int
				call func(context.Context, *kms.KMS) error
			}{
				{"encrypt", 1, encryptUnder(key.ID)},
				{"encrypt by alias", 2, encryptUnder("alias/orders")},
				{"decrypt", 1, func(ctx context.Context, k *kms.KMS) error {
					got, err := k.Decrypt(ctx, ct, nil)
					return same(got, plaintext, err)
				}},
			} {
				t.Run(c.name, func(t *testing.T) {
					store := faultstore.New(open())
					k := openKMS(t, store, root(t, 1), nil)
					opened := store.Calls("Get")
					took := storm(t, store, func(ctx context.Context) error { return c.call(ctx, k) })
					if n := store.Calls("Get") - opened; n != c.gets {
						t.Errorf("%d Gets, want %d", n, c.gets)
					}
					if n := store.Calls("List"); n != 0 {
						t.Errorf("%d Lists", n)
					}
					proof.Report(t, "%d callers, %d Get, %v", stormCallers, c.gets, took)
				})
			}
		})
	}
}

func encryptUnder(ref string) func(context.Context, *kms.KMS) error {
	return func(ctx context.Context, k *kms.KMS) error {
		_, err := k.Encrypt(ctx, ref, plaintext, nil)
		return err
	}
}

// storm makes all calls at once, and returns how long they took.
func storm(t *testing.T, store *faultstore.Store, call func(context.Context) error) time.Duration {
	t.Helper()
	var begun atomic.Int32
	all := make(chan struct{})
	store.Block = func(ctx context.Context, c faultstore.Call) {
		select {
		case <-all:
		case <-time.After(stormLimit):
			t.Errorf("%s waited for %d callers only", c.Method, begun.Load())
		}
	}
	began := time.Now()
	var wg sync.WaitGroup
	for range stormCallers {
		wg.Go(func() {
			if begun.Add(1) == stormCallers {
				close(all)
			}
			if err := call(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}
