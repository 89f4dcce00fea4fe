package kms_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// An updated key, with all that can be updated.
func newUpdatable(t *testing.T, k *kms.KMS) *kms.Key {
	t.Helper()
	d, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{
		Description: "old", Tags: map[string]string{"team": "a", "env": ""}, RotationPeriod: 30 * day,
	})
	must(t, err)
	return d
}

// With nothing to change, UpdateKey describes the key and writes nothing.
func TestUpdateNothing(t *testing.T) {
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	d := newUpdatable(t, k)
	writes := store.Calls("Put")
	for _, opts := range []*kms.UpdateKeyOptions{nil, {}} {
		updated, err := k.UpdateKey(t.Context(), d.ID, opts)
		if err != nil || !reflect.DeepEqual(updated, d) {
			t.Errorf("%+v, %v, want %+v", updated, err, d)
		}
	}
	if n := store.Calls("Put") - writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// Each field alone changes that field alone, and what is returned is what is
// stored.
func TestUpdateEachField(t *testing.T) {
	empty, text, period, none := "", "new ✓", 7*day, time.Duration(0)
	for name, u := range map[string]struct {
		opts kms.UpdateKeyOptions
		edit func(d *kms.Key, now time.Time)
	}{
		"description":    {kms.UpdateKeyOptions{Description: &text}, func(d *kms.Key, _ time.Time) { d.Description = text }},
		"no description": {kms.UpdateKeyOptions{Description: &empty}, func(d *kms.Key, _ time.Time) { d.Description = "" }},
		"tags": {kms.UpdateKeyOptions{Tags: map[string]string{"b": "c"}}, func(d *kms.Key, _ time.Time) {
			d.Tags = map[string]string{"b": "c"}
		}},
		"no tags": {kms.UpdateKeyOptions{Tags: map[string]string{}}, func(d *kms.Key, _ time.Time) { d.Tags = nil }},
		"period": {kms.UpdateKeyOptions{RotationPeriod: &period}, func(d *kms.Key, now time.Time) {
			d.RotationPeriod, d.NextRotation = period, now.Add(period)
		}},
		"no period": {kms.UpdateKeyOptions{RotationPeriod: &none}, func(d *kms.Key, _ time.Time) {
			d.RotationPeriod, d.NextRotation = 0, time.Time{}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			k := open(t, memstore.New(), &kms.Options{Now: c.now})
			d := newUpdatable(t, k)
			c.advance(time.Hour) // what counts from the creation would show
			u.edit(d, c.Time)
			updated, err := k.UpdateKey(t.Context(), d.ID, &u.opts)
			must(t, err)
			for _, got := range []*kms.Key{updated, describe(t, k, d.ID)} {
				if len(got.Tags) == 0 {
					got.Tags = nil
				}
				if !reflect.DeepEqual(got, d) {
					t.Errorf("%+v, want %+v", got, d)
				}
			}
		})
	}
}

// Descriptions and tags at their limits are taken; beyond them, with a NUL, or
// with what is not UTF-8, nothing is changed.
func TestUpdateTextLimits(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	d := newUpdatable(t, k)
	tags := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint(i)] = ""
		}
		return m
	}
	long := func(n int) *string { s := strings.Repeat("x", n); return &s }
	bad, nul := "\xff", "a\x00"
	for name, opts := range map[string]kms.UpdateKeyOptions{
		"65 tags": {Tags: tags(65)}, "no name": {Tags: map[string]string{"": "x"}},
		"name of 129": {Tags: map[string]string{*long(129): ""}}, "value of 257": {Tags: map[string]string{"a": *long(257)}},
		"name": {Tags: map[string]string{bad: ""}}, "value": {Tags: map[string]string{"a": "b" + bad}},
		"description of 8193": {Description: long(8193)}, "description": {Description: &bad},
		"NUL in a name": {Tags: map[string]string{"a\x00b": ""}}, "NUL in a value": {Tags: map[string]string{"a": "\x00"}},
		"NUL in a description": {Description: &nul},
		"one good, one bad":    {Description: long(1), Tags: map[string]string{"": ""}},
	} {
		updated, err := k.UpdateKey(ctx, d.ID, &opts)
		if want(t, err, kms.ErrInvalidArgument); updated != nil {
			t.Errorf("%s: returned %+v", name, updated)
		}
		_, err = k.DryRun().UpdateKey(ctx, d.ID, &opts)
		want(t, err, kms.ErrInvalidArgument)
		if now := describe(t, k, d.ID); !reflect.DeepEqual(now, d) {
			t.Errorf("%s: changed to %+v", name, now)
		}
	}
	for name, opts := range map[string]kms.UpdateKeyOptions{
		"64 tags": {Tags: tags(64)}, "name of 128": {Tags: map[string]string{*long(128): ""}},
		"value of 256": {Tags: map[string]string{"a": *long(256)}}, "description of 8192": {Description: long(8192)},
	} {
		_, err := k.UpdateKey(ctx, d.ID, &opts)
		must(t, err)
		now := describe(t, open(t, store, nil), d.ID)
		if opts.Tags != nil && !maps.Equal(now.Tags, opts.Tags) || opts.Description != nil && now.Description != *opts.Description {
			t.Errorf("%s: %+v", name, now)
		}
	}
}

// Rotation periods are 7 to 2,560 days, or none.
func TestUpdateRotationPeriod(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newUpdatable(t, k).ID
	for period, ok := range map[time.Duration]bool{
		-1: false, -7 * day: false, 1: false, 6 * day: false, 7*day - 1: false, 7 * day: true, 2560 * day: true,
		2560*day + 1: false, 2561 * day: false, -1 << 63: false, 1<<63 - 1: false,
	} {
		c.advance(time.Hour)
		before := describe(t, k, key)
		updated, err := k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{RotationPeriod: &period})
		_, created := k.CreateKey(ctx, &kms.CreateKeyOptions{RotationPeriod: period})
		if !ok {
			want(t, err, kms.ErrInvalidArgument)
			want(t, created, kms.ErrInvalidArgument)
			if now := describe(t, k, key); !reflect.DeepEqual(now, before) {
				t.Errorf("%v: changed to %+v", period, now)
			}
			continue
		}
		must(t, err)
		must(t, created)
		if updated.RotationPeriod != period || updated.NextRotation != c.Add(period) {
			t.Errorf("%v: %+v", period, updated)
		}
	}
	external := newExternalKey(t, k, "")
	period, none := 7*day, time.Duration(0)
	text := "not written"
	_, err := k.UpdateKey(ctx, external, &kms.UpdateKeyOptions{RotationPeriod: &period, Description: &text})
	want(t, err, kms.ErrInvalidState)
	if d := describe(t, k, external); d.Description != "" {
		t.Errorf("half of the update was made: %+v", d)
	}
	_, err = k.UpdateKey(ctx, external, &kms.UpdateKeyOptions{RotationPeriod: &none})
	must(t, err)
}

// A period that is not whole milliseconds, which stored times are, leaves no
// difference between the key that is returned and the one that is stored.
func TestUpdateReturnsWhatIsStored(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), &kms.Options{Now: oddClock().now})
	period := 7*day + 1
	created, err := k.CreateKey(ctx, &kms.CreateKeyOptions{RotationPeriod: period})
	must(t, err)
	if d := describe(t, k, created.ID); d.NextRotation != created.NextRotation {
		t.Errorf("created to rotate %v, stored %v", created.NextRotation, d.NextRotation)
	}
	updated, err := k.UpdateKey(ctx, created.ID, &kms.UpdateKeyOptions{RotationPeriod: &period})
	must(t, err)
	if d := describe(t, k, created.ID); d.NextRotation != updated.NextRotation {
		t.Errorf("updated to rotate %v, stored %v", updated.NextRotation, d.NextRotation)
	}
}

// What goes in and comes out is the caller's to change.
func TestUpdateKeepsNoMaps(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	tags := map[string]string{"team": "a"}
	created, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Tags: tags})
	must(t, err)
	key := created.ID
	updated, err := k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Tags: tags})
	must(t, err)
	encrypt(t, k, key, password, nil) // the cache has the key
	unchanged, err := k.UpdateKey(ctx, key, nil)
	must(t, err)
	described := describe(t, k, key)
	for _, d := range []*kms.Key{created, updated, unchanged, described} {
		if d.Tags["team"] != "a" || len(d.Tags) != 1 {
			t.Errorf("tags %v", d.Tags)
		}
		d.Tags["team"], d.Versions[0].State = "spoilt", "spoilt"
	}
	tags["team"] = "spoilt"
	if d := describe(t, k, key); d.Tags["team"] != "a" || d.Versions[0].State != kms.KeyStateEnabled {
		t.Errorf("%+v", d)
	}
	g := &gatekeeper{}
	asked := open(t, memstore.New(), &kms.Options{Authorizer: g})
	created, err = asked.CreateKey(ctx, &kms.CreateKeyOptions{Tags: map[string]string{"team": "a"}})
	must(t, err)
	encrypt(t, asked, created.ID, password, nil)
	described = describe(t, asked, created.ID)
	described.Tags["team"] = "spoilt"
	g.take()
	encrypt(t, asked, created.ID, password, nil)
	if r, _ := g.take(); r[0].Tags["team"] != "a" {
		t.Errorf("the Authorizer sees %v", r[0].Tags)
	}
}

// A key that is on its way out can still be described better, and a destroyed
// one cannot.
func TestUpdateWhileScheduled(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newUpdatable(t, k).ID
	_, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	why, period := "replaced by another", 7*day
	_, err = k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Description: &why, RotationPeriod: &period})
	must(t, err)
	c.advance(7 * day)
	if r := maintain(t, k); r.Rotated != 0 || r.KeysDestroyed != 1 {
		t.Errorf("%+v", r)
	}
	if d := describe(t, k, key); d.Description != why || len(d.Versions) != 1 {
		t.Errorf("%+v", d)
	}
	_, err = k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Description: &why})
	want(t, err, kms.ErrKeyNotFound)
}
