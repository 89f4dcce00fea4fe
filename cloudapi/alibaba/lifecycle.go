package alibaba

import (
	"context"
	"errors"
	"time"

	"github.com/embedkms/kms"
)

func (c *call) enableKey(ctx context.Context) (any, error) {
	return c.onKey(ctx, c.keys.EnableKey)
}

func (c *call) disableKey(ctx context.Context) (any, error) {
	return c.onKey(ctx, c.keys.DisableKey)
}

// scheduleKeyDeletion: 7 to 366 days, kms-20160120 v3.2.3.
func (c *call) scheduleKeyDeletion(ctx context.Context) (any, error) {
	days := c.Int("PendingWindowInDays", 7, 366)
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		_, err := c.keys.ScheduleKeyDeletion(ctx, key, time.Duration(days)*day)
		return err
	})
}

// cancelKeyDeletion leaves the key enabled: API page "CancelKeyDeletion". The library's
// is disabled then.
func (c *call) cancelKeyDeletion(ctx context.Context) (any, error) {
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		if err := c.keys.CancelKeyDeletion(ctx, key); err != nil {
			return err
		}
		err := c.keys.EnableKey(ctx, key)
		if errors.Is(err, kms.ErrKeyPendingImport) {
			return nil // as it was
		}
		return err
	})
}
