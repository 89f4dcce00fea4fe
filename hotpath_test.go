package kms_test

import (
	"context"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// storeCalls are how often an operation calls the store, under a clock that stands
// still: with it no cached key grows old.
type storeCalls struct{ Get, Put, Delete, List int }

func countCalls(s *faultstore.Store) storeCalls {
	return storeCalls{s.Calls("Get"), s.Calls("Put"), s.Calls("Delete"), s.Calls("List")}
}

func (c storeCalls) minus(d storeCalls) storeCalls {
	return storeCalls{c.Get - d.Get, c.Put - d.Put, c.Delete - d.Delete, c.List - d.List}
}

// TestStoreCalls guards what an operation costs where the store is far away. A
// number that grows here is a round trip for every caller.
func TestStoreCalls(t *testing.T) {
	store := faultstore.New(memstore.New())
	now := time.Now()
	k := open(t, store, &kms.Options{Now: func() time.Time { return now }})
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(t.Context(), "alias/orders", key))
	ct := encrypt(t, k, key, password, prod)
	encrypt(t, k, "alias/orders", password, prod) // so that the alias is cached too
	dek, err := k.GenerateDataKey(t.Context(), key, 32, prod)
	must(t, err)
	for _, c := range []struct {
		name string
		want storeCalls
		call func(ctx context.Context) error
	}{
		{"Encrypt", storeCalls{}, func(ctx context.Context) error {
			_, err := k.Encrypt(ctx, key, password, prod)
			return err
		}},
		{"Encrypt by alias", storeCalls{}, func(ctx context.Context) error {
			_, err := k.Encrypt(ctx, "alias/orders", password, prod)
			return err
		}},
		{"Decrypt", storeCalls{}, func(ctx context.Context) error {
			_, err := k.Decrypt(ctx, ct, prod)
			return err
		}},
		{"ReEncrypt", storeCalls{}, func(ctx context.Context) error {
			_, _, err := k.ReEncrypt(ctx, ct, prod, nil)
			return err
		}},
		{"GenerateDataKey", storeCalls{}, func(ctx context.Context) error {
			_, err := k.GenerateDataKey(ctx, key, 32, prod)
			return err
		}},
		{"DecryptDataKey", storeCalls{}, func(ctx context.Context) error {
			_, err := k.DecryptDataKey(ctx, dek.Ciphertext, prod)
			return err
		}},
		{"an unknown key", storeCalls{Get: 1}, func(ctx context.Context) error {
			_, err := k.Encrypt(ctx, unknown, password, prod)
			want(t, err, kms.ErrKeyNotFound)
			return nil
		}},
		{"CreateKey", storeCalls{Get: 3, Put: 1}, func(ctx context.Context) error {
			_, err := k.CreateKey(ctx, nil)
			return err
		}},
		{"RotateKey", storeCalls{Get: 4, Put: 1}, func(ctx context.Context) error {
			_, err := k.RotateKey(ctx, key)
			return err
		}},
		{"Encrypt after it", storeCalls{Get: 1}, func(ctx context.Context) error {
			_, err := k.Encrypt(ctx, key, password, prod)
			return err
		}},
	} {
		before := countCalls(store)
		must(t, c.call(t.Context()))
		if got := countCalls(store).minus(before); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
