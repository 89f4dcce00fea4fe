package keycache

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/embedkms/kms/keystore"
)

// ErrRollback says that the store shows less than it has shown before.
var ErrRollback = errors.New("store went back to an earlier state")

// errReadAgain says that a Get proves nothing, because it started before
// something that is known by now.
var errReadAgain = errors.New("read again")

// A mark is the newest that is known of a record. It outlives the entry, or a
// rollback would show to no one once the key has left the cache.
type mark struct {
	rev     uint64
	sum     [sha256.Size]byte // of the record's data
	learned time.Duration     // when rev became known
	writes  uint64            // local writes: what a Get started before is void
}

// learn returns m with a revision that is known at now.
func (m mark) learn(rec keystore.Record, now time.Duration) mark {
	if rec.Rev > m.rev {
		m.rev, m.sum, m.learned = rec.Rev, sha256.Sum256(rec.Data), now
	}
	return m
}

// check compares with m what a Get has shown that started at start. rec.Rev is
// 0 if it found nothing: records are never removed, so that is going back too.
func (m mark) check(rec keystore.Record, start time.Duration) error {
	switch {
	case rec.Rev > m.rev:
		return nil
	case rec.Rev == m.rev && (m.rev == 0 || sha256.Sum256(rec.Data) == m.sum):
		return nil
	case rec.Rev < m.rev && start < m.learned:
		return errReadAgain
	}
	return ErrRollback
}
