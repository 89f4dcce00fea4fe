package kms_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore/memstore"
)

// newVersions creates a key of three versions and returns its ID and a
// ciphertext of each version.
func newVersions(t *testing.T, k *kms.KMS) (key string, cts [][]byte) {
	t.Helper()
	key = newKey(t, k, "")
	cts = append(cts, encrypt(t, k, key, password, nil))
	for range 2 {
		_, err := k.RotateKey(t.Context(), key)
		must(t, err)
		cts = append(cts, encrypt(t, k, key, password, nil))
	}
	return key, cts
}

// decryptsAs fails the test unless a ciphertext decrypts to sentinel, or to the
// password if that is nil.
func decryptsAs(t *testing.T, k *kms.KMS, ct []byte, sentinel error) {
	t.Helper()
	got, err := k.Decrypt(t.Context(), ct, nil)
	if sentinel != nil {
		if want(t, err, sentinel); got != nil {
			t.Errorf("decrypted %q", got)
		}
		return
	}
	if err != nil || !bytes.Equal(got, password) {
		t.Errorf("decrypted %q, %v", got, err)
	}
}

// Windows of versions are as those of keys.
func TestDestructionWindow(t *testing.T) {
	ctx := t.Context()
	c, store := oddClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key, _ := newVersions(t, k)
	for window, long := range windows {
		before := slices.Collect(records(t, store, ""))
		date, err := k.ScheduleVersionDestruction(ctx, key, 2, window)
		if long == 0 {
			want(t, err, kms.ErrInvalidArgument)
			if !date.IsZero() || !sameRecords(before, slices.Collect(records(t, store, ""))) {
				t.Errorf("window %v: date %v, or the key was changed", window, date)
			}
			continue
		}
		must(t, err)
		due := c.UTC().Truncate(time.Millisecond).Add(long)
		if d := describe(t, k, key); date != due || d.Versions[1].DestructionDate != due || d.State != kms.KeyStateEnabled {
			t.Errorf("window %v: returned %v, described %+v, want %v", window, date, d, due)
		}
		must(t, k.CancelVersionDestruction(ctx, key, 2))
	}
}

// Only old versions that are there can be scheduled, and a refusal changes
// nothing.
func TestDestructionOfNoOldVersion(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key, _ := newVersions(t, k)
	single, external := newKey(t, k, ""), newExternalKey(t, k, "")
	before := slices.Collect(records(t, store, ""))
	for _, c := range []struct {
		key     string
		version uint32
		want    error
	}{
		{key, 0, kms.ErrVersionNotFound}, {key, 4, kms.ErrVersionNotFound}, {key, 99, kms.ErrVersionNotFound},
		{key, 1<<32 - 1, kms.ErrVersionNotFound}, {key, 3, kms.ErrInvalidState}, {single, 1, kms.ErrInvalidState},
		{external, 0, kms.ErrVersionNotFound}, {external, 1, kms.ErrVersionNotFound},
	} {
		date, err := k.ScheduleVersionDestruction(ctx, c.key, c.version, 0)
		want(t, err, c.want)
		if !date.IsZero() {
			t.Errorf("version %d: returned %v", c.version, date)
		}
		want(t, k.CancelVersionDestruction(ctx, c.key, c.version), c.want)
		_, err = k.DryRun().ScheduleVersionDestruction(ctx, c.key, c.version, 0)
		want(t, err, c.want)
	}
	want(t, k.CancelVersionDestruction(ctx, key, 1), kms.ErrInvalidState) // not scheduled
	if !sameRecords(before, slices.Collect(records(t, store, ""))) {
		t.Error("something was changed")
	}
}

// A scheduled version refuses at once, the others go on, and cancelling brings
// it back to what it was.
func TestDestructionIsCancelled(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key, cts := newVersions(t, k)
	before := describe(t, k, key)
	date, err := k.ScheduleVersionDestruction(ctx, key, 2, 7*day)
	must(t, err)
	decryptsAs(t, k, cts[0], nil)
	decryptsAs(t, k, cts[1], kms.ErrKeyPendingDeletion)
	decryptsAs(t, k, cts[2], nil)
	_, _, err = k.ReEncrypt(ctx, cts[1], nil, nil)
	want(t, err, kms.ErrKeyPendingDeletion)
	encrypt(t, k, key, password, nil)
	c.advance(time.Hour)
	_, err = k.ScheduleVersionDestruction(ctx, key, 2, 7*day)
	want(t, err, kms.ErrKeyPendingDeletion)
	if d := describe(t, k, key); d.Versions[1].DestructionDate != date || d.Versions[1].State != kms.KeyStatePendingDeletion {
		t.Errorf("%+v", d.Versions[1])
	}
	c.advance(100 * day) // without Maintain the date does nothing
	must(t, k.CancelVersionDestruction(ctx, key, 2))
	want(t, k.CancelVersionDestruction(ctx, key, 2), kms.ErrInvalidState)
	if r := maintain(t, k); r.VersionsDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	for _, ct := range cts {
		decryptsAs(t, k, ct, nil)
	}
	after := describe(t, k, key)
	for i := range after.Versions {
		after.Versions[i].Encryptions = before.Versions[i].Encryptions
	}
	if !slices.Equal(after.Versions, before.Versions) {
		t.Errorf("%+v, was %+v", after.Versions, before.Versions)
	}
}

// A version is destroyed at its date, not a nanosecond before it, for good, and
// by nothing else than its number: the others keep theirs.
func TestVersionIsDestroyed(t *testing.T) {
	ctx := t.Context()
	c := oddClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key, cts := newVersions(t, k)
	date, err := k.ScheduleVersionDestruction(ctx, key, 2, 7*day)
	must(t, err)
	c.Time = date.Add(-1)
	if r := maintain(t, k); r.VersionsDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	decryptsAs(t, k, cts[1], kms.ErrKeyPendingDeletion)
	c.Time = date
	if r := maintain(t, k); r.VersionsDestroyed != 1 || r.KeysDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	for range 2 {
		decryptsAs(t, k, cts[0], nil)
		decryptsAs(t, k, cts[1], kms.ErrVersionNotFound)
		decryptsAs(t, k, cts[2], nil)
		d := describe(t, k, key)
		if v := d.Versions[1]; v.State != kms.KeyStateDestroyed || v.DestroyedAt != date || v.Version != 2 || len(d.Versions) != 3 {
			t.Errorf("%+v", d)
		}
		c.advance(time.Hour)
		if r := maintain(t, k); r.VersionsDestroyed != 0 {
			t.Errorf("destroyed again: %+v", r)
		}
		want(t, k.CancelVersionDestruction(ctx, key, 2), kms.ErrVersionNotFound)
		_, err = k.ScheduleVersionDestruction(ctx, key, 2, 0)
		want(t, err, kms.ErrVersionNotFound)
		_, _, err = k.ReEncrypt(ctx, cts[1], nil, nil)
		want(t, err, kms.ErrVersionNotFound)
	}
}

// The material of a destroyed version is gone from the stored body, that of the
// other is not; what was destroyed is not taken back as what the key has had.
func TestDestroyedVersionHasNoMaterial(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	ct := encrypt(t, k, key, password, nil)
	must(t, importMaterial(t, k, key, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	_, err := k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	c.advance(7 * day)
	maintain(t, k)
	body := storedBody(t, store, "key/"+key)
	for part := range slices.Chunk(material1, 8) { // of which the other has none
		if bytes.Contains(body, part) {
			t.Errorf("the body has %q", part)
		}
	}
	if !bytes.Contains(body, material2) {
		t.Error("the other version has lost its material")
	}
	stored, err := record.ParseKey(body)
	must(t, err)
	if v := stored.Versions[0]; v.Material != nil || v.Fingerprint != [16]byte{} {
		t.Errorf("%+v", v)
	}
	want(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}), kms.ErrInvalidKeyMaterial)
	decryptsAs(t, k, ct, kms.ErrVersionNotFound)
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{NewVersion: true}))
	decryptsAs(t, k, ct, kms.ErrVersionNotFound) // it is another version, though of the same bytes
}

// The way to retire a version: rotate, re-encrypt, schedule, wait. What was
// re-encrypted stays readable, in other processes as well.
func TestRetireVersion(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	other := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	var rows [][]byte
	for range 20 {
		rows = append(rows, encrypt(t, k, key, password, prod))
	}
	old := rows[0]
	_, err := other.Decrypt(ctx, old, prod)
	must(t, err)
	_, err = k.RotateKey(ctx, key)
	must(t, err)
	for i, row := range rows {
		again, changed, err := k.ReEncrypt(ctx, row, prod, nil)
		must(t, err)
		if !changed {
			t.Errorf("row %d is of the old version still", i)
		}
		rows[i] = again
	}
	_, err = k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	_, _, err = k.ReEncrypt(ctx, old, prod, nil)
	want(t, err, kms.ErrKeyPendingDeletion)
	c.advance(7 * day)
	if r := maintain(t, k); r.VersionsDestroyed != 1 {
		t.Errorf("%+v", r)
	}
	for _, reader := range []*kms.KMS{k, other} {
		for _, row := range rows {
			got, err := reader.Decrypt(ctx, row, prod)
			if err != nil || !bytes.Equal(got, password) {
				t.Errorf("%q, %v", got, err)
			}
		}
		_, err = reader.Decrypt(ctx, old, prod)
		want(t, err, kms.ErrVersionNotFound)
	}
}

// Another process refuses a scheduled version within MaxStale, and a key's state
// comes before its version's.
func TestDestructionIsSeen(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	other := open(t, store, &kms.Options{Now: c.now})
	key, cts := newVersions(t, k)
	decryptsAs(t, other, cts[0], nil)
	_, err := k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	c.advance(5 * time.Second)
	decryptsAs(t, other, cts[0], kms.ErrKeyPendingDeletion)
	must(t, k.DisableKey(ctx, key))
	decryptsAs(t, k, cts[0], kms.ErrKeyDisabled)
	c.advance(7 * day)
	if r := maintain(t, k); r.VersionsDestroyed != 1 { // whatever the key's mode
		t.Errorf("%+v", r)
	}
	decryptsAs(t, k, cts[0], kms.ErrKeyDisabled)
	must(t, k.EnableKey(ctx, key))
	decryptsAs(t, k, cts[0], kms.ErrVersionNotFound)
	if _, err := other.Decrypt(ctx, cts[0], nil); !errors.Is(err, kms.ErrVersionNotFound) {
		t.Error(err)
	}
}

// Both windows may run at a time: the key's end is the versions' end, and a
// version that was destroyed before keeps its date.
func TestDestroyKeyAndVersion(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key, _ := newVersions(t, k)
	first, err := k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	_, err = k.ScheduleVersionDestruction(ctx, key, 2, 30*day)
	must(t, err)
	date, err := k.ScheduleKeyDeletion(ctx, key, 8*day)
	must(t, err)
	_, err = k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	want(t, err, kms.ErrKeyPendingDeletion)
	want(t, k.CancelVersionDestruction(ctx, key, 1), kms.ErrKeyPendingDeletion)
	c.Time = first
	if r := maintain(t, k); r.VersionsDestroyed != 1 || r.KeysDestroyed != 0 {
		t.Errorf("%+v", r)
	}
	c.Time = date
	if r := maintain(t, k); r.VersionsDestroyed != 0 || r.KeysDestroyed != 1 {
		t.Errorf("%+v", r)
	}
	d := describe(t, k, key)
	for i, at := range []time.Time{first, date, date} {
		if v := d.Versions[i]; v.State != kms.KeyStateDestroyed || v.DestroyedAt != at {
			t.Errorf("%+v, want destroyed %v", v, at)
		}
	}
	c.advance(100 * day)
	if r := maintain(t, k); r.VersionsDestroyed != 0 || r.KeysDestroyed != 0 {
		t.Errorf("%+v", r)
	}
}
