package huawei

import (
	"context"
	"slices"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const day = 24 * time.Hour

// The numbers of states (huaweicloud-sdk-go-v3 v0.1.207, model_key_details.go).
const (
	stateEnabled         = "2"
	stateDisabled        = "3"
	statePendingDeletion = "4"
	statePendingImport   = "5"
)

// stateNumber returns the number of a state. An archived key, which may decrypt, is called
// disabled: there is no nearer word, and enable-key ends either.
func stateNumber(s kms.KeyState) string {
	switch s {
	case kms.KeyStateEnabled:
		return stateEnabled
	case kms.KeyStatePendingDeletion:
		return statePendingDeletion
	case kms.KeyStatePendingImport:
		return statePendingImport
	}
	return stateDisabled
}

// keyState is what schedule-key-deletion and cancel-key-deletion answer.
type keyState struct {
	KeyID string `json:"key_id"`
	State string `json:"key_state"`
}

// keyInfoState is what enable-key and disable-key answer.
type keyInfoState struct {
	Info keyState `json:"key_info"`
}

// inState returns nil if a key is in one of some states, and otherwise err.
func inState(key *kms.Key, err *front.Fault, states ...kms.KeyState) error {
	switch {
	case slices.Contains(states, key.State):
		return nil
	case key.State == kms.KeyStatePendingDeletion:
		return kms.ErrKeyPendingDeletion
	}
	return err
}

// inState reads and describes a key that must be in one of some states.
func (c *call) inState(
	ctx context.Context, otherwise *front.Fault, states ...kms.KeyState,
) (*kms.Key, error) {
	key, err := c.described(ctx)
	if err != nil {
		return nil, err
	}
	return key, inState(key, otherwise, states...)
}

// enableKey enables a key that is disabled or archived; any other is refused, unlike by
// the library.
func enableKey(ctx context.Context, c *call) (any, error) {
	key, err := c.inState(ctx, notDisabled, kms.KeyStateDisabled, kms.KeyStateArchived)
	if err != nil {
		return nil, err
	}
	if err := c.keys.EnableKey(ctx, key.ID); err != nil {
		return nil, err
	}
	return &keyInfoState{keyState{c.keys.There(key.ID), stateEnabled}}, nil
}

// disableKey disables a key that is enabled, or archived: that one decrypts, whatever it
// is called.
func disableKey(ctx context.Context, c *call) (any, error) {
	key, err := c.inState(ctx, notEnabled, kms.KeyStateEnabled, kms.KeyStateArchived)
	if err != nil {
		return nil, err
	}
	if err := c.keys.DisableKey(ctx, key.ID); err != nil {
		return nil, err
	}
	return &keyInfoState{keyState{c.keys.There(key.ID), stateDisabled}}, nil
}

func scheduleKeyDeletion(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	days := c.p.Int("pending_days", 7, 1096)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if _, err := c.keys.ScheduleKeyDeletion(ctx, id, time.Duration(days)*day); err != nil {
		return nil, err
	}
	return &keyState{c.keys.There(id), statePendingDeletion}, nil
}

// cancelKeyDeletion saves a key, which is disabled then, or waits for its material.
func cancelKeyDeletion(ctx context.Context, c *call) (any, error) {
	key, err := c.described(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.keys.CancelKeyDeletion(ctx, key.ID); err != nil {
		return nil, err
	}
	state := stateDisabled
	n := len(key.Versions)
	if n == 0 || key.Versions[n-1].State == kms.KeyStatePendingImport {
		state = statePendingImport
	}
	return &keyState{c.keys.There(key.ID), state}, nil
}
