package crash_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/dbserver"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
)

// TestServerKill kills database servers under load and starts them again. What was
// acknowledged is there, of a store and of a KMS, and both go on by themselves.
func TestServerKill(t *testing.T) {
	for _, x := range target.All() {
		if x.OnFiles() {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			kills := proof.Count(t, 3, 100)
			p, q := x.New(t), x.New(t)
			var ledger ackload.Ledger
			var want keys
			stop := loadBoth(t, p, q, &ledger, &want)
			var slowest time.Duration
			for range kills {
				slowest = max(slowest, killServer(t, x.Server(t), &ledger, &want))
			}
			stop()
			sum := check(t, &ledger, p.Open(t))
			wantNone(t, sum)
			lost := want.check(t, target.OpenKMS(t, q.Open(t), nil))
			proof.Report(t, "killed %d times, %d writes acknowledged, %d lost, %d corrupt; "+
				"%d keys and %d acknowledgements of a KMS, %d keys lost; "+
				"both went on at most %v after the server", kills, ledger.Acked(),
				sum.Lost, sum.Corrupt, len(want.byID), want.acked, lost, slowest.Round(time.Millisecond))
		})
	}
}

// loadBoth loads the store at p, and a KMS on the one at q, until stop is called.
func loadBoth(
	t *testing.T, p, q target.Place, ledger *ackload.Ledger, want *keys,
) (stop func()) {
	t.Helper()
	s, k := p.Open(t), target.OpenKMS(t, q.Open(t), nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := ackload.Run(ctx, s, &ackload.Options{Note: ledger.Note}); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() { useKMS(ctx, k, 0, want.note, func(error) {}) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	advance(t, ledger, want)
	return stop
}

// killServer kills a server at a random moment, starts it again, and returns how
// long it took until writes went on.
func killServer(
	t *testing.T, server *dbserver.Server, ledger *ackload.Ledger, want *keys,
) time.Duration {
	t.Helper()
	time.Sleep(rand.N(300 * time.Millisecond))
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	advance(t, ledger, want)
	d := time.Since(back)
	if d > recovery {
		t.Errorf("writes go on %v after the server is back, want %v", d, recovery)
	}
	return d
}

// advance waits until each writer of the store, and some of the KMS, have gone on.
func advance(t *testing.T, ledger *ackload.Ledger, want *keys) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	before := want.rotated()
	if err := ledger.Advance(ctx); err != nil {
		t.Fatal(err)
	}
	for want.rotated() == before {
		if ctx.Err() != nil {
			t.Fatal("no key is rotated any more")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
