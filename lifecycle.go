package kms

import (
	"context"
	"errors"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// EnableKey lets a disabled key be used again. On an enabled key it does nothing.
func (k *KMS) EnableKey(ctx context.Context, key string) error {
	return k.setMode(ctx, OpEnableKey, key, record.Enabled)
}

// DisableKey keeps a key from being used, for decryption too, until EnableKey.
// In this process that holds for every call which begins after DisableKey has
// returned, in others within Options.MaxStale. On a disabled key it does nothing.
func (k *KMS) DisableKey(ctx context.Context, key string) error {
	return k.setMode(ctx, OpDisableKey, key, record.Disabled)
}

func (k *KMS) setMode(ctx context.Context, op, ref string, mode record.Mode) error {
	c := k.begin(op, ref)
	_, err := k.change(ctx, &c, func(key *record.Key) (bool, error) {
		changed := key.Mode != mode
		key.Mode = mode
		return changed, nil
	})
	return k.end(ctx, &c, nil, err)
}

// change runs edit on the stored key that c.ref names, until its result is
// stored, and describes the key. edit reports whether it has changed the key;
// it runs again after another process's change, so it must recognise its own.
func (k *KMS) change(ctx context.Context, c *call, edit func(*record.Key) (bool, error)) (*Key, error) {
	id, key, err := k.readRef(ctx, c, c.ref)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		if _, err := edit(key); err != nil {
			return nil, err
		}
		return nil, ErrDryRun
	}
	var result *Key
	began := k.keys.Begin()
	rec, err := k.writer.Update(ctx, id.recordKey(), func(cur keystore.Record) ([]byte, error) {
		key, body, err := k.openKey(ctx, cur)
		defer clear(body)
		// A change on top of an old copy would be lost with it.
		if err = k.observe(id, cur, began, err); err != nil {
			return nil, err
		}
		changed, err := edit(key)
		if err != nil {
			return nil, err
		}
		result = describe(id, key)
		if !changed {
			return nil, nil
		}
		return k.sealKey(id, cur.Rev+1, key), nil
	})
	k.keys.Wrote(id, rec)
	if err != nil {
		return nil, storeError(err)
	}
	return result, nil
}

// sealKey returns the bytes to store for key at rev.
func (k *KMS) sealKey(id keyID, rev uint64, key *record.Key) []byte {
	body := key.Marshal()
	defer clear(body)
	return k.ring.Load().Seal(id.recordKey(), rev, body)
}

// readRef returns the key that ref names as it is stored now, without its
// material, once the call is authorised for it.
func (k *KMS) readRef(ctx context.Context, c *call, ref string) (keyID, *record.Key, error) {
	if err := k.alive(); err != nil {
		return keyID{}, nil, err
	}
	id, err := k.readID(ctx, ref)
	if errors.Is(err, ErrInvalidKeyRef) {
		return id, nil, err
	}
	var key *record.Key
	if err == nil {
		if key, err = k.readKey(ctx, id); err == nil {
			c.key = &loadedKey{id: id, name: id.String(), spec: KeySpec(key.Spec), tags: key.Tags}
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
	rec, err := k.get(ctx, id.recordKey())
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return nil, storeError(err)
	}
	key, body, err := k.openKey(ctx, rec)
	clear(body)
	return key, storeError(k.observe(id, rec, began, err))
}

// openKey returns the key of a record, and the body that holds its material,
// for the caller to clear.
func (c *core) openKey(ctx context.Context, rec keystore.Record) (*record.Key, []byte, error) {
	if rec.Rev == 0 {
		return nil, nil, ErrKeyNotFound
	}
	body, err := c.openRecord(ctx, rec)
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
	if rollback := c.keys.Observe(id, rec, began); rollback != nil {
		return rollback
	}
	return err
}
