package fleet_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
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
			p := b.new(t)
			k := target.OpenKMS(t, p.Open(t), nil)
			key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/orders"})
			must(t, err)
			ct, err := k.Encrypt(t.Context(), key.ID, plaintext, nil)
			must(t, err)
			encrypt := func(ref string) func(context.Context, *kms.KMS) error {
				return func(ctx context.Context, k *kms.KMS) error {
					_, err := k.Encrypt(ctx, ref, plaintext, nil)
					return err
				}
			}
			for _, c := range []struct {
				name string
				gets int
				call func(context.Context, *kms.KMS) error
			}{
				{"Encrypt", 1, encrypt(key.ID)},
				{"Encrypt by alias", 2, encrypt("alias/orders")},
				{"Decrypt", 1, func(ctx context.Context, k *kms.KMS) error {
					got, err := k.Decrypt(ctx, ct, nil)
					return same(got, plaintext, err)
				}},
			} {
				gets, took := storm(t, p.Open(t), c.call)
				if gets != c.gets {
					t.Errorf("%s: %d Gets, want %d", c.name, gets, c.gets)
				}
				proof.Report(t, "%d callers of %s, Gets: %d, in %v", stormCallers, c.name, gets, took)
			}
		})
	}
}

// storm has all callers make a call at once, and returns how many Gets that was
// and how long it took.
func storm(t *testing.T, inner keystore.Store, call func(context.Context, *kms.KMS) error) (int, time.Duration) {
	t.Helper()
	store := faultstore.New(inner)
	k := target.OpenKMS(t, store, nil)
	var begun, gets atomic.Int32
	all := make(chan struct{})
	store.Block = func(ctx context.Context, c faultstore.Call) {
		if strings.HasPrefix(c.Key, "meta/") {
			return // whether the store is there, where all takes long
		}
		gets.Add(1)
		if c.Method != "Get" {
			t.Errorf("%s %s", c.Method, c.Key)
		}
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
			if err := call(t.Context(), k); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return int(gets.Load()), time.Since(began)
}
