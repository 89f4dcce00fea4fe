package aws

import (
	"context"
	"time"

	"github.com/embedkms/kms"
)

const day = 24 * time.Hour

func enableKey(ctx context.Context, c *call) (any, error) { return switchKey(ctx, c, c.keys.EnableKey) }

func disableKey(ctx context.Context, c *call) (any, error) {
	return switchKey(ctx, c, c.keys.DisableKey)
}

// switchKey makes a change that takes nothing but the key and has no answer.
func switchKey(ctx context.Context, c *call, change func(context.Context, string) error) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	return nil, change(ctx, ref)
}

type keyIDAnswer struct {
	KeyID string `json:"KeyId"`
}

// changeKey is switchKey with an answer.
func changeKey(ctx context.Context, c *call, change func(context.Context, string) error) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := change(ctx, ref); err != nil {
		return nil, err
	}
	return &keyIDAnswer{c.keyARN(ref)}, nil
}

type scheduleAnswer struct {
	DeletionDate        stamp  `json:"DeletionDate"`
	KeyID               string `json:"KeyId"`
	KeyState            string `json:"KeyState"`
	PendingWindowInDays int64  `json:"PendingWindowInDays"`
}

func scheduleKeyDeletion(ctx context.Context, c *call) (any, error) {
	ref := c.key("KeyId")
	days := c.OptInt("PendingWindowInDays", 30, 7, 30) // API reference
	if err := c.Err(); err != nil {
		return nil, err
	}
	date, err := c.keys.ScheduleKeyDeletion(ctx, ref, time.Duration(days)*day)
	if err != nil {
		return nil, err
	}
	return &scheduleAnswer{stamp(date), c.keyARN(ref), stateWord(kms.KeyStatePendingDeletion), days}, nil
}

func cancelKeyDeletion(ctx context.Context, c *call) (any, error) {
	return changeKey(ctx, c, c.keys.CancelKeyDeletion)
}
