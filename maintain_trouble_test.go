package kms_test

import (
	"bytes"
	"crypto/cipher"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore/memstore"
)

// A key that has as many versions as it may have is not rotated, but all else is
// done to it, and it does not keep its old storage key for ever.
func TestMaintainVersionLimit(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newPeriodic(t, k)
	editKey(t, store, key, func(rec *record.Key) {
		for i := range 4095 {
			v := rec.Versions[0]
			v.ID[0], v.ID[1], v.Material = byte(i), byte(i>>8), bytes.Repeat([]byte{byte(i), 1}, 16)
			rec.Versions = append(rec.Versions, v)
		}
	})
	_, err := k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	must(t, k.RotateStorageKey(ctx))
	c.advance(30 * day)
	r, err := k.Maintain(ctx)
	if err != nil {
		want(t, err, kms.ErrLimitExceeded)
	}
	if r.VersionsDestroyed != 1 {
		t.Errorf("the version is not destroyed: %+v", r)
	}
	if got := storageVersions(t, store); got[1] != 0 {
		t.Errorf("records under storage keys %v", got)
	}
}

// A count that cannot be read does not keep a key from being destroyed.
func TestMaintainWithDamagedUsage(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	encrypt(t, k, key, password, nil)
	maintain(t, k)
	damage(t, store, "usage/"+key)
	encrypt(t, k, key, password, nil)
	_, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	c.advance(7 * day)
	r, err := k.Maintain(ctx)
	if err != nil || r.KeysDestroyed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The same in a file, which the store does not let be written over.
func TestMaintainWithDamagedUsageFile(t *testing.T) {
	ctx, dir, c := t.Context(), t.TempDir(), newClock()
	k := open(t, openFiles(t, dir), &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	encrypt(t, k, key, password, nil)
	maintain(t, k)
	file := filepath.Join(dir, "usage", key)
	b, err := os.ReadFile(file)
	must(t, err)
	b[len(b)-1] ^= 1
	must(t, os.WriteFile(file, b, 0o600))
	_, err = k.DescribeKey(ctx, key)
	must(t, err)
	must(t, k.Export(ctx, io.Discard, root(t, 2)))
	encrypt(t, k, key, password, nil)
	must(t, k.RotateStorageKey(ctx))
	c.advance(day)
	r, err := k.Maintain(ctx)
	if want(t, err, kms.ErrTampered); r.Failed != 1 || r.OldStorageKeys != 0 || !strings.Contains(err.Error(), "usage/"+key) {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, os.Remove(file)) // which is all that it takes
	maintain(t, k)
	wantCounts(t, k, key, 1)
}

// A key that cannot be written keeps no other from what is due.
func TestMaintainUnwritableKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), faultstore.New(memstore.New())
		k, later := open(t, store, nil), open(t, store, &kms.Options{Now: func() time.Time { return time.Now().Add(8 * day) }})
		var keys []string
		for range 4 {
			keys = append(keys, newKey(t, k, ""))
			_, err := k.ScheduleKeyDeletion(ctx, keys[len(keys)-1], 7*day)
			must(t, err)
		}
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" && c.Key == "key/"+slices.Min(keys) {
				return faultstore.Refuse
			}
			return faultstore.None
		}
		r, err := later.Maintain(ctx)
		if want(t, err, kms.ErrUnknownOutcome); r.KeysDestroyed != 3 || r.Failed != 1 || r.Keys != 4 {
			t.Errorf("%+v, %v", r, err)
		}
		must(t, k.Close())
		must(t, later.Close())
	})
}

// A key that cannot be rotated, because this process has no SM4, is maintained
// in all else.
func TestMaintainUnrotatableKey(t *testing.T) {
	ctx, store, c := t.Context(), memstore.New(), newClock()
	k := open(t, store, &kms.Options{Now: c.now})
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4, RotationPeriod: 7 * day})
	must(t, err)
	_, err = k.RotateKey(ctx, d.ID)
	must(t, err)
	_, err = k.ScheduleVersionDestruction(ctx, d.ID, 1, 7*day)
	must(t, err)
	c.advance(8 * day)
	r, err := open(t, store, &kms.Options{Now: c.now, GM: noSM4{gm.Default()}}).Maintain(ctx)
	if want(t, err, kms.ErrUnsupportedAlgorithm); r.VersionsDestroyed != 1 || r.Rotated != 0 || r.Failed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r := maintain(t, k); r.Rotated != 1 {
		t.Errorf("%+v", r)
	}
}

// noSM4 is a provider that refuses SM4.
type noSM4 struct{ gm.Provider }

func (noSM4) NewSM4(*[16]byte) (cipher.Block, error) { return nil, gm.ErrUnsupportedAlgorithm }

func (noSM4) NewSM4GCM(*[16]byte) (cipher.AEAD, error) { return nil, gm.ErrUnsupportedAlgorithm }

// Over a store that can be read and not written, Maintain ends after a few keys:
// each costs the seconds that a write is settled for.
func TestMaintainReadOnlyStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), faultstore.New(memstore.New())
		k, later := open(t, store, nil), open(t, store, &kms.Options{Now: func() time.Time { return time.Now().Add(8 * day) }})
		for range 50 {
			_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{RotationPeriod: 7 * day})
			must(t, err)
		}
		must(t, k.RotateStorageKey(ctx))
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" {
				return faultstore.Refuse
			}
			return faultstore.None
		}
		start := time.Now()
		r, err := later.Maintain(ctx)
		if want(t, err, kms.ErrUnknownOutcome); r.Failed != 3 || time.Since(start) > 15*time.Second {
			t.Errorf("%+v after %v, %v", r, time.Since(start), err)
		}
		store.Fault = nil
		if r := maintain(t, later); r.Rotated != 50 {
			t.Errorf("%+v", r)
		}
		must(t, k.Close())
		must(t, later.Close())
	})
}

// A count that could not be written this time still needs its storage key, which
// is not dropped.
func TestMaintainUnwritableUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, "")
		encrypt(t, k, key, password, nil)
		maintain(t, k)
		must(t, k.RotateStorageKey(ctx))
		later := open(t, store, tomorrow)
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" && c.Key == "usage/"+key {
				return faultstore.Refuse
			}
			return faultstore.None
		}
		r, err := later.Maintain(ctx)
		if want(t, err, kms.ErrUnknownOutcome); r.OldStorageKeys != 1 {
			t.Errorf("%+v", r)
		}
		store.Fault = nil
		if r := maintain(t, later); r.OldStorageKeys != 0 {
			t.Errorf("%+v", r)
		}
		wantCounts(t, later, key, 1)
		must(t, k.Close())
		must(t, later.Close())
	})
}

// A used token whose record could not be removed is removed by Maintain.
func TestUsedTokenIsRemoved(t *testing.T) {
	ctx, store := t.Context(), faultstore.New(memstore.New())
	k := open(t, store, nil)
	key := newExternalKey(t, k, "")
	unused, err := k.ImportParameters(ctx, key, fastWrapping)
	must(t, err)
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method == "Delete" {
			return faultstore.Refuse
		}
		return faultstore.None
	}
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	store.Fault = nil
	if n := count(t, store, "token/"); n != 2 {
		t.Fatalf("%d tokens", n)
	}
	if r := maintain(t, k); r.TokensRemoved != 1 {
		t.Errorf("%+v", r)
	}
	must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
		Token: unused.Token, EncryptedMaterial: wrap(t, unused, material1),
	}))
}
