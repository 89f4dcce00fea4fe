package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func (t *tour) showOpen(ctx context.Context, tables ...*table) error {
	for _, table := range tables {
		n, err := table.openAll(ctx, t.kms)
		if err != nil {
			return err
		}
		t.say("  all rows of table %s open: %d", table.name, n)
	}
	return nil
}

func (t *tour) showReEncrypt(ctx context.Context, table *table) error {
	changed, err := table.reEncrypt(ctx, t.kms)
	if err != nil {
		return err
	}
	t.say("  re-encrypted table %s: %d rows changed", table.name, changed)
	return nil
}

// showCount counts the customers under a version of the first key, 0 for any.
func (t *tour) showCount(version uint32) error {
	n, err := t.customers.count(t.key, version)
	if err != nil {
		return err
	}
	what := "the old key"
	if version > 0 {
		what = fmt.Sprintf("version %d", version)
	}
	t.say("  rows of table customers under %s: %d", what, n)
	return nil
}

// showRefusal says what an error was, which must be the wanted one.
func (t *tour) showRefusal(what string, err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: want %q, got: %w", what, want, err)
	}
	t.say("  %s: error: %v", what, err)
	return nil
}

func (t *tour) head(format string, args ...any) { t.say("\n"+format+":", args...) }

func (t *tour) say(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

func date(at time.Time) string { return at.Format(time.DateOnly) }
