package kms

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// DescribeKey returns what is known of a key, from the store, not the cache. It
// knows destroyed keys too.
func (k *KMS) DescribeKey(ctx context.Context, key string) (*Key, error) {
	c := k.begin(OpDescribeKey, key)
	described, err := k.describeKey(ctx, &c)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return described, nil
}

func (k *KMS) describeKey(ctx context.Context, c *call) (*Key, error) {
	id, rec, err := k.readRef(ctx, c, c.ref)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	usage, err := k.readUsage(ctx, id)
	if err != nil {
		return nil, err
	}
	d := describe(id, rec, k.now())
	for i := range d.Versions {
		d.Versions[i].Encryptions = usage[d.Versions[i].Version]
	}
	return d, nil
}

// Keys returns all keys but destroyed ones in the order of their IDs, starting behind the ID
// after, or with the first if it is empty. They are read from the store a page
// at a time. A key whose record does not open is yielded as its error, with a
// Key of which only the ID is set, and the scan goes on. An error that ends the
// scan comes with a nil Key.
func (k *KMS) Keys(ctx context.Context, after string) iter.Seq2[*Key, error] {
	return func(yield func(*Key, error) bool) {
		c := k.begin(OpKeys, after)
		err := k.scanKeys(ctx, &c, func(id string, key *Key, err error) bool {
			if err != nil {
				return yield(&Key{ID: id}, &Error{c.op, id, err})
			}
			return yield(key, nil)
		})
		if err = k.end(ctx, &c, nil, err); err != nil {
			yield(nil, err)
		}
	}
}

func (k *KMS) scanKeys(ctx context.Context, c *call, yield func(string, *Key, error) bool) error {
	if err := k.alive(); err != nil {
		return err
	}
	last := ""
	if c.ref != "" {
		id, err := parseKeyID(c.ref)
		if err != nil {
			return err
		}
		last = id.recordKey()
	}
	if err := k.admitStore(ctx, c); err != nil {
		return err
	}
	return k.pages(ctx, keyPrefix, last, func(p page) bool {
		for _, rec := range p.records {
			key, err := k.listed(ctx, rec, p.keys)
			if key != nil && key.State == KeyStateDestroyed {
				continue
			}
			if !yield(strings.TrimPrefix(rec.Key, keyPrefix), key, err) {
				return false
			}
		}
		return true
	})
}

// listed describes the key of a record that a scan has shown.
func (k *KMS) listed(ctx context.Context, rec keystore.Record, began keycache.Moment) (*Key, error) {
	id, key, body, err := k.listedKey(ctx, rec, began)
	clear(body)
	if err != nil {
		return nil, err
	}
	return describe(id, key, k.now()), nil
}

// listedKey returns the key of a record that a scan has shown, and the body that
// holds its material, for the caller to clear.
func (k *KMS) listedKey(ctx context.Context, rec keystore.Record, began keycache.Moment) (keyID, *record.Key, []byte, error) {
	id, err := parseKeyID(strings.TrimPrefix(rec.Key, keyPrefix))
	if err != nil {
		return id, nil, nil, fmt.Errorf("%w: no key has this name", ErrTampered)
	}
	if rec, err = k.shown(ctx, rec); err != nil {
		return id, nil, nil, err
	}
	key, body, err := k.openKey(ctx, rec)
	if err == nil {
		err = k.keys.Check(id, rec, began)
	}
	return id, key, body, storeError(err)
}
