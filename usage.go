package kms

import (
	"context"
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
	mu       sync.Mutex
	counts   map[keyID]map[uint32]*tally
	flushing sync.Mutex // held while counts are being stored
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
	pending := record.Usage{}
	for version, t := range l.counts[id] {
		if n := t.Total() - t.stored; n > 0 {
			pending[version] = n
		}
	}
	return pending
}

// settle notes that counts of a key are stored.
func (l *ledger) settle(id keyID, stored record.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for version, n := range stored {
		l.counts[id][version].stored += n
	}
}

// flush adds what this process has counted of a key to its usage record, which
// it returns, or nil if there was nothing to add. When a reply is lost, it may
// add twice: the counts are estimates that err on the high side.
func (k *KMS) flush(ctx context.Context, id keyID) (record.Usage, error) {
	k.usage.flushing.Lock()
	defer k.usage.flushing.Unlock()
	pending := k.usage.pending(id)
	if len(pending) == 0 {
		return nil, nil
	}
	var total record.Usage
	key := usagePrefix + id.String()
	_, err := k.update(ctx, key, func(cur keystore.Record) (data []byte, err error) {
		if total, err = k.openUsage(ctx, cur); err != nil {
			return nil, err
		}
		total.Add(pending)
		return k.sealRecord(key, cur.Rev+1, total.Marshal())
	})
	if err != nil {
		return nil, storeError(err)
	}
	k.usage.settle(id, pending)
	return total, nil
}

// openUsage returns the counts of a usage record, which may be absent.
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
	if err != nil {
		return nil, err
	}
	usage, err := k.openUsage(ctx, rec)
	if err != nil {
		return nil, storeError(err)
	}
	usage.Add(k.usage.pending(id))
	return usage, nil
}
