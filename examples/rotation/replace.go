package main

import (
	"context"

	"github.com/embedkms/kms"
)

// replaceKey moves the alias to another key, for instance because the old one is
// of another spec than is wanted now. Programs that name the alias need no change.
func (t *tour) replaceKey(ctx context.Context) error {
	t.head("Replace the key: move %s to a new one, and archive the old", alias)
	created, err := t.kms.CreateKey(ctx, &kms.CreateKeyOptions{RotationPeriod: period})
	if err != nil {
		return err
	}
	if err := t.kms.UpdateAlias(ctx, alias, created.ID); err != nil {
		return err
	}
	t.say("  %s stands for key %s", alias, created.ID)
	// Other processes see the alias move within Options.MaxStale, and until then
	// encrypt under the old key: a service waits that long before it archives.
	if err := t.kms.ArchiveKey(ctx, t.key); err != nil {
		return err
	}
	_, err = t.kms.Encrypt(ctx, t.key, []byte("Niklaus"), nil)
	if err := t.showRefusal("encrypt under the old key", err, kms.ErrKeyArchived); err != nil {
		return err
	}
	return t.showOpen(ctx, t.customers, t.archive)
}

// retireKey brings all rows under the new key and gives up the old one.
func (t *tour) retireKey(ctx context.Context) error {
	t.head("Re-encrypt to the new key, and schedule the deletion of the old")
	for _, table := range []*table{t.customers, t.archive} {
		if err := t.showReEncrypt(ctx, table); err != nil {
			return err
		}
	}
	if err := t.showCount(0); err != nil {
		return err
	}
	at, err := t.kms.ScheduleKeyDeletion(ctx, t.key, 0)
	if err != nil {
		return err
	}
	t.say("  the old key will be destroyed on %s; CancelKeyDeletion saves it until then", date(at))
	if err := t.describe(ctx, t.key); err != nil {
		return err
	}
	return t.describe(ctx, alias)
}
