package tencent

import (
	"context"
	"errors"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits of RotateDays, in days: tencentcloud-sdk-go kms v1.0.1000, models.go.
const (
	minRotation     = 7
	maxRotation     = 365
	defaultRotation = 365
)

func (s *service) enableKeyRotation(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	days := p.OptInt("RotateDays", defaultRotation, minRotation, maxRotation)
	if err := p.Err(); err != nil {
		return nil, err
	}
	err := s.rotate(ctx, id, time.Duration(days)*day)
	if !errors.Is(err, kms.ErrInvalidState) {
		return &identity{}, err
	}
	if key, failed := s.describe(ctx, id); failed == nil && key.Origin == kms.OriginExternal {
		return nil, faultCannotRotate
	}
	return nil, err
}

// disableKeyRotation does nothing to a key that cannot be rotated.
func (s *service) disableKeyRotation(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &identity{}, s.rotate(ctx, id, 0)
}

func (s *service) rotate(ctx context.Context, id string, period time.Duration) error {
	_, err := s.keys.UpdateKey(ctx, id, &kms.UpdateKeyOptions{RotationPeriod: &period})
	return err
}

type rotationAnswer struct {
	KeyRotationEnabled bool
	identity
}

func (s *service) getKeyRotationStatus(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	key, err := s.describe(ctx, id)
	if err != nil {
		return nil, err
	}
	return &rotationAnswer{KeyRotationEnabled: key.RotationPeriod != 0}, nil
}
