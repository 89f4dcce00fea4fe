package main

import (
	"context"

	"github.com/embedkms/kms"
)

// oldVersion is what the first rotation leaves behind.
const oldVersion = 1

// destroyVersion makes the old version unusable, and in a week destroyed.
func (t *tour) destroyVersion(ctx context.Context) error {
	t.head("No customer needs version %d any more: schedule its destruction", oldVersion)
	return t.schedule(ctx)
}

func (t *tour) schedule(ctx context.Context) error {
	at, err := t.kms.ScheduleVersionDestruction(ctx, alias, oldVersion, window)
	if err != nil {
		return err
	}
	t.say("  version %d is unusable from now on, and will be destroyed on %s", oldVersion, date(at))
	return nil
}

// findForgotten meets what nobody thought of while it can still be saved: that
// is what the window is for.
func (t *tour) findForgotten(ctx context.Context) error {
	t.clock.advance(2 * day)
	t.head("Two days later somebody reads the archive, which was forgotten")
	_, err := t.archive.openAll(ctx, t.kms)
	if err := t.showRefusal("table archive", err, kms.ErrKeyPendingDeletion); err != nil {
		return err
	}
	t.head("Cancel, re-encrypt that too, and schedule again")
	if err := t.kms.CancelVersionDestruction(ctx, alias, oldVersion); err != nil {
		return err
	}
	t.say("  version %d can be used again", oldVersion)
	if err := t.showReEncrypt(ctx, t.archive); err != nil {
		return err
	}
	return t.schedule(ctx)
}

// finishDestruction lets the window pass. What is still under the version then
// is lost.
func (t *tour) finishDestruction(ctx context.Context) error {
	t.head("Call Maintain after the window")
	if err := t.maintain(ctx, window); err != nil {
		return err
	}
	if err := t.showOpen(ctx, t.customers, t.archive); err != nil {
		return err
	}
	_, err := t.customers.open(ctx, t.kms, t.oldRow)
	if err := t.showRefusal("an old copy of a row", err, kms.ErrVersionNotFound); err != nil {
		return err
	}
	t.head("What DescribeKey says of it")
	return t.describe(ctx, alias)
}

// describe prints a key and its versions.
func (t *tour) describe(ctx context.Context, ref string) error {
	key, err := t.kms.DescribeKey(ctx, ref)
	if err != nil {
		return err
	}
	t.say("  key %s, %s, primary version %d", key.ID, key.State, key.PrimaryVersion)
	for _, v := range key.Versions {
		t.say("    version %d: %s, created %s, %d encryptions", v.Version, v.State, date(v.CreatedAt), v.Encryptions)
	}
	return nil
}
