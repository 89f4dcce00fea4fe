package kms

import (
	"context"
	"errors"
	"sync"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
)

// maxEncryptions is how many messages Maintain lets a key version encrypt: a
// sixteenth of what its nonces are good for (docs/envelope.md). It is a reason
// to rotate, never to refuse.
const maxEncryptions = 1 << 44

const usagePrefix = "usage/"

// A ledger counts what this process has encrypted, by key version.
type ledger struct {
	mu     sync.Mutex
	counts map[keyID]map[uint32]*tally
}

// A tally is the count of a key version, and what of it is stored already.
type tally struct {
	suite.Counter
	stored uint64
}

// counter returns what a key version counts to, in whichever entry of the cache
// it stands.
func (l *ledger) counter(id keyID, version uint32) *suite.Counter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[keyID]map[uint32]*tally{}
	}
	if l.counts[id] == nil {
		l.counts[id] = map[uint32]*tally{}
	}
	t := l.counts[id][version]
	if t == nil {
		t = &tally{}
		l.counts[id][version] = t
	}
	return &t.Counter
}

// pending returns what was counted of a key and is not stored yet.
func (l *ledger) pending(id keyID) record.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unstored(id)
}

// unstored is pending with l.mu held.
func (l *ledger) unstored(id keyID) record.Usage {
	pending := record.Usage{}
	for version, t := range l.counts[id] {
		if n := t.Total() - t.stored; n > 0 {
			pending[version] = n
		}
	}
	return pending
}

// take returns what is pending of a key, for the caller to store, and takes it
// for stored.
func (l *ledger) take(id keyID) record.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	pending := l.unstored(id)
	for version, n := range pending {
		l.counts[id][version].stored += n
	}
	return pending
}

// giveBack takes back take.
func (l *ledger) giveBack(id keyID, pending record.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for version, n := range pending {
		l.counts[id][version].stored -= n
	}
}

// flush adds what this process has counted of a key to its usage record. The
// counts are estimates: when a reply is lost it may add twice, and what a process
// had not stored when it ended is missing. So a damaged record is begun anew, if
// the store lets it be written; the sweep of usage records reports it if not.
func (k *KMS) flush(ctx context.Context, id keyID) error {
	pending := k.usage.take(id)
	if len(pending) == 0 {
		return nil
	}
	key := usagePrefix + id.String()
	_, err := k.update(ctx, key, func(cur keystore.Record) ([]byte, error) {
		total, err := forgiven(k.openUsage(ctx, cur))
		if err != nil {
			return nil, err
		}
		total.Add(pending)
		return k.sealRecord(key, cur.Rev+1, total.Marshal())
	})
	if err = storeError(err); err != nil {
		k.usage.giveBack(id, pending)
	}
	_, err = forgiven(nil, err)
	return err
}

// openUsage returns the counts of a usage record, none if it is absent.
func (k *KMS) openUsage(ctx context.Context, rec keystore.Record) (record.Usage, error) {
	if rec.Rev == 0 {
		return record.Usage{}, nil
	}
	body, err := k.openRecord(ctx, rec)
	if err != nil {
		return nil, err
	}
	return record.ParseUsage(body)
}

// readUsage returns about how many messages each version of a key has
// encrypted, those of this process included.
func (k *KMS) readUsage(ctx context.Context, id keyID) (record.Usage, error) {
	rec, err := k.find(ctx, usagePrefix+id.String())
	var usage record.Usage
	if err == nil {
		usage, err = k.openUsage(ctx, rec)
	}
	if usage, err = forgiven(usage, err); err != nil {
		return nil, storeError(err)
	}
	usage.Add(k.usage.pending(id))
	return usage, nil
}

// forgiven returns no counts in the place of a damaged record: an estimate must
// not keep anyone from a key.
func forgiven(usage record.Usage, err error) (record.Usage, error) {
	if errors.Is(err, ErrTampered) {
		return record.Usage{}, nil
	}
	return usage, err
}
