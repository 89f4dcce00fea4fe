package keystore

import "context"

// A Watcher is a Store that can tell of changes, its own and those of other
// handles and processes. It is optional: the library finds it by a type
// assertion, and without one it learns of changes by asking again in time.
//
// Events are hints, never truth. One may come late, twice, or without a change,
// and on a bad connection not at all, so whoever gets one reads the record, and
// whoever gets none does so all the same before what he knows is too old.
type Watcher interface {
	// Watch returns a channel of the changes, from now on, of records whose
	// keys start with prefix; an empty prefix matches all. What a Put or Delete
	// changed that begins after Watch has returned leads to an event, or to the
	// resync that stands for it.
	//
	// The channel is closed, and nothing of the watch is left, when ctx is done,
	// when the store is closed, or when the store cannot go on. A driver goes on
	// by itself after a lost connection. Nobody waits for who reads the channel:
	// where he is slow, a resync takes the place of what he has missed.
	//
	// Watch honours ctx as the methods of a Store do, and returns ErrClosed
	// after Close.
	Watch(ctx context.Context, prefix string) (<-chan Event, error)
}

// An Event says that a record may have changed.
type Event struct {
	// Key is the record's key. Empty, the event is a resync: events were lost,
	// and any record may have changed.
	Key string

	// Rev is the record's revision after the change, as far as the driver
	// knows. It is 0 if it does not, and for a record that was deleted.
	Rev uint64
}
