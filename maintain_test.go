package kms_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
)

// maintain runs Maintain, which must succeed.
func maintain(tb testing.TB, k *kms.KMS) kms.MaintenanceReport {
	tb.Helper()
	r, err := k.Maintain(tb.Context())
	must(tb, err)
	return *r
}

// newPeriodic creates a key that is rotated every 30 days.
func newPeriodic(tb testing.TB, k *kms.KMS) string {
	tb.Helper()
	key, err := k.CreateKey(tb.Context(), &kms.CreateKeyOptions{RotationPeriod: 30 * day})
	must(tb, err)
	return key.ID
}

func TestMaintainRotates(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key, manual := newPeriodic(t, k), newPeriodic(t, k)
	ct := encrypt(t, k, key, password, nil)
	check := func(ref string, primary uint32, next time.Time) {
		t.Helper()
		d, err := k.DescribeKey(ctx, ref)
		if err != nil || d.PrimaryVersion != primary || !d.NextRotation.Equal(next) || d.RotationPeriod != 30*day {
			t.Errorf("%+v, %v; want version %d, next %v", d, err, primary, next)
		}
	}
	start := c.Time
	check(key, 1, start.Add(30*day))
	c.advance(10 * day)
	_, err := k.RotateKey(ctx, manual)
	must(t, err)
	check(manual, 2, start.Add(40*day))
	c.advance(20*day - time.Millisecond)
	if r := maintain(t, k); r != (kms.MaintenanceReport{Keys: 2}) {
		t.Errorf("1 ms early: %+v", r)
	}
	c.advance(time.Millisecond)
	if r := maintain(t, k); r != (kms.MaintenanceReport{Keys: 2, Rotated: 1}) {
		t.Errorf("when due: %+v", r)
	}
	check(key, 2, start.Add(60*day))
	check(manual, 2, start.Add(40*day))
	if r := maintain(t, k); r != (kms.MaintenanceReport{Keys: 2}) {
		t.Errorf("again: %+v", r)
	}
	if info, _ := kms.ParseCiphertext(encrypt(t, k, key, password, nil)); info.KeyVersion != 2 {
		t.Errorf("encrypted under version %d", info.KeyVersion)
	}
	decrypts(t, k, ct)
	c.advance(200 * day) // once, not for each period that was missed
	if r := maintain(t, k); r.Rotated != 2 {
		t.Errorf("late: %+v", r)
	}
	check(key, 3, c.Add(30*day))
	decrypts(t, k, ct)
	none := time.Duration(0)
	_, err = k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{RotationPeriod: &none})
	must(t, err)
	c.advance(3000 * day)
	if r := maintain(t, k); r.Rotated != 1 {
		t.Errorf("without a period: %+v", r)
	}
}

// A key that may not encrypt is not rotated before it may.
func TestMaintainRotatesEnabledOnly(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	disabled, archived, leaving := newPeriodic(t, k), newPeriodic(t, k), newPeriodic(t, k)
	must(t, k.DisableKey(ctx, disabled))
	must(t, k.ArchiveKey(ctx, archived))
	_, err := k.ScheduleKeyDeletion(ctx, leaving, 40*day)
	must(t, err)
	imported := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, imported, material1, kms.ImportKeyMaterialOptions{}))
	c.advance(35 * day)
	if r := maintain(t, k); r != (kms.MaintenanceReport{Keys: 4}) {
		t.Errorf("%+v", r)
	}
	must(t, k.CancelKeyDeletion(ctx, leaving))
	if r := maintain(t, k); r.Rotated != 0 {
		t.Errorf("%+v", r)
	}
	for _, key := range []string{disabled, archived, leaving} {
		must(t, k.EnableKey(ctx, key))
		if r := maintain(t, k); r.Rotated != 1 {
			t.Errorf("after EnableKey: %+v", r)
		}
	}
	c.advance(3000 * day)
	if r := maintain(t, k); r.Rotated != 3 {
		t.Errorf("%+v", r)
	}
	if d, err := k.DescribeKey(ctx, imported); err != nil || d.PrimaryVersion != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// However many maintain at once, each thing that is due is done once.
func TestMaintainAtOnce(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	var kmss [4]*kms.KMS
	for i := range kmss {
		kmss[i] = open(t, store, &kms.Options{Now: c.now})
	}
	var keys []string
	for range 150 {
		keys = append(keys, newPeriodic(t, kmss[0]))
	}
	leaving := newKey(t, kmss[0], "")
	_, err := kmss[0].ScheduleKeyDeletion(ctx, leaving, 7*day)
	must(t, err)
	c.advance(30 * day)
	var mu sync.Mutex
	var rotated, destroyed int
	var wg sync.WaitGroup
	for _, k := range kmss {
		wg.Go(func() {
			r, err := k.Maintain(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || r.Failed > 0 {
				t.Errorf("%+v, %v", r, err)
			}
			rotated, destroyed = rotated+r.Rotated, destroyed+r.KeysDestroyed
		})
	}
	wg.Wait()
	if rotated != len(keys) || destroyed != 1 {
		t.Errorf("%d rotations and %d destructions, want %d and 1", rotated, destroyed, len(keys))
	}
	for _, key := range keys {
		if d, err := kmss[0].DescribeKey(ctx, key); err != nil || d.PrimaryVersion != 2 {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}

// newMix creates 270 keys, and what there is to maintain on them in 30 days.
func newMix(t *testing.T, k *kms.KMS, c *clock) {
	ctx := t.Context()
	for i := range 266 {
		opts := kms.CreateKeyOptions{Alias: fmt.Sprintf("alias/%d", i)}
		if i%7 == 0 {
			opts.RotationPeriod = 30 * day // 38 keys
		}
		d, err := k.CreateKey(ctx, &opts)
		must(t, err)
		switch i % 14 {
		case 1: // 19 keys
			_, err = k.ScheduleKeyDeletion(ctx, d.ID, 29*day)
		case 2: // 19 keys, two versions each
			for range 2 {
				_, err = k.RotateKey(ctx, d.ID)
				must(t, err)
			}
			_, err = k.ScheduleVersionDestruction(ctx, d.ID, 1, 7*day)
			must(t, err)
			_, err = k.ScheduleVersionDestruction(ctx, d.ID, 2, 30*day)
		case 3:
			_, err = k.ScheduleKeyDeletion(ctx, d.ID, 31*day)
		case 4:
			encrypt(t, k, d.ID, password, nil)
		}
		must(t, err)
	}
	for range 4 { // keys whose material ends
		key := newExternalKey(t, k, "")
		must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: c.Add(30 * day)}))
		_, err := k.ImportParameters(ctx, key, fastWrapping) // a token that nobody uses
		must(t, err)
	}
}

// Everything at once: each duty is counted, told once, and done once.
func TestMaintainEverything(t *testing.T) {
	ctx := t.Context()
	c, g, store := newClock(), &gatekeeper{}, faultstore.New(memstore.New())
	k := open(t, store, &kms.Options{Now: c.now, Auditor: g, Authorizer: g})
	newMix(t, k, c)
	must(t, k.RotateStorageKey(ctx))
	total := count(t, store, "") - 1
	c.advance(30 * day)
	wanted := kms.MaintenanceReport{
		Keys: 270, Rotated: 38, MaterialsExpired: 4, VersionsDestroyed: 38, KeysDestroyed: 19,
		TokensRemoved: 4,
	}
	// What was changed for another reason is under the new storage key anyway,
	// and so are the 19 counts.
	wanted.Resealed = total - 38 - 4 - 19 - 19 - 4
	g.take()
	lists := store.Calls("List")
	if r := maintain(t, k); r != wanted {
		t.Errorf("%+v, want %+v", r, wanted)
	}
	if n := store.Calls("List") - lists; n != 4*2 { // key/, usage/, token/ and alias/, and an empty page of each
		t.Errorf("%d lists", n)
	}
	requests, events := g.take()
	ops := map[string]int{}
	for i, e := range events {
		ops[e.Op]++
		if e.Err != nil || (e.KeyID == "") != (e.Op == kms.OpMaintain) || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
		if (e.KeyVersion != 0) != (e.Op == kms.OpMaintainDestroyVersion || e.Op == kms.OpMaintainRotate) {
			t.Errorf("event %+v", e)
		}
		if last := i == len(events)-1; last != (e.Op == kms.OpMaintain) {
			t.Errorf("event %d of %d is %s", i, len(events), e.Op)
		}
	}
	if len(requests) != 1 || requests[0].Op != kms.OpMaintain {
		t.Errorf("asked %+v", requests)
	}
	if got := fmt.Sprint(ops); got != fmt.Sprint(map[string]int{
		kms.OpMaintain: 1, kms.OpMaintainRotate: 38, kms.OpMaintainExpire: 4,
		kms.OpMaintainDestroyVersion: 38, kms.OpMaintainDestroy: 19,
	}) {
		t.Errorf("told %s", got)
	}
	puts := store.Calls("Put")
	if r := maintain(t, k); r != (kms.MaintenanceReport{Keys: 270}) || store.Calls("Put") != puts {
		t.Errorf("again: %+v, %d writes", r, store.Calls("Put")-puts)
	}
	if _, events := g.take(); len(events) != 1 {
		t.Errorf("told again %+v", events)
	}
}

// damage alters the stored bytes of a record, on files or in memory.
func damage(tb testing.TB, store keystore.Store, key string) {
	tb.Helper()
	rec, err := store.Get(tb.Context(), key)
	must(tb, err)
	rec.Rev++
	rec.Data[len(rec.Data)-1] ^= 1
	must(tb, store.Put(tb.Context(), rec))
}

// A record that does not open keeps no other from what is due, but the old
// storage key from being dropped.
func TestMaintainWithDamage(t *testing.T) {
	ctx := t.Context()
	files, err := filestore.Open(t.TempDir(), nil)
	must(t, err)
	defer files.Close()
	for name, store := range map[string]keystore.Store{"memstore": memstore.New(), "filestore": files} {
		c := newClock()
		k := open(t, store, &kms.Options{Now: c.now})
		var keys []string
		for range 5 {
			keys = append(keys, newPeriodic(t, k))
		}
		must(t, k.CreateAlias(ctx, "alias/a", keys[0]))
		must(t, k.RotateStorageKey(ctx))
		good, err := store.Get(ctx, "key/"+keys[2])
		must(t, err)
		damage(t, store, "key/"+keys[2])
		c.advance(30 * day)
		for _, rotated := range []int{4, 0} {
			r, err := open(t, store, &kms.Options{Now: c.now}).Maintain(ctx)
			want(t, err, kms.ErrTampered)
			if r.Failed != 1 || r.Keys != 5 || r.Rotated != rotated || r.OldStorageKeys == 0 ||
				!strings.Contains(err.Error(), "key/"+keys[2]) {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		good.Rev += 2
		resealAt(t, store, good, good.Rev-2)
		if r := maintain(t, open(t, store, &kms.Options{Now: c.now})); r.Rotated != 1 || r.OldStorageKeys != 0 {
			t.Errorf("%s: repaired: %+v", name, r)
		}
		finish(t, store)
	}
}

// resealAt puts the content that rec had at revision rev back at rec.Rev.
func resealAt(tb testing.TB, store keystore.Store, rec keystore.Record, rev uint64) {
	tb.Helper()
	ring := openRing(tb, store)
	body, err := ring.Open(keystore.Record{Key: rec.Key, Rev: rev, Data: rec.Data})
	must(tb, err)
	must(tb, store.Put(tb.Context(), keystore.Record{
		Key: rec.Key, Rev: rec.Rev, Data: ring.Seal(rec.Key, rec.Rev, body),
	}))
}

// A store that goes away ends the run, and the next one goes on.
func TestMaintainOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newClock(), faultstore.New(memstore.New())
		k := open(t, store, &kms.Options{Now: c.now})
		defer k.Close()
		const keys = 130
		for range keys {
			newPeriodic(t, k)
		}
		c.advance(30 * day)
		for calls := 3; calls < 520; calls += 57 {
			left := calls
			store.Fault = func(faultstore.Call) faultstore.Fault {
				if left--; left <= 0 {
					store.SetDown(true)
				}
				return faultstore.None
			}
			start := time.Now()
			r, err := k.Maintain(t.Context())
			if !errors.Is(err, kms.ErrStoreUnavailable) && !errors.Is(err, kms.ErrUnknownOutcome) || r == nil || r.Failed > 1 {
				t.Fatalf("after %d calls: %+v, %v", calls, r, err)
			}
			if d := time.Since(start); d > 10*time.Second || !errors.Is(err, faultstore.ErrFault) {
				t.Errorf("took %v: %v", d, err)
			}
			store.Fault = nil
			store.SetDown(false)
			r2, err := k.Maintain(t.Context())
			// One whose reply was lost may be done already.
			if sum := r.Rotated + r2.Rotated; err != nil || sum < keys-1 || sum > keys {
				t.Fatalf("after %d calls: %+v, then %+v, %v", calls, r, r2, err)
			}
			c.advance(30 * day)
		}
	})
}

func TestMaintainNotMade(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), faultstore.New(memstore.New())
	k := open(t, store, &kms.Options{Now: c.now})
	key := newPeriodic(t, k)
	encrypt(t, k, key, password, nil)
	c.advance(40 * day)
	before := store.Calls("Put") + store.Calls("Delete") + store.Calls("List")
	r, err := k.DryRun().Maintain(ctx)
	if want(t, err, kms.ErrDryRun); *r != (kms.MaintenanceReport{}) {
		t.Errorf("%+v", r)
	}
	g := &gatekeeper{deny: func(*kms.Request) error { return errDenied }}
	denied := open(t, store, &kms.Options{Now: c.now, Authorizer: g})
	r, err = denied.Maintain(ctx)
	if want(t, err, kms.ErrAccessDenied); *r != (kms.MaintenanceReport{}) {
		t.Errorf("%+v", r)
	}
	must(t, denied.Close())
	_, err = denied.Maintain(ctx)
	want(t, err, kms.ErrClosed)
	if n := store.Calls("Put") + store.Calls("Delete") + store.Calls("List"); n != before {
		t.Errorf("%d calls", n-before)
	}
	if r := maintain(t, k); r.Rotated != 1 {
		t.Errorf("%+v", r)
	}
}

// A destroyed key keeps its description and nothing to decrypt with.
func TestMaintainDestroysMaterial(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	ct := encrypt(t, k, key, password, nil)
	_, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	c.advance(7*day - time.Millisecond)
	if r := maintain(t, k); r.KeysDestroyed != 0 {
		t.Errorf("1 ms early: %+v", r)
	}
	c.advance(time.Millisecond)
	if r := maintain(t, k); r.KeysDestroyed != 1 {
		t.Errorf("%+v", r)
	}
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyNotFound)
	rec, err := store.Get(ctx, "key/"+key)
	must(t, err)
	body, err := openRing(t, store).Open(rec)
	must(t, err)
	stored, err := record.ParseKey(body)
	must(t, err)
	v := stored.Versions[0]
	if bytes.Contains(body, material1) || v.Material != nil || v.Fingerprint != [16]byte{} || v.DestroyedAt.IsZero() {
		t.Errorf("%+v", stored)
	}
}
