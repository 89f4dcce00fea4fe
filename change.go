package kms

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// A change is what one call changes in a record, which remembers the last
// changes. So the call, made again over an unknown outcome and after others
// have changed the record too, finds out whether it has been made.
type change struct {
	id  record.ChangeID
	rev uint64 // at which it was tried last, or 0

	// lasting says that the change recognises itself in other ways too, after
	// any number of others.
	lasting bool

	// token is what allows the change once, or zero.
	token record.ChangeID
}

func newChange() *change {
	c := &change{}
	rand.Read(c.id[:])
	return c
}

// made reports whether a record that is at rev remembers the change. The error
// is ErrInvalidImportToken if another call has used the token, and
// ErrUnknownOutcome if the record may have forgotten the change.
func (c *change) made(known record.Changes, rev uint64) (bool, error) {
	switch {
	case slices.Contains(known, c.id):
		return true, nil
	case c.token != record.ChangeID{} && slices.Contains(known, c.token):
		return false, ErrInvalidImportToken
	case c.rev != 0 && rev-c.rev >= record.MaxChanges/2 && !c.lasting: // a revision adds two IDs at most
		return false, fmt.Errorf("%w: %d changes were made since", ErrUnknownOutcome, rev-c.rev)
	}
	return false, nil
}

// try notes the change in known, to be stored at rev.
func (c *change) try(known *record.Changes, rev uint64) {
	if c.token != (record.ChangeID{}) {
		known.Add(c.token)
	}
	known.Add(c.id)
	c.rev = rev
}

// change runs edit on the stored key that c.ref names, until its result is
// stored, and describes the key. edit reports whether it has changed the key.
func (k *KMS) change(ctx context.Context, c *call, edit func(*record.Key) (bool, error)) (*Key, error) {
	return k.makeChange(ctx, c, newChange(), edit)
}

func (k *KMS) makeChange(ctx context.Context, c *call, ch *change, edit func(*record.Key) (bool, error)) (*Key, error) {
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
	return k.changeKey(ctx, id, ch, edit)
}

// changeKey is change without the gate. edit runs again after another process's
// change, unless its own is found to be stored.
func (k *KMS) changeKey(ctx context.Context, id keyID, ch *change, edit func(*record.Key) (bool, error)) (*Key, error) {
	var result *Key
	began := k.keys.Begin()
	rec, err := k.update(ctx, id.recordKey(), func(cur keystore.Record) ([]byte, error) {
		key, body, err := k.openKey(ctx, cur)
		defer clear(body)
		// A change on top of an old copy would be lost with it.
		if err = k.observe(id, cur, began, err); err != nil {
			return nil, err
		}
		made, err := ch.made(key.Changes, cur.Rev)
		changed := false
		if err == nil && !made {
			changed, err = edit(key)
		}
		if err != nil {
			return nil, err
		}
		result = describe(id, key, k.now())
		if !changed {
			return nil, nil
		}
		ch.try(&key.Changes, cur.Rev+1)
		return k.sealKey(id, cur.Rev+1, key)
	})
	k.keys.Wrote(id, rec)
	if err != nil {
		return nil, storeError(err)
	}
	return result, nil
}

// sealKey returns the bytes to store for key at rev, which it has read back: a
// key that nobody could read again must not be stored.
func (k *KMS) sealKey(id keyID, rev uint64, key *record.Key) ([]byte, error) {
	body := key.Marshal()
	if _, err := record.ParseKey(body); err != nil {
		clear(body)
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	return k.sealRecord(id.recordKey(), rev, body)
}
