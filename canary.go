package kms

import (
	"context"
	"errors"
	"time"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// canaryKey is the record that Check writes, so that a store which cannot be
// written is found before a change of a key fails. Nothing depends on it: unlike
// all other records it is not sealed anew under a new storage key, but replaced
// by the next Check.
const canaryKey = "meta/canary"

const canaryTries = 8 // against the canaries of others

// canary writes the canary. The write is not settled as others are: one that
// fails is told at once, and may land later without harm.
func (e *examination) canary(ctx context.Context) {
	limited, stop := context.WithTimeout(ctx, answerLimit)
	defer stop()
	// If others are faster each time, or replies are lost, the store is written.
	for range canaryTries {
		next, err := e.nextCanary(limited)
		if err != nil {
			e.addRead(ctx, canaryKey, err)
			return
		}
		start := e.elapsed()
		if err = e.store.Put(limited, next); err == nil {
			e.health.WriteTime = e.elapsed() - start
			return
		}
		if stored, failed := e.find(limited, canaryKey); failed != nil || stored.Rev < next.Rev {
			e.add(ctx, Problem{Kind: ProblemStoreNotWritable, Record: canaryKey, Err: storeError(err)})
			return
		}
	}
}

// nextCanary returns the record to put in the place of the stored one, which has
// to open first, unless its storage key was dropped.
func (e *examination) nextCanary(ctx context.Context) (keystore.Record, error) {
	rec, err := e.find(ctx, canaryKey)
	if err != nil {
		return rec, err
	}
	if rec.Rev > 0 {
		switch written, err := e.openCanary(ctx, rec); {
		case err == nil:
			e.saw(canaryKey, written)
		case !underDropped(err):
			return rec, storeError(err)
		}
	}
	rec.Rev++
	c := record.Canary{WrittenAt: e.timestamp()}
	rec.Data, err = e.sealRecord(canaryKey, rec.Rev, c.Marshal())
	return rec, err
}

// openCanary returns when a canary was written.
func (e *examination) openCanary(ctx context.Context, rec keystore.Record) (time.Time, error) {
	body, err := e.openRecord(ctx, rec)
	if err != nil {
		return time.Time{}, err
	}
	c, err := record.ParseCanary(body)
	return c.WrittenAt, err
}

// underDropped reports whether err is of a record under a storage key that the
// keyring does not have.
func underDropped(err error) bool {
	_, ok := errors.AsType[keyring.UnknownVersionError](err)
	return ok
}
