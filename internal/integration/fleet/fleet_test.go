// Package fleet_test holds what counts where a service runs in many processes,
// or goes from one key store to another.
package fleet_test

import (
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

func TestMain(m *testing.M) { target.Main(m) }

// A bed is a kind of key store.
type bed struct {
	name string
	new  func(tb testing.TB) place // where nothing is yet
}

// A place is where records are: that of a target, or memory.
type place interface {
	Open(tb testing.TB) target.Store
}

// A memory is a memstore.Store that stays open.
type memory struct{ keystore.Store }

func (m memory) Open(testing.TB) target.Store { return m }
func (m memory) Close() error                 { return nil }

// beds returns every kind of key store there is.
func beds() []bed {
	all := []bed{{"memstore", func(testing.TB) place { return memory{memstore.New()} }}}
	for _, x := range target.All() {
		all = append(all, bed{x.Name, func(tb testing.TB) place { return x.New(tb) }})
	}
	return all
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
