package kms_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/watchstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// patient keeps what it knows for as long as it may.
var patient = &kms.Options{MaxStale: time.Minute}

// A change in one KMS is seen by another as soon as the store has told of it: no
// time passes here at all.
func TestWatch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(ctx context.Context, k *kms.KMS, key, other string) error
		seen   func(ctx context.Context, k *kms.KMS, key, other string) bool
	}{
		"disable": {
			func(ctx context.Context, k *kms.KMS, key, _ string) error { return k.DisableKey(ctx, key) },
			func(ctx context.Context, k *kms.KMS, key, _ string) bool {
				_, err := k.Encrypt(ctx, key, password, nil)
				return errors.Is(err, kms.ErrKeyDisabled)
			},
		},
		"rotate": {
			func(ctx context.Context, k *kms.KMS, key, _ string) error {
				_, err := k.RotateKey(ctx, key)
				return err
			},
			func(ctx context.Context, k *kms.KMS, key, _ string) bool {
				ct, err := k.Encrypt(ctx, key, password, nil)
				must(t, err)
				info, err := kms.ParseCiphertext(ct)
				return err == nil && info.KeyVersion == 2
			},
		},
		"move an alias": {
			func(ctx context.Context, k *kms.KMS, _, other string) error {
				return k.UpdateAlias(ctx, "alias/a", other)
			},
			func(ctx context.Context, k *kms.KMS, _, other string) bool {
				return encryptsUnder(ctx, k, "alias/a") == other
			},
		},
		"delete an alias": {
			func(ctx context.Context, k *kms.KMS, _, _ string) error { return k.DeleteAlias(ctx, "alias/a") },
			func(ctx context.Context, k *kms.KMS, _, _ string) bool {
				_, err := k.Encrypt(ctx, "alias/a", password, nil)
				return errors.Is(err, kms.ErrAliasNotFound)
			},
		},
		"create an alias": {
			func(ctx context.Context, k *kms.KMS, key, _ string) error { return k.CreateAlias(ctx, "alias/b", key) },
			func(ctx context.Context, k *kms.KMS, key, _ string) bool {
				return encryptsUnder(ctx, k, "alias/b") == key
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, store := t.Context(), watchstore.New()
				k, changer := open(t, store, patient), open(t, store, nil)
				key, other := newKey(t, changer, ""), newKey(t, changer, "")
				must(t, changer.CreateAlias(ctx, "alias/a", key))
				synctest.Wait()
				for range 2 { // read, and from the cache
					if c.seen(ctx, k, key, other) {
						t.Fatal("seen before it was made")
					}
				}
				must(t, c.change(ctx, changer, key, other))
				synctest.Wait()
				if !c.seen(ctx, k, key, other) {
					t.Error("not seen")
				}
			})
		})
	}
}

// encryptsUnder returns the key that ref encrypts under.
func encryptsUnder(ctx context.Context, k *kms.KMS, ref string) string {
	ct, err := k.Encrypt(ctx, ref, password, nil)
	if err != nil {
		return ""
	}
	info, err := kms.ParseCiphertext(ct)
	if err != nil {
		return ""
	}
	return info.KeyID
}

// A watchedStore has faults, and tells of what its watcher is told.
type watchedStore struct {
	*faultstore.Store
	keystore.Watcher
}

// An event of the keyring lets the next key that is loaded read it again.
func TestWatchKeyring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := watchstore.New()
		var reads atomic.Int64
		store := watchedStore{faultstore.New(inner), inner}
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Get" && c.Key == "meta/keyring" {
				reads.Add(1)
			}
			return faultstore.None
		}
		changer, k := open(t, inner, nil), open(t, store, patient)
		var keys []string
		for range 3 {
			keys = append(keys, newKey(t, changer, ""))
		}
		synctest.Wait()
		encrypt(t, k, keys[0], password, nil)
		before := reads.Load()
		encrypt(t, k, keys[1], password, nil)
		if n := reads.Load() - before; n != 0 {
			t.Errorf("%d reads of the keyring without an event", n)
		}
		must(t, changer.AddRoot(t.Context(), root(t, 2)))
		synctest.Wait()
		encrypt(t, k, keys[2], password, nil)
		if n := reads.Load() - before; n != 1 {
			t.Errorf("%d reads of the keyring after an event, want 1", n)
		}
	})
}

// What is told may be wrong in every way: it costs a Get of a key in use, and
// nothing of one that is not.
func TestWatchLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, inner := t.Context(), watchstore.New()
		store := watchedStore{faultstore.New(inner), inner}
		k := open(t, store, patient)
		key := newKey(t, k, "")
		must(t, k.CreateAlias(ctx, "alias/a", key))
		ct := encrypt(t, k, "alias/a", password, nil)
		synctest.Wait()
		encrypt(t, k, "alias/a", password, nil)
		for _, c := range []struct {
			event keystore.Event
			gets  int
		}{
			{keystore.Event{Key: "key/" + key, Rev: 1}, 1},
			{keystore.Event{Key: "key/" + key, Rev: 1 << 63}, 1},
			{keystore.Event{Key: "key/" + key}, 1}, // deleted, it says
			{keystore.Event{Key: "key/" + unknown, Rev: 1}, 0},
			{keystore.Event{Key: "key/", Rev: 1}, 0},
			{keystore.Event{Key: "key/../../etc", Rev: 1}, 0},
			{keystore.Event{Key: "alias/a", Rev: 1}, 0}, // which no record is under
			{keystore.Event{Key: "usage/" + key, Rev: 1}, 0},
			{keystore.Event{Key: "\x00\xff", Rev: 1}, 0},
			{keystore.Event{Key: "meta/keyring"}, 0},
			{keystore.Event{}, 2},
			{keystore.Event{Rev: 7}, 2},
		} {
			inner.Tell(c.event)
			synctest.Wait()
			before := store.Calls("Get")
			for range 3 {
				encrypt(t, k, "alias/a", password, nil)
				if got, err := k.Decrypt(ctx, ct, nil); err != nil || string(got) != string(password) {
					t.Fatalf("%+v: %q, %v", c.event, got, err)
				}
			}
			if n := store.Calls("Get") - before; n != c.gets {
				t.Errorf("%+v: %d Gets, want %d", c.event, n, c.gets)
			}
		}
	})
}

// What changes while a watch is interrupted is seen once there is another. Until
// then it is MaxStale that counts.
func TestWatchInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), watchstore.New()
		k, changer := open(t, store, patient), open(t, store.Store, nil)
		key := newKey(t, changer, "")
		encrypt(t, k, key, password, nil)
		synctest.Wait()
		encrypt(t, k, key, password, nil)
		store.Interrupt(3)
		must(t, changer.DisableKey(ctx, key))
		synctest.Wait()
		encrypt(t, k, key, password, nil)
		time.Sleep(time.Second) // 50, 100, 200 and 400 ms
		synctest.Wait()
		if now, ever := store.Watches(); now != 1 || ever != 2 {
			t.Errorf("%d watches, %d ever", now, ever)
		}
		_, err := k.Encrypt(ctx, key, password, nil)
		want(t, err, kms.ErrKeyDisabled)
	})
}

// The watch ends with Close, of the KMS and not of a view of it.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := watchstore.New()
		k := open(t, store, nil)
		for _, c := range []struct {
			close func() error
			left  int
		}{{k.DryRun().Close, 1}, {k.Close, 0}} {
			must(t, c.close())
			synctest.Wait()
			if now, _ := store.Watches(); now != c.left {
				t.Errorf("%d watches, want %d", now, c.left)
			}
		}
		time.Sleep(time.Hour)
		if _, ever := store.Watches(); ever != 1 {
			t.Errorf("%d watches after Close", ever)
		}
	})
}

// watchFunc is a Watcher over a store that cannot be watched.
type watchFunc struct {
	keystore.Store
	watch func(context.Context, string) (<-chan keystore.Event, error)
}

func (w watchFunc) Watch(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
	return w.watch(ctx, prefix)
}

// A watch that does not work is begun anew in growing intervals; everything else
// goes on as if there were none, and Close does not wait for it.
func TestWatchBroken(t *testing.T) {
	for name, events := range map[string]func() (<-chan keystore.Event, error){
		"refuses":        func() (<-chan keystore.Event, error) { return nil, errors.New("no") },
		"no channel":     func() (<-chan keystore.Event, error) { return nil, nil },
		"closed channel": func() (<-chan keystore.Event, error) { return closedEvents(), nil },
		"never closed":   func() (<-chan keystore.Event, error) { return make(chan keystore.Event), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, inner, calls := t.Context(), memstore.New(), atomic.Int64{}
				store := watchFunc{inner, func(context.Context, string) (<-chan keystore.Event, error) {
					calls.Add(1)
					return events()
				}}
				k, changer := open(t, store, nil), open(t, inner, nil)
				key := newKey(t, k, "")
				encrypt(t, k, key, password, nil)
				time.Sleep(time.Minute)
				if n := calls.Load(); n < 1 || n > 20 {
					t.Errorf("%d watches in a minute", n)
				}
				encrypt(t, k, key, password, nil)
				must(t, changer.DisableKey(ctx, key))
				time.Sleep(5 * time.Second)
				_, err := k.Encrypt(ctx, key, password, nil)
				want(t, err, kms.ErrKeyDisabled)
				must(t, k.Close())
			})
		})
	}
}

func closedEvents() <-chan keystore.Event {
	events := make(chan keystore.Event)
	close(events)
	return events
}
