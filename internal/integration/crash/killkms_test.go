package crash_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
)

// TestKillKMS kills a process that uses a KMS. No key is lost, no version of one,
// and nothing that was encrypted.
func TestKillKMS(t *testing.T) {
	for _, x := range subjects() {
		t.Run(x.name, func(t *testing.T) {
			if dir, round, yes := asChild(t); yes {
				k := target.OpenKMS(t, x.open(t, dir), nil)
				useKMS(context.Background(), k, round, printKMS, func(err error) {
					fmt.Println("a call failed:", err) // which ends the scan
				})
				return
			}
			kills := proof.Count(t, 25, 1000)
			acked, lost, number := 0, 0, 0
			for done := 0; done < kills; done += perStore {
				var want keys
				lost += killKMSOn(t, x, min(perStore, kills-done), &want)
				acked += want.acked
				number += len(want.byID)
			}
			proof.Report(t, "%d processes killed, %d keys and %d acknowledgements, %d keys lost",
				kills, number, acked, lost)
		})
	}
}

func printKMS(verb, id, text string) {
	fmt.Println(verb, id, text)
}

// killKMSOn kills processes on one store.
func killKMSOn(t *testing.T, x subject, kills int, want *keys) (lost int) {
	t.Helper()
	dir := t.TempDir()
	for round := range kills {
		cmd := child(t, dir, round)
		killSoon(t, cmd, 30, func(r io.Reader, acked func()) error {
			return scanKMS(r, func(verb, id, text string) {
				want.note(verb, id, text)
				acked()
			})
		})
		s := x.open(t, dir)
		k := target.OpenKMS(t, s, nil)
		lost += want.check(t, k)
		k.Close()
		s.Close()
	}
	return lost
}
