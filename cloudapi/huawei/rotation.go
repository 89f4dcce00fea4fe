package huawei

import (
	"context"
	"time"

	"github.com/embedkms/kms"
)

// Days between rotations (huaweicloud-sdk-go-v3 v0.1.207,
// model_update_key_rotation_interval_request_body.go); what enable-key-rotation sets is a
// guess.
const (
	minInterval     = 30
	maxInterval     = 365
	defaultInterval = 365
)

// enableKeyRotation has a key rotated. One that is rotated already stays as it is.
func enableKeyRotation(ctx context.Context, c *call) (any, error) {
	key, err := c.enabledKey(ctx)
	if err != nil {
		return nil, err
	}
	if key.RotationPeriod > 0 {
		return none{}, nil
	}
	return c.rotate(ctx, key.ID, defaultInterval)
}

func disableKeyRotation(ctx context.Context, c *call) (any, error) {
	key, err := c.enabledKey(ctx)
	if err != nil {
		return nil, err
	}
	return c.rotate(ctx, key.ID, 0)
}

// updateKeyRotationInterval changes how often a key is rotated that is (guess: one that is
// not is refused, as nobody has asked for its rotation).
func updateKeyRotationInterval(ctx context.Context, c *call) (any, error) {
	interval := c.p.Int("rotation_interval", minInterval, maxInterval)
	key, err := c.enabledKey(ctx)
	if err != nil {
		return nil, err
	}
	if key.RotationPeriod == 0 {
		return nil, notRotatable
	}
	return c.rotate(ctx, key.ID, interval)
}

// enabledKey reads and describes a key that must be enabled.
func (c *call) enabledKey(ctx context.Context) (*kms.Key, error) {
	return c.inState(ctx, notEnabled, kms.KeyStateEnabled)
}

// rotate has a key rotated every so many days, or never for 0.
func (c *call) rotate(ctx context.Context, id string, days int64) (any, error) {
	period := time.Duration(days) * day
	_, err := c.keys.UpdateKey(ctx, id, &kms.UpdateKeyOptions{RotationPeriod: &period})
	return none{}, err
}

// rotationStatus is the answer of get-key-rotation-status.
type rotationStatus struct {
	Enabled   bool   `json:"key_rotation_enabled"`
	Interval  int    `json:"rotation_interval,omitempty"`  // days
	LastTime  string `json:"last_rotation_time,omitempty"` // milliseconds
	Rotations int    `json:"number_of_rotations"`
}

func getKeyRotationStatus(ctx context.Context, c *call) (any, error) {
	key, err := c.described(ctx)
	if err != nil {
		return nil, err
	}
	status := &rotationStatus{
		Enabled:   key.RotationPeriod > 0,
		Interval:  int(key.RotationPeriod / day),
		Rotations: max(0, len(key.Versions)-1),
	}
	if status.Rotations > 0 {
		status.LastTime = milliseconds(key.Versions[status.Rotations].CreatedAt)
	}
	return status, nil
}
