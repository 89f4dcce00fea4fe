package kms_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// storedBody opens a record, as whoever has the store and the root key can.
func storedBody(tb testing.TB, store keystore.Store, name string) []byte {
	tb.Helper()
	ctx := context.Background()
	ring, err := keyring.Open(ctx, settle.NewWriter(store), root(tb, 1), true, time.Now())
	must(tb, err)
	rec, err := store.Get(ctx, name)
	must(tb, err)
	body, err := ring.Open(rec)
	must(tb, err)
	return body
}

func describe(tb testing.TB, k *kms.KMS, ref string) *kms.Key {
	tb.Helper()
	d, err := k.DescribeKey(context.Background(), ref)
	must(tb, err)
	return d
}

// windows are those of key deletion and of version destruction, and how long
// each really is; 0 for refused.
var windows = map[time.Duration]time.Duration{
	-1: 0, -7 * day: 0, 1: 0, time.Millisecond: 0, 6 * day: 0, 7*day - 1: 0, 7*day + 1: 0,
	7*day + time.Hour: 0, 1096*day + 1: 0, 1097 * day: 0, 1<<63 - 1: 0, -1 << 63: 0,
	0: 30 * day, 7 * day: 7 * day, 8 * day: 8 * day, 1096 * day: 1096 * day,
}

// oddClock stands between two milliseconds and in another time zone: dates are
// to the millisecond, in UTC.
func oddClock() *clock {
	return &clock{time.Date(2030, 1, 2, 3, 4, 5, 678_999_999, time.FixedZone("", -7200))}
}

// Windows are 7 to 1,096 whole days. The date that is returned is the one that
// is stored, and a refused window changes nothing.
func TestDeletionWindow(t *testing.T) {
	ctx := t.Context()
	c, store := oddClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	for window, long := range windows {
		before := slices.Collect(records(t, store, ""))
		date, err := k.ScheduleKeyDeletion(ctx, key, window)
		if long == 0 {
			want(t, err, kms.ErrInvalidArgument)
			if !date.IsZero() || !sameRecords(before, slices.Collect(records(t, store, ""))) {
				t.Errorf("window %v: date %v, or the key was changed", window, date)
			}
			continue
		}
		must(t, err)
		due := c.UTC().Truncate(time.Millisecond).Add(long)
		if d := describe(t, k, key); date != due || d.DeletionDate != due {
			t.Errorf("window %v: returned %v, described %v, want %v", window, date, d.DeletionDate, due)
		}
		must(t, k.CancelKeyDeletion(ctx, key))
		if d := describe(t, k, key); !d.DeletionDate.IsZero() || d.State != kms.KeyStateDisabled {
			t.Errorf("after cancelling %+v", d)
		}
	}
}

// Maintain destroys at the date, not a nanosecond before it, and once.
func TestDestroyedAtTheDate(t *testing.T) {
	ctx := t.Context()
	c := oddClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key, other := newKey(t, k, ""), newKey(t, k, "")
	date, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	_, err = k.ScheduleKeyDeletion(ctx, other, 8*day)
	must(t, err)
	for _, early := range []time.Duration{7 * day, time.Millisecond, 1} {
		c.Time = date.Add(-early)
		if r := maintain(t, k); r.Keys != 2 || r.KeysDestroyed != 0 {
			t.Errorf("%v before the date: %+v", early, r)
		}
	}
	c.Time = date
	if r := maintain(t, k); r.Keys != 2 || r.KeysDestroyed != 1 {
		t.Errorf("at the date: %+v", r)
	}
	if d := describe(t, k, key); d.State != kms.KeyStateDestroyed || d.DestroyedAt != date || d.DeletionDate != date {
		t.Errorf("%+v", d)
	}
	c.advance(time.Hour)
	if r := maintain(t, k); r.Keys != 2 || r.KeysDestroyed != 0 {
		t.Errorf("again: %+v", r)
	}
	if d := describe(t, k, key); d.DestroyedAt != date {
		t.Errorf("destroyed anew at %v", d.DestroyedAt)
	}
}

// A date does nothing by itself: until Maintain has run, a key can be saved.
func TestCancelAfterTheDate(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	ct := encrypt(t, k, key, password, nil)
	_, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	c.advance(2000 * day)
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyPendingDeletion)
	must(t, k.CancelKeyDeletion(ctx, key))
	want(t, k.CancelKeyDeletion(ctx, key), kms.ErrInvalidState)
	if r := maintain(t, k); r.KeysDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyDisabled)
	must(t, k.EnableKey(ctx, key))
	if got, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(got, password) {
		t.Errorf("%q, %v", got, err)
	}
	// The next window is a new one.
	date, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	if err != nil || date != c.Add(7*day) {
		t.Errorf("%v, %v", date, err)
	}
	want(t, func() error { _, err := k.ScheduleKeyDeletion(ctx, key, 8*day); return err }(), kms.ErrKeyPendingDeletion)
	if d := describe(t, k, key); d.DeletionDate != date {
		t.Errorf("scheduling twice moved the date to %v", d.DeletionDate)
	}
}

// An archived key does not come back archived, nor one without material
// enabled: what was cancelled is disabled, once it has material.
func TestCancelInOtherStates(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	archived, external := newKey(t, k, ""), newExternalKey(t, k, "")
	must(t, k.ArchiveKey(ctx, archived))
	for key, state := range map[string]kms.KeyState{
		archived: kms.KeyStateDisabled, external: kms.KeyStatePendingImport,
	} {
		_, err := k.ScheduleKeyDeletion(ctx, key, 0)
		must(t, err)
		if d := describe(t, k, key); d.State != kms.KeyStatePendingDeletion {
			t.Errorf("scheduled, the key is %s", d.State)
		}
		must(t, k.CancelKeyDeletion(ctx, key))
		if d := describe(t, k, key); d.State != state {
			t.Errorf("the key is %s, want %s", d.State, state)
		}
	}
	must(t, importMaterial(t, k, external, material1, kms.ImportKeyMaterialOptions{}))
	if d := describe(t, k, external); d.State != kms.KeyStateDisabled {
		t.Errorf("the imported key is %s", d.State)
	}
}

// A key that never had material can be destroyed too.
func TestDestroyWithoutMaterial(t *testing.T) {
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newExternalKey(t, k, "")
	_, err := k.ScheduleKeyDeletion(t.Context(), key, 7*day)
	must(t, err)
	c.advance(7 * day)
	if r := maintain(t, k); r.KeysDestroyed != 1 {
		t.Errorf("%+v", r)
	}
	if d := describe(t, k, key); d.State != kms.KeyStateDestroyed || len(d.Versions) != 0 {
		t.Errorf("%+v", d)
	}
	want(t, k.EnableKey(t.Context(), key), kms.ErrKeyNotFound)
}

// A grave is a store in which a key of two imported versions was destroyed.
type grave struct {
	*clock
	store   keystore.Store
	k       *kms.KMS
	before  *kms.Key // when it was scheduled
	key     string
	ct, dek []byte
}

func newGrave(t *testing.T) *grave {
	ctx := t.Context()
	g := &grave{clock: newClock(), store: memstore.New()}
	g.k = open(t, g.store, &kms.Options{Now: g.now})
	d, err := g.k.CreateKey(ctx, &kms.CreateKeyOptions{
		Origin: kms.OriginExternal, Description: "orders", Tags: map[string]string{"team": "payments"}, Alias: "alias/grave",
	})
	must(t, err)
	g.key = d.ID
	must(t, importMaterial(t, g.k, g.key, material1, kms.ImportKeyMaterialOptions{}))
	must(t, importMaterial(t, g.k, g.key, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	g.ct = encrypt(t, g.k, g.key, password, nil)
	dek, err := g.k.GenerateDataKey(ctx, g.key, 32, nil)
	must(t, err)
	g.dek = dek.Ciphertext
	_, err = g.k.ScheduleKeyDeletion(ctx, g.key, 7*day)
	must(t, err)
	g.before = describe(t, g.k, g.key)
	body := storedBody(t, g.store, "key/"+g.key)
	if !bytes.Contains(body, material1) || !bytes.Contains(body, material2) {
		t.Fatal("material does not stand in a body as it is: the test cannot look for it")
	}
	g.advance(7 * day)
	return g
}

// Nothing that could encrypt, or tell what did, is left of a destroyed key.
func TestTombstoneHasNoMaterial(t *testing.T) {
	g := newGrave(t)
	maintain(t, g.k)
	body := storedBody(t, g.store, "key/"+g.key)
	for _, material := range [][]byte{material1, material2} {
		for part := range slices.Chunk(material, 8) {
			if bytes.Contains(body, part) {
				t.Errorf("the tombstone has %q", part)
			}
		}
	}
	stored, err := record.ParseKey(body)
	must(t, err)
	for i, v := range stored.Versions {
		if v.Material != nil || v.Fingerprint != [16]byte{} {
			t.Errorf("version %d: %+v", i+1, v)
		}
	}
}

// What is known of a destroyed key is known for good, by its aliases as well.
func TestTombstoneIsDescribed(t *testing.T) {
	g := newGrave(t)
	maintain(t, g.k)
	fresh := open(t, g.store, &kms.Options{Now: g.now, MustExist: true})
	for _, k := range []*kms.KMS{g.k, fresh} {
		for _, ref := range []string{g.key, "alias/grave"} {
			d := describe(t, k, ref)
			if d.ID != g.key || d.Spec != kms.KeySpecAES256 || d.Usage != kms.KeyUsageEncryptDecrypt ||
				d.Origin != kms.OriginExternal || d.Description != "orders" || d.CreatedAt != g.before.CreatedAt ||
				!maps.Equal(d.Tags, g.before.Tags) || d.State != kms.KeyStateDestroyed || d.PrimaryVersion != 2 ||
				d.DeletionDate != g.before.DeletionDate || d.DestroyedAt != g.Time {
				t.Errorf("%s: %+v", ref, d)
			}
			for i, v := range d.Versions {
				if v.Version != uint32(i+1) || v.State != kms.KeyStateDestroyed || v.DestroyedAt != g.Time ||
					v.CreatedAt != g.before.Versions[i].CreatedAt {
					t.Errorf("%+v", v)
				}
			}
		}
	}
	for key, err := range fresh.Keys(t.Context(), "") {
		t.Errorf("listed: %+v, %v", key, err)
	}
	for key, err := range fresh.Keys(t.Context(), g.key) {
		t.Errorf("listed behind the tombstone: %+v, %v", key, err)
	}
	newKey(t, fresh, "") // the store is one like any other
}

// No operation brings a destroyed key back, or changes a byte of it; only a new
// storage key seals it anew.
func TestTombstoneStays(t *testing.T) {
	ctx := t.Context()
	g := newGrave(t)
	p, err := g.k.ImportParameters(ctx, g.key, fastWrapping)
	want(t, err, kms.ErrKeyPendingDeletion)
	if p != nil {
		t.Errorf("%+v", p)
	}
	maintain(t, g.k)
	before, err := g.store.Get(ctx, "key/"+g.key)
	must(t, err)
	for _, ref := range []string{g.key, "alias/grave"} {
		for name, call := range everyCallWithKey(g.k, ref) {
			switch err := call(ctx); {
			case name == "DescribeKey":
				must(t, err)
			case name == "DecryptWith" || name == "DecryptDataKeyWith": // another key's ciphertext
				want(t, err, kms.ErrInvalidCiphertext)
			default:
				want(t, err, kms.ErrKeyNotFound)
			}
		}
	}
	g.advance(3000 * day)
	maintain(t, g.k)
	after, err := g.store.Get(ctx, "key/"+g.key)
	must(t, err)
	if after.Rev != before.Rev || !bytes.Equal(after.Data, before.Data) {
		t.Error("the tombstone was changed")
	}
	must(t, g.k.RotateStorageKey(ctx))
	g.advance(day)
	if r := maintain(t, g.k); r.Resealed == 0 || r.OldStorageKeys != 0 || r.KeysDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	if d := describe(t, open(t, g.store, nil), g.key); d.State != kms.KeyStateDestroyed {
		t.Errorf("%+v", d)
	}
}

// What a destroyed key has encrypted is ErrKeyNotFound: at once where it was
// destroyed, and within MaxStale elsewhere, where it was refused before.
func TestDestroyedIsSeen(t *testing.T) {
	ctx := t.Context()
	g := newGrave(t)
	other := open(t, g.store, &kms.Options{Now: g.now})
	decrypts := func(k *kms.KMS) map[string]error {
		_, data := k.Decrypt(ctx, g.ct, nil)
		_, with := k.DecryptWith(ctx, "alias/grave", g.ct, nil)
		_, dek := k.DecryptDataKey(ctx, g.dek, nil)
		_, _, again := k.ReEncrypt(ctx, g.ct, nil, nil)
		_, enc := k.Encrypt(ctx, "alias/grave", password, nil)
		return map[string]error{"Decrypt": data, "DecryptWith": with, "DecryptDataKey": dek, "ReEncrypt": again, "Encrypt": enc}
	}
	for _, k := range []*kms.KMS{g.k, other} {
		for _, err := range decrypts(k) {
			want(t, err, kms.ErrKeyPendingDeletion)
		}
	}
	maintain(t, g.k)
	for _, err := range decrypts(g.k) {
		want(t, err, kms.ErrKeyNotFound)
	}
	for name, err := range decrypts(other) { // it may not know yet, but it gives nothing away
		if !errors.Is(err, kms.ErrKeyPendingDeletion) && !errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.advance(5 * time.Second)
	for _, err := range decrypts(other) {
		want(t, err, kms.ErrKeyNotFound)
	}
}
