package stores_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

func TestStore(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
			p := d.newPlace(t)
			return func() keystore.Store { return d.open(t, p) }
		})
	})
}

// TestProcesses calls itself in other processes, which start no servers.
func TestProcesses(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		var p place
		if os.Getenv("KEYSTORETEST_WORKER") == "" {
			p = d.newPlace(t)
		}
		keystoretest.RunProcesses(t, p.String(), func(t *testing.T, text string) keystore.Store {
			return d.open(t, parsePlace(text))
		})
	})
}

// TestBlocked has somebody else hold the locks that a write needs.
func TestBlocked(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		p := d.newPlace(t)
		s := d.open(t, p)
		other := d.openDB(t, p.source)
		keystoretest.RunBlocked(t, s, func() func() {
			tx, err := other.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(fmt.Sprintf(d.block, p.table)); err != nil {
				t.Fatal(err)
			}
			// Readers do not wait for it.
			if _, err := s.Get(t.Context(), "key/a"); err != nil {
				t.Error(err)
			}
			return func() { tx.Rollback() }
		})
	})
}

// FuzzStore compares SQLite with a model, at the price of a table for each input.
func FuzzStore(f *testing.F) {
	d := &databases[len(databases)-1]
	keystoretest.Fuzz(f, func(t *testing.T) keystore.Store { return d.open(t, d.newPlace(t)) })
}
