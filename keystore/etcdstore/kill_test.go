package etcdstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/ackload"
)

const kills = 3

// TestKill kills the node of an etcd while records are written, TestKillOfThree
// one of its three nodes, and start it again. What was acknowledged is there.
func TestKill(t *testing.T)        { killUnderLoad(t, 1) }
func TestKillOfThree(t *testing.T) { killUnderLoad(t, 3) }

func killUnderLoad(t *testing.T, nodes int) {
	c := startCluster(t, nodes)
	s := openStore(t, "/kms/a", c.Endpoints()...)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var ledger ackload.Ledger
	ended := make(chan error, 1)
	go func() { ended <- ackload.Run(ctx, s, &ackload.Options{Note: ledger.Note}) }()
	must(t, ledger.Advance(ctx))
	for range kills {
		time.Sleep(rand.N(300 * time.Millisecond))
		n := c[rand.IntN(nodes)]
		must(t, n.Kill())
		must(t, n.Start())
		back := time.Now()
		must(t, ledger.Advance(ctx))
		if d := time.Since(back); d > 5*time.Second {
			t.Errorf("writes go on %v after the node is back", d)
		} else {
			t.Logf("writes go on %v after the node is back", d)
		}
	}
	cancel()
	must(t, <-ended)
	result, err := ledger.Check(t.Context(), openStore(t, "/kms/a", c.Endpoints()...))
	must(t, errors.Join(append(result.Problems, err)...))
	t.Logf("%d nodes: %d kills, %d acknowledged writes", nodes, kills, ledger.Acked())
}
