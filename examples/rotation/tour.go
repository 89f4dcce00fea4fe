package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/embedkms/kms"
)

// A tour is what its steps share.
type tour struct {
	w     io.Writer
	dir   string
	clock *clock
	kms   *kms.KMS
	key   string // the ID of the key that the alias stands for at first

	customers *table
	archive   *table // which is forgotten when rows are re-encrypted
	oldRow    row    // of customers, as an old backup of the table has it
}

// runTour shows the life of a key on w, in a directory that it removes.
func runTour(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "rotation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	t := &tour{w: w, dir: dir, clock: newClock()}
	k, closeKeys, err := openKeys(ctx, dir, t.clock)
	if err != nil {
		return err
	}
	defer closeKeys()
	t.kms = k
	for _, step := range []func(context.Context) error{
		t.create, t.rotate, t.reEncrypt, t.destroyVersion, t.findForgotten, t.finishDestruction,
		t.replaceKey, t.retireKey, t.backup,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	t.say("\nDone; %s is removed.", dir)
	return nil
}

// create makes a key that is rotated every 90 days, and two tables.
func (t *tour) create(ctx context.Context) (err error) {
	t.head("Create a key, %s, that is rotated every %d days", alias, period/day)
	key, err := t.kms.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias, RotationPeriod: period})
	if err != nil {
		return err
	}
	t.key = key.ID
	t.say("  key %s, version %d, next rotation %s", key.ID, key.PrimaryVersion, date(key.NextRotation))
	if t.customers, err = openTable(filepath.Join(t.dir, "customers.json"), "customers"); err != nil {
		return err
	}
	if t.archive, err = openTable(filepath.Join(t.dir, "archive.json"), "archive"); err != nil {
		return err
	}
	for i, name := range []string{"Ada", "Grace", "Edsger", "Barbara"} {
		if err := t.customers.insert(ctx, t.kms, strconv.Itoa(i+1), name); err != nil {
			return err
		}
	}
	t.oldRow = t.customers.Rows[0]
	if err := t.archive.insert(ctx, t.kms, "17", "Alan"); err != nil {
		return err
	}
	t.say("  4 rows encrypted in table customers, 1 in table archive")
	return nil
}

// rotate lets the period pass. The rotation is Maintain's.
func (t *tour) rotate(ctx context.Context) error {
	t.head("Call Maintain on the first day, and %d days later", period/day)
	for _, days := range []time.Duration{0, period} {
		if err := t.maintain(ctx, days); err != nil {
			return err
		}
	}
	if err := t.showOpen(ctx, t.customers); err != nil {
		return err
	}
	return t.showCount(1)
}

// reEncrypt is run twice: the second run finds nothing to do.
func (t *tour) reEncrypt(ctx context.Context) error {
	t.head("Re-encrypt all rows, and do it again")
	for range 2 {
		if err := t.showReEncrypt(ctx, t.customers); err != nil {
			return err
		}
	}
	return t.showCount(1)
}

// maintain moves the clock and does what is due then. A service calls Maintain
// from a ticker, hourly say.
func (t *tour) maintain(ctx context.Context, after time.Duration) error {
	t.clock.advance(after)
	report, err := t.kms.Maintain(ctx)
	if err != nil {
		return err
	}
	t.say("  %s: Maintain rotated %d keys, destroyed %d versions and %d keys",
		date(t.clock.now), report.Rotated, report.VersionsDestroyed, report.KeysDestroyed)
	return nil
}
