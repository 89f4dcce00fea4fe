package kms_test

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms"
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
