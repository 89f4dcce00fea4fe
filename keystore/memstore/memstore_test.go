package memstore_test

import (
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
	"github.com/embedkms/kms/keystore/memstore"
)

func TestStore(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
		s := memstore.New()
		return func() keystore.Store { return s }
	})
}

func TestZeroValue(t *testing.T) {
	var s memstore.Store
	if page, err := s.List(t.Context(), "", "", 1); err != nil || len(page) != 0 {
		t.Errorf("List: %v, %v", page, err)
	}
	if err := s.Put(t.Context(), keystore.Record{Key: "a", Rev: 1, Data: []byte{1}}); err != nil {
		t.Error(err)
	}
}

func FuzzStore(f *testing.F) {
	keystoretest.Fuzz(f, func(*testing.T) keystore.Store { return new(memstore.Store) })
}
