package keycache

import (
	"crypto/sha256"
	"errors"

	"github.com/embedkms/kms/keystore"
)

// ErrRollback says that the store shows less than it has shown before.
var ErrRollback = errors.New("store went back to an earlier state")

// errReadAgain says that a Get proves nothing, because it started before
// something that is known by now.
var errReadAgain = errors.New("read again")

// A Moment orders the start of a Get and the learning of a revision. It counts
// what was learned rather than time, which may stand still between the two.
type Moment uint64

// A mark is the newest that is known of a record. It outlives the entry, or a
// rollback would show to no one once the key has left the cache.
type mark struct {
	rev     uint64
	sum     [sha256.Size]byte // of the record's data
	learned Moment            // when rev became known
	writes  uint64            // local writes: what a Get started before is void
}

// check compares with m what a Get has shown that began at began. rec.Rev is 0
// if it found nothing: records are never removed, so that is going back too.
func (m mark) check(rec keystore.Record, began Moment) error {
	switch {
	case rec.Rev > m.rev:
		return nil
	case rec.Rev == m.rev && (m.rev == 0 || sha256.Sum256(rec.Data) == m.sum):
		return nil
	case rec.Rev < m.rev && began < m.learned:
		return errReadAgain
	}
	return ErrRollback
}

// Begin returns the moment at which a read past the cache begins, for Check and
// Observe.
func (c *Cache[K, V]) Begin() Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moment
}

// learn notes the revision of rec as known. c.mu is held.
func (c *Cache[K, V]) learn(key K, m mark, rec keystore.Record) {
	if rec.Rev > m.rev {
		c.moment++
		m.rev, m.sum, m.learned = rec.Rev, sha256.Sum256(rec.Data), c.moment
	}
	c.marks[key] = m
}
