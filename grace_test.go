package kms_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// The grace of an outage is for the store. Where it answers, a key that another
// process has disabled is unusable within MaxStale, though the keyring has
// changed as well and the root key cannot be asked about it.
func TestNoGraceForTheRoot(t *testing.T) {
	for name, change := range map[string]func(context.Context, *kms.KMS) error{
		"AddRoot":          func(ctx context.Context, k *kms.KMS) error { return k.AddRoot(ctx, root(t, 2)) },
		"RotateStorageKey": func(ctx context.Context, k *kms.KMS) error { return k.RotateStorageKey(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, store, c := t.Context(), memstore.New(), newClock()
			var away atomic.Bool
			p := rootFunc{root(t, 1), func() error {
				if away.Load() {
					return errors.New("hsm: offline")
				}
				return nil
			}}
			k, other := openAs(t, store, p, &kms.Options{Now: c.now}), open(t, store, nil)
			key := newKey(t, k, "")
			encrypt(t, k, key, password, nil)
			c.advance(61 * time.Second)
			encrypt(t, k, key, password, nil)
			away.Store(true)
			must(t, change(ctx, other))
			must(t, other.DisableKey(ctx, key))
			c.advance(5 * time.Second)
			if _, err := k.Encrypt(ctx, key, password, nil); err == nil {
				t.Error("a disabled key encrypts")
			}
		})
	}
}

// What was seen to be older is not served, whatever fails besides.
func TestNoGraceForARollback(t *testing.T) {
	ctx, c, inner := t.Context(), newClock(), memstore.New()
	store := faultstore.New(inner)
	k := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	old, err := inner.Get(ctx, "key/"+key)
	must(t, err)
	description := "changed"
	_, err = k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Description: &description})
	must(t, err)
	encrypt(t, k, key, password, nil)
	c.advance(61 * time.Second)
	encrypt(t, k, key, password, nil)
	must(t, inner.Delete(ctx, "key/"+key, 2))
	must(t, inner.Put(ctx, old))
	c.advance(6 * time.Second)
	store.Fault = func(call faultstore.Call) faultstore.Fault {
		if call.Key == "meta/keyring" {
			return faultstore.Refuse
		}
		return faultstore.None
	}
	for range 2 {
		_, err = k.Encrypt(ctx, key, password, nil)
		want(t, err, kms.ErrRollback)
	}
}

// The keyring that a key is loaded with is read anew now and then. When the
// store is down just then, the key that was loaded before serves on.
func TestGraceWhileKeyringIsRead(t *testing.T) {
	ctx, c, inner := t.Context(), newClock(), memstore.New()
	store := faultstore.New(inner)
	k, other := open(t, store, &kms.Options{Now: c.now}), open(t, inner, nil)
	key := newKey(t, k, "")
	encrypt(t, k, key, password, nil)
	c.advance(61 * time.Second)
	encrypt(t, k, key, password, nil)
	description := "changed"
	_, err := other.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Description: &description})
	must(t, err)
	c.advance(6 * time.Second)
	store.Fault = func(call faultstore.Call) faultstore.Fault {
		if call.Key == "meta/keyring" {
			store.SetDown(true)
			return faultstore.Refuse
		}
		return faultstore.None
	}
	for range 3 {
		encrypt(t, k, key, password, nil)
	}
	c.advance(60 * time.Second)
	_, err = k.Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrStoreUnavailable)
}
