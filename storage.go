package kms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// get reads a record, under the key that was asked for whatever the store says
// it is of: that is what the seal is checked against.
func (c *core) get(ctx context.Context, key string) (keystore.Record, error) {
	rec, err := c.store.Get(ctx, key)
	rec.Key = key
	return rec, err
}

// find is get that returns revision 0 for a record that is not there.
func (c *core) find(ctx context.Context, key string) (keystore.Record, error) {
	rec, err := c.get(ctx, key)
	if errors.Is(err, keystore.ErrNotFound) {
		return keystore.Record{Key: key}, nil
	}
	return rec, storeError(err)
}

// shown returns a record that a scan has shown. What List could not read is at
// revision 0, and a Get says how it is damaged.
func (c *core) shown(ctx context.Context, rec keystore.Record) (keystore.Record, error) {
	if rec.Rev > 0 {
		return rec, nil
	}
	return c.find(ctx, rec.Key)
}

// probe asks the store for the one record that is always there.
func (c *core) probe(ctx context.Context) error {
	_, err := c.store.Get(ctx, keyring.Key)
	return err
}

// list returns a page of records that lead on. A scan of a store that shows the
// same ones again would never end.
func (c *core) list(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	records, err := c.store.List(ctx, prefix, after, limit)
	for _, rec := range records {
		if err == nil && rec.Key <= after {
			err = errOutOfOrder
		}
		after = rec.Key
	}
	if err != nil {
		return nil, storeError(err)
	}
	return records, nil
}

var errOutOfOrder = errors.New("it lists records out of order")

// A page is a part of a scan.
type page struct {
	records []keystore.Record
	keys    keycache.Moment // when it was asked for
	aliases keycache.Moment
}

// pages calls visit with the records under prefix, from behind after, a page at
// a time, until visit returns false.
func (k *KMS) pages(ctx context.Context, prefix, after string, visit func(page) bool) error {
	for k.alive() == nil {
		p := page{keys: k.keys.Begin(), aliases: k.aliases.Begin()}
		var err error
		if p.records, err = k.list(ctx, prefix, after, pageSize); err != nil {
			return err
		}
		if len(p.records) == 0 || !visit(p) {
			return nil
		}
		after = p.records[len(p.records)-1].Key
	}
	return ErrClosed
}

// openRecord returns the body of a stored record. A record under a storage key
// that is not known yet makes the keyring be read again.
func (c *core) openRecord(ctx context.Context, rec keystore.Record) ([]byte, error) {
	return c.openBy(ctx, rec, (*keyring.Ring).OpenOwn)
}

// openForUse is openRecord for what is to encrypt. That must not be a record
// which nobody else can open, and which its writer has not reported: one under
// a storage key that was dropped, which shows to a keyring of not long ago.
func (c *core) openForUse(ctx context.Context, rec keystore.Record) ([]byte, error) {
	var body []byte
	var err error
	if age := c.elapsed() - time.Duration(c.ringShown.Load()); age < 0 || age >= maxRingAge {
		err = c.refreshRing(ctx)
	}
	if err == nil {
		body, err = c.openBy(ctx, rec, (*keyring.Ring).Open)
	}
	if errors.Is(storeError(err), ErrStoreUnavailable) {
		err = keycache.Unreachable(err)
	}
	return body, err
}

func (c *core) openBy(ctx context.Context, rec keystore.Record, open func(*keyring.Ring, keystore.Record) ([]byte, error)) ([]byte, error) {
	body, err := open(c.ring.Load(), rec)
	if _, unknown := errors.AsType[keyring.UnknownVersionError](err); !unknown {
		return body, err
	}
	if err := c.refreshRing(ctx); err != nil {
		return nil, err
	}
	body, err = open(c.ring.Load(), rec)
	if _, unknown := errors.AsType[keyring.UnknownVersionError](err); unknown {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	return body, err
}

// sealRecord returns the bytes to store for body at rev, and clears body.
func (c *core) sealRecord(key string, rev uint64, body []byte) ([]byte, error) {
	defer clear(body)
	data := c.ring.Load().Seal(key, rev, body)
	if len(data) > keystore.MaxData {
		return nil, fmt.Errorf("%w: a record of %d bytes, at most %d", ErrLimitExceeded, len(data), keystore.MaxData)
	}
	return data, nil
}

// refreshRing makes sure that the keyring in use is the stored one.
func (c *core) refreshRing(ctx context.Context) error {
	known, start, shown := c.ring.Load(), c.elapsed(), c.ringShown.Load()
	rec, err := c.get(ctx, keyring.Key)
	if err = c.takeRing(ctx, known, rec, err); err == nil {
		c.ringShown.CompareAndSwap(shown, int64(start)) // unless a hint came meanwhile
	}
	return err
}

// takeRing puts the keyring of rec, which a read has shown that began when
// known was in use, in the place of an older one.
func (c *core) takeRing(ctx context.Context, known *keyring.Ring, rec keystore.Record, err error) error {
	switch {
	case errors.Is(err, keystore.ErrNotFound), err == nil && rec.Rev == 0:
		return fmt.Errorf("%w: keyring missing, records present", ErrTampered)
	case err != nil:
		return err
	case rec.Rev < known.Rev():
		return fmt.Errorf("%w: an old keyring", ErrRollback)
	case rec.Rev == known.Rev():
		return nil
	}
	if err := c.lockRing(ctx); err != nil {
		return err
	}
	defer c.unlockRing()
	if rec.Rev <= c.ring.Load().Rev() {
		return nil
	}
	return c.loadRing(ctx, rec)
}

// lockRing waits until nobody else exchanges the ring, which may take as long
// as a root key does, or until ctx is done.
func (c *core) lockRing(ctx context.Context) error {
	select {
	case c.changing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *core) unlockRing() { <-c.changing }

// A refusedRing is the last keyring that did not open, and when that was.
type refusedRing struct {
	rev uint64
	err error
	at  time.Duration
}

const (
	refusalPause = time.Second // in which the root key is not asked again
	maxRingAge   = time.Minute // of the ring that a key is loaded with; far below storageKeyOverlap
)

// loadRing opens a newer keyring. One that does not open must not keep the root
// key busy. The ring is locked.
func (c *core) loadRing(ctx context.Context, rec keystore.Record) error {
	now := c.elapsed()
	if r := c.refused; r.err != nil && r.rev == rec.Rev && now-r.at < refusalPause {
		return r.err
	}
	ring, err := c.openRing(ctx, rec, c.root)
	if err != nil && ctx.Err() == nil {
		c.refused = refusedRing{rec.Rev, err, now}
	}
	if err != nil {
		return err
	}
	c.useRing(ring)
	return nil
}

// openRing opens a keyring with root, if it is of this store.
func (c *core) openRing(ctx context.Context, rec keystore.Record, root rootkey.Provider) (*keyring.Ring, error) {
	ring, err := keyring.Load(ctx, rec, root)
	if err == nil && !ring.SameStore(c.ring.Load()) {
		err = fmt.Errorf("%w: keyring of another store", ErrTampered)
	}
	return ring, err
}

// useRing puts ring in the place of an older one. What that could open stays
// readable to this process, which may have sealed under it a moment ago.
func (c *core) useRing(ring *keyring.Ring) { c.ring.Store(ring.Adopt(c.ring.Load())) }

// update makes a settled write of a record, as settle.Writer does, which lasts:
// when it returns, the record is sealed under a version of the storage key that
// the keyring still had after the write. Dropping a version waits for a scan of
// all records, so it sees every write that came before it, and a write that
// comes after sees that the version is no longer the newest.
func (c *core) update(ctx context.Context, key string, edit settle.Edit) (keystore.Record, error) {
	if err := c.refreshRing(ctx); err != nil {
		return keystore.Record{}, err
	}
	tried := false // also if another has written on top of it since
	rec, err := c.writer.Update(ctx, key, func(cur keystore.Record) ([]byte, error) {
		data, err := edit(cur)
		tried = tried || data != nil
		return data, err
	})
	for err == nil && tried {
		if err = c.confirmRing(ctx); err == nil && c.upToDate(rec) {
			return rec, nil
		}
		if err == nil {
			rec, err = c.writer.Update(ctx, key, c.resealed(ctx))
			tried = rec.Data != nil
		}
		// The change is stored, but perhaps not to stay.
		if err != nil && !errors.Is(err, ErrUnknownOutcome) {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		}
	}
	return rec, err
}

// confirmRing is refreshRing after a write, for as long as one is settled.
func (c *core) confirmRing(ctx context.Context) error {
	known := c.ring.Load()
	rec, err := c.writer.Confirm(ctx, keyring.Key)
	return c.takeRing(ctx, known, rec, err)
}

// upToDate reports whether rec is sealed under the newest storage key.
func (c *core) upToDate(rec keystore.Record) bool {
	version, err := record.StorageVersion(rec.Data)
	return err == nil && version >= c.ring.Load().Primary()
}

// resealed returns the edit that seals a record anew if it is under an old
// storage key.
func (c *core) resealed(ctx context.Context) settle.Edit {
	return func(cur keystore.Record) ([]byte, error) {
		if cur.Rev == 0 || c.upToDate(cur) {
			return nil, nil
		}
		body, err := c.openRecord(ctx, cur)
		if err != nil {
			return nil, err
		}
		defer clear(body)
		return c.ring.Load().Seal(cur.Key, cur.Rev+1, body), nil
	}
}
