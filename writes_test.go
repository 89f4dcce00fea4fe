package kms_test

import (
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// Each change is one write of the store, which filestore makes with two fsyncs:
// of the file, and of its folder. Where there is nothing to change, there is none.
func TestOneWrite(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	key, other := newKey(t, k, ""), newKey(t, k, "")
	for _, c := range []struct {
		name string
		puts int
		call func() error
	}{
		{"CreateKey", 1, func() error { _, err := k.CreateKey(ctx, nil); return err }},
		{"CreateKey with an alias", 2, func() error {
			_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/b"})
			return err
		}},
		{"RotateKey", 1, func() error { _, err := k.RotateKey(ctx, key); return err }},
		{"DisableKey", 1, func() error { return k.DisableKey(ctx, key) }},
		{"DisableKey again", 0, func() error { return k.DisableKey(ctx, key) }},
		{"EnableKey", 1, func() error { return k.EnableKey(ctx, key) }},
		{"UpdateKey with nothing", 0, func() error { _, err := k.UpdateKey(ctx, key, nil); return err }},
		{"CreateAlias", 1, func() error { return k.CreateAlias(ctx, "alias/a", key) }},
		{"UpdateAlias", 1, func() error { return k.UpdateAlias(ctx, "alias/a", other) }},
		{"DeleteAlias", 1, func() error { return k.DeleteAlias(ctx, "alias/a") }},
		{"CreateAlias again", 1, func() error { return k.CreateAlias(ctx, "alias/a", key) }},
		{"ScheduleVersionDestruction", 1, func() error {
			_, err := k.ScheduleVersionDestruction(ctx, key, 1, 0)
			return err
		}},
		{"Maintain with nothing due", 0, func() error { _, err := k.Maintain(ctx); return err }},
		{"RotateStorageKey", 1, func() error { return k.RotateStorageKey(ctx) }},
		{"Maintain that seals anew", 4 + 2, func() error { _, err := k.Maintain(ctx); return err }},
	} {
		before := store.Calls("Put") + store.Calls("Delete")
		must(t, c.call())
		if n := store.Calls("Put") + store.Calls("Delete") - before; n != c.puts {
			t.Errorf("%s: %d writes, want %d", c.name, n, c.puts)
		}
	}
}
