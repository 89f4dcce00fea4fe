package alibaba

import (
	"context"
	"strconv"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// A versionAnswer is the answer of CreateKeyVersion and DescribeKeyVersion.
type versionAnswer struct {
	KeyVersion listedVersion
	answer
}

// versionAnswer describes a version of a key.
func (c *call) versionAnswer(key *kms.Key, version uint32) (any, error) {
	for _, v := range key.Versions {
		if v.Version == version && v.State != kms.KeyStateDestroyed {
			return &versionAnswer{c.listed(key.ID, v), c.answer()}, nil
		}
	}
	return nil, kms.ErrVersionNotFound
}

// createKeyVersion makes the new version the primary one. The vendor does that for
// symmetric keys only, whose versions it makes itself; deviation.
func (c *call) createKeyVersion(ctx context.Context) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := c.keys.RotateKey(ctx, ref)
	if err != nil {
		return nil, err
	}
	return c.versionAnswer(key, key.PrimaryVersion)
}

func (c *call) describeKeyVersion(ctx context.Context) (any, error) {
	of := c.target("KeyId", "KeyVersionId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := describe(ctx, c.keys, of.key)
	if err != nil {
		return nil, err
	}
	return c.versionAnswer(key, versionOf(key.ID, of.version))
}

func (c *call) updateRotationPolicy(ctx context.Context) (any, error) {
	if !c.Has("EnableAutomaticRotation") {
		c.Fail("EnableAutomaticRotation", front.Missing)
	}
	period := c.rotationPeriod()
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		_, err := c.keys.UpdateKey(ctx, key, &kms.UpdateKeyOptions{RotationPeriod: &period})
		return err
	})
}

// rotationPeriod reads whether a key shall be rotated by itself, and how often; 0 is never.
func (c *call) rotationPeriod() time.Duration {
	enabled := c.Bool("EnableAutomaticRotation")
	if !enabled && !c.Has("RotationInterval") {
		return 0
	}
	period := c.rotationInterval()
	if !enabled {
		return 0
	}
	return period
}

const day = 24 * time.Hour

// units of a RotationInterval.
var units = map[byte]time.Duration{'d': day, 'h': time.Hour, 'm': time.Minute, 's': time.Second}

// isInterval has digits enough for 730 days in seconds.
var isInterval = front.Pattern(`[1-9][0-9]{0,8}[dhms]`)

// rotationInterval reads RotationInterval, 7 to 730 days as integer and unit:
// kms-20160120 v3.2.3, UpdateRotationPolicyRequest.
func (c *call) rotationInterval() time.Duration {
	text := c.Text("RotationInterval", isInterval)
	if c.Err() != nil {
		return 0
	}
	last := len(text) - 1
	n, _ := strconv.ParseInt(text[:last], 10, 64)
	unit := units[text[last]]
	if n > int64(730*day/unit) || time.Duration(n)*unit < 7*day {
		c.Fail("RotationInterval", front.Invalid)
	}
	return time.Duration(n) * unit
}
