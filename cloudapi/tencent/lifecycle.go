package tencent

import (
	"context"
	"errors"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const day = 24 * time.Hour

// A change is what is done to a key by a KMS, or by its view that only tries.
type change func(ctx context.Context, k *kms.KMS, id string) error

// changeOne makes a change of the key of KeyId.
func (s *service) changeOne(ctx context.Context, p *front.Params, do change) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &identity{}, do(ctx, s.keys.KMS, id)
}

// changeAll makes a change of the keys of KeyIds. It looks first whether all can be
// changed; what happens to one after that does not undo the others.
func (s *service) changeAll(ctx context.Context, p *front.Params, do change) (answer, error) {
	ids, err := s.keyIDs(p)
	if err != nil {
		return nil, err
	}
	trial := s.keys.DryRun()
	for _, id := range ids {
		if err := do(ctx, trial, id); err != nil && !errors.Is(err, kms.ErrDryRun) {
			return nil, err
		}
	}
	for _, id := range ids {
		if err := do(ctx, s.keys.KMS, id); err != nil {
			return nil, err
		}
	}
	return &identity{}, nil
}

// enable enables a key; what ends its archival is CancelKeyArchive (guess).
func (s *service) enable(ctx context.Context, k *kms.KMS, id string) error {
	key, err := s.describe(ctx, id)
	if err != nil {
		return err
	}
	if key.State == kms.KeyStateArchived {
		return kms.ErrKeyArchived
	}
	return k.EnableKey(ctx, id)
}

func (s *service) enableKey(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeOne(ctx, p, s.enable)
}

func (s *service) enableKeys(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeAll(ctx, p, s.enable)
}

func disable(ctx context.Context, k *kms.KMS, id string) error { return k.DisableKey(ctx, id) }

func (s *service) disableKey(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeOne(ctx, p, disable)
}

func (s *service) disableKeys(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeAll(ctx, p, disable)
}

func (s *service) archiveKey(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeOne(ctx, p, func(ctx context.Context, k *kms.KMS, id string) error {
		return k.ArchiveKey(ctx, id)
	})
}

func (s *service) cancelKeyArchive(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeOne(ctx, p, func(ctx context.Context, k *kms.KMS, id string) error {
		key, err := s.describe(ctx, id)
		if err != nil {
			return err
		}
		if key.State != kms.KeyStateArchived {
			return faultState
		}
		return k.EnableKey(ctx, id)
	})
}

func (s *service) cancelKeyDeletion(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := s.keys.CancelKeyDeletion(ctx, id); err != nil {
		return nil, err
	}
	return &keyAnswer{KeyId: s.keys.There(id)}, nil
}

type keyAnswer struct {
	KeyId string
	identity
}

type deletionAnswer struct {
	DeletionDate int64
	KeyId        string
	identity
}

// Limits of PendingWindowInDays, in days: tencentcloud-sdk-go kms v1.0.1000, models.go.
const (
	minWindow = 7
	maxWindow = 30
)

// scheduleKeyDeletion wants the key to be disabled: it guards against mistakes, and is
// no lock against somebody who enables the key in the same moment. A key that
// waits for its material cannot be disabled, nor used, and may be deleted (guess).
func (s *service) scheduleKeyDeletion(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	days := p.Int("PendingWindowInDays", minWindow, maxWindow)
	if err := p.Err(); err != nil {
		return nil, err
	}
	key, err := s.describe(ctx, id)
	if err != nil {
		return nil, err
	}
	if key.State == kms.KeyStateEnabled || key.State == kms.KeyStateArchived {
		return nil, faultNotDisabled
	}
	date, err := s.keys.ScheduleKeyDeletion(ctx, id, time.Duration(days)*day)
	if err != nil {
		return nil, err
	}
	return &deletionAnswer{DeletionDate: date.Unix(), KeyId: s.keys.There(id)}, nil
}
