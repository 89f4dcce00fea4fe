package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

const (
	minWindow     = 7 * day
	maxWindow     = 1096 * day
	defaultWindow = 30 * day
)

// EnableKey lets a disabled or archived key be used again. On an enabled key it
// does nothing.
func (k *KMS) EnableKey(ctx context.Context, key string) error {
	return k.setMode(ctx, OpEnableKey, key, record.Enabled)
}

// DisableKey keeps a key from being used, for decryption too, until EnableKey.
// In this process that holds for every call which begins after DisableKey has
// returned, in others within Options.MaxStale. On a disabled key it does nothing.
func (k *KMS) DisableKey(ctx context.Context, key string) error {
	return k.setMode(ctx, OpDisableKey, key, record.Disabled)
}

// ArchiveKey makes a key decrypt and verify only, until EnableKey: for keys
// that have been replaced, and whose ciphertexts must stay readable. On an
// archived key it does nothing.
func (k *KMS) ArchiveKey(ctx context.Context, key string) error {
	return k.setMode(ctx, OpArchiveKey, key, record.Archived)
}

func (k *KMS) setMode(ctx context.Context, op, ref string, mode record.Mode) error {
	c := k.begin(op, ref)
	_, err := k.change(ctx, &c, func(key *record.Key) (bool, error) {
		if err := stateOf(key, k.now()).switches(); err != nil {
			return false, err
		}
		changed := key.Mode != mode
		key.Mode = mode
		return changed, nil
	})
	return k.end(ctx, &c, nil, err)
}

// ScheduleKeyDeletion makes a key unusable at once and lets Maintain destroy it
// when window is over: 7 to 1,096 whole days, 0 for 30. It returns the date.
// Until Maintain has destroyed it, CancelKeyDeletion saves the key; after that
// nothing does, and what it has encrypted is lost.
func (k *KMS) ScheduleKeyDeletion(ctx context.Context, key string, window time.Duration) (time.Time, error) {
	c := k.begin(OpScheduleKeyDeletion, key)
	date, err := k.deletionDate(window)
	if err == nil {
		_, err = k.change(ctx, &c, func(key *record.Key) (bool, error) {
			if err := stateOf(key, k.now()).stays(); err != nil {
				return false, err
			}
			key.DeletionDate = date
			return true, nil
		})
	}
	if err = k.end(ctx, &c, nil, err); err != nil {
		return time.Time{}, err
	}
	return date, nil
}

// deletionDate returns the end of a window that begins now.
func (k *KMS) deletionDate(window time.Duration) (time.Time, error) {
	if err := k.alive(); err != nil {
		return time.Time{}, err
	}
	if window == 0 {
		window = defaultWindow
	}
	if window < minWindow || window > maxWindow || window%day != 0 {
		return time.Time{}, fmt.Errorf("%w: a window is 7 to 1,096 whole days, or 0 for 30", ErrInvalidArgument)
	}
	return k.timestamp().Add(window), nil
}

// CancelKeyDeletion takes back ScheduleKeyDeletion. The key is disabled then,
// so that nobody uses it by mistake; EnableKey brings it back.
func (k *KMS) CancelKeyDeletion(ctx context.Context, key string) error {
	c := k.begin(OpCancelKeyDeletion, key)
	_, err := k.change(ctx, &c, func(key *record.Key) (bool, error) {
		if err := stateOf(key, k.now()).exists(); err != nil {
			return false, err
		}
		if key.DeletionDate.IsZero() {
			return false, fmt.Errorf("%w: the key is not scheduled for deletion", ErrInvalidState)
		}
		key.DeletionDate, key.Mode = time.Time{}, record.Disabled
		return true, nil
	})
	return k.end(ctx, &c, nil, err)
}

// UpdateKeyOptions are the options of UpdateKey. What is nil stays as it is.
type UpdateKeyOptions struct {
	Description *string           // as in CreateKeyOptions
	Tags        map[string]string // replace all tags; empty for none

	// RotationPeriod is 7 to 2,560 days, counted from now on, or 0 for none.
	RotationPeriod *time.Duration
}

// UpdateKey changes what a key is described by, and how often it is rotated. A
// rotation period on a key that cannot have one is ErrInvalidState. A description
// or tags for which the record of a key with very many versions has no room are
// ErrLimitExceeded.
func (k *KMS) UpdateKey(ctx context.Context, key string, opts *UpdateKeyOptions) (*Key, error) {
	c := k.begin(OpUpdateKey, key)
	if opts == nil {
		opts = &UpdateKeyOptions{}
	}
	updated, err := k.updateKey(ctx, &c, opts)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return updated, nil
}

func (k *KMS) updateKey(ctx context.Context, c *call, opts *UpdateKeyOptions) (*Key, error) {
	if err := cmp.Or(k.alive(), opts.check()); err != nil {
		return nil, err
	}
	now := k.timestamp()
	return k.change(ctx, c, func(key *record.Key) (bool, error) {
		if err := stateOf(key, now).exists(); err != nil {
			return false, err
		}
		return opts.apply(key, now)
	})
}

func (o *UpdateKeyOptions) check() error {
	var description string
	if o.Description != nil {
		description = *o.Description
	}
	var period time.Duration
	if o.RotationPeriod != nil {
		period = *o.RotationPeriod
	}
	return cmp.Or(checkDescription(description), checkTags(o.Tags), checkRotationPeriod(period))
}

// apply changes key, and reports whether there was anything to change.
func (o *UpdateKeyOptions) apply(key *record.Key, now time.Time) (bool, error) {
	before := maxSize(key)
	if o.Description != nil {
		key.Description = *o.Description
	}
	if o.Tags != nil {
		key.Tags = maps.Clone(o.Tags)
	}
	if o.RotationPeriod != nil {
		if *o.RotationPeriod != 0 && !hasPeriod(key) {
			return false, fmt.Errorf("%w: a key of spec %s and origin %s has no rotation period", ErrInvalidState, key.Spec, key.Origin)
		}
		setRotation(key, *o.RotationPeriod, now)
	}
	if maxSize(key) > before {
		if err := checkRoom(key); err != nil {
			return false, err
		}
	}
	return o.Description != nil || o.Tags != nil || o.RotationPeriod != nil, nil
}

// readRef returns the key that ref names as it is stored now, without its
// material, once the call is authorised for it.
func (k *KMS) readRef(ctx context.Context, c *call, ref string) (keyID, *record.Key, error) {
	if err := k.alive(); err != nil {
		return keyID{}, nil, err
	}
	c.key = nil // of another reference
	id, err := k.readID(ctx, ref)
	if errors.Is(err, ErrInvalidKeyRef) {
		return id, nil, err
	}
	var key *record.Key
	if err == nil {
		key, err = k.readKey(ctx, id)
		switch {
		case err == nil:
			c.key = &loadedKey{id: id, name: id.String(), spec: KeySpec(key.Spec), tags: key.Tags}
		case !errors.Is(err, ErrKeyNotFound):
			c.key = &loadedKey{id: id, name: id.String()}
		}
	}
	return id, key, k.allow(ctx, c, c.op, c.key, nil, err)
}

// readID returns the ID that ref stands for in the store now.
func (k *KMS) readID(ctx context.Context, ref string) (keyID, error) {
	if !isAlias(ref) {
		return parseKeyID(ref)
	}
	name, err := parseAlias(ref)
	if err != nil {
		return keyID{}, err
	}
	a, err := k.readAlias(ctx, name)
	if err != nil {
		return keyID{}, err
	}
	return a.KeyID, nil
}

// readKey reads a key from the store, without its material.
func (k *KMS) readKey(ctx context.Context, id keyID) (*record.Key, error) {
	began := k.keys.Begin()
	rec, err := k.find(ctx, id.recordKey())
	if err != nil {
		return nil, err
	}
	key, body, err := k.openKey(ctx, rec)
	clear(body)
	return key, storeError(k.observe(id, rec, began, err))
}

// openKey returns the key of a record, and the body that holds its material,
// for the caller to clear.
func (c *core) openKey(ctx context.Context, rec keystore.Record) (*record.Key, []byte, error) {
	return c.parseKey(ctx, rec, c.openRecord)
}

func (c *core) parseKey(ctx context.Context, rec keystore.Record, open func(context.Context, keystore.Record) ([]byte, error)) (*record.Key, []byte, error) {
	if rec.Rev == 0 {
		return nil, nil, ErrKeyNotFound
	}
	body, err := open(ctx, rec)
	if err != nil {
		return nil, nil, err
	}
	key, err := record.ParseKey(body)
	return key, body, err
}

// observe returns err, what opening rec gave, or else ErrRollback if rec is an
// earlier state than this process has seen: what does not open is worse.
func (c *core) observe(id keyID, rec keystore.Record, began keycache.Moment, err error) error {
	if err != nil && !errors.Is(err, ErrKeyNotFound) {
		return err
	}
	return cmp.Or(c.keys.Observe(id, rec, began), err)
}
