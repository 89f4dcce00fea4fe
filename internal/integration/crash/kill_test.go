package crash_test

import (
	"io"
	"testing"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/integration/proof"
)

// perStore is how many processes are killed on one store before there is a new one,
// since all that it has is checked after each.
const perStore = 50

// TestKill kills a process that writes, again and again, at random moments. What
// was acknowledged must be there, whole.
func TestKill(t *testing.T) {
	for _, x := range subjects() {
		t.Run(x.name, func(t *testing.T) {
			if dir, round, yes := asChild(t); yes {
				writeUntilKilled(t, x.open(t, dir), round)
				return
			}
			kills := proof.Count(t, 50, 2000)
			var sum ackload.Result
			acked := 0
			for done := 0; done < kills; done += perStore {
				acked += killOn(t, x, min(perStore, kills-done), &sum)
			}
			wantNone(t, sum)
			proof.Report(t, "%d processes killed, %d writes acknowledged, %d lost, %d corrupt",
				kills, acked, sum.Lost, sum.Corrupt)
		})
	}
}

// killOn kills processes on one store, and returns what they acknowledged.
func killOn(t *testing.T, x subject, kills int, sum *ackload.Result) int {
	t.Helper()
	dir := t.TempDir()
	var ledger ackload.Ledger
	for round := range kills {
		killLoad(t, x, dir, round, &ledger)
		s := x.open(t, dir)
		sum.Add(check(t, &ledger, s))
		s.Close()
	}
	return ledger.Acked()
}

// killLoad kills one process that writes.
func killLoad(t *testing.T, x subject, dir string, round int, ledger *ackload.Ledger) {
	t.Helper()
	killSoon(t, child(t, dir, round), 30, func(r io.Reader, acked func()) error {
		return ackload.Scan(r, func(e ackload.Event) {
			if ledger.Note(e); !e.Going {
				acked()
			}
		})
	})
}
