package stores_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
	"github.com/embedkms/kms/keystore/sqlstore"
)

func TestStore(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
			p := x.New(t)
			return func() keystore.Store { return p.Open(t) }
		})
	})
}

// TestProcesses calls itself in other processes, which start no servers.
func TestProcesses(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		var place string
		if os.Getenv("KEYSTORETEST_WORKER") == "" {
			place = x.New(t).String()
		}
		keystoretest.RunProcesses(t, place, func(t *testing.T, text string) keystore.Store {
			return target.Parse(t, text).Open(t)
		})
	})
}

// blocks keep others from writing to table %s until they are rolled back.
var blocks = map[sqlstore.Dialect]string{
	sqlstore.PostgreSQL: "LOCK TABLE %s IN EXCLUSIVE MODE",
	sqlstore.MySQL:      "SELECT k FROM %s FOR UPDATE",
	sqlstore.SQLite:     "DELETE FROM %s WHERE k = ''",
}

// TestBlocked has somebody else hold the locks that a write needs.
func TestBlocked(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		p := x.New(t)
		s := p.Open(t)
		other := p.OpenDB(t)
		keystoretest.RunBlocked(t, s, func() func() {
			tx, err := other.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(fmt.Sprintf(blocks[x.Dialect], p.Name)); err != nil {
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
	keystoretest.Fuzz(f, func(t *testing.T) keystore.Store { return sqlite().New(t).Open(t) })
}
