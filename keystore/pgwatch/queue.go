package pgwatch

import (
	"strconv"
	"strings"
	"time"

	"github.com/embedkms/kms/keystore"
)

// MaxHints is how many events a watch passes on in a second. What comes beyond
// is one resync at the end of it.
const MaxHints = 1000

const unread = 64 // events that wait for the reader

// parse returns the event that a payload is, empty for a resync, and false if it
// is none of keys that start with prefix.
func parse(payload, prefix string) (keystore.Event, bool) {
	if payload == "" {
		return keystore.Event{}, true
	}
	key, rev, _ := strings.Cut(payload, " ")
	n, err := strconv.ParseUint(rev, 10, 63)
	if err != nil || !strings.HasPrefix(key, prefix) || keystore.CheckKey(key) != nil {
		return keystore.Event{}, false
	}
	return keystore.Event{Key: key, Rev: n}, true
}

// A queue is what the reader of a watch has not taken yet. It never waits for him
// and never grows: its last place is for a resync, which stands for all that
// comes after it until it is taken.
type queue struct {
	events chan keystore.Event
	resync bool // the newest event is one

	second time.Time // began then
	hints  int       // in it
	owed   bool      // a resync, at its end
}

func newQueue() *queue { return &queue{events: make(chan keystore.Event, unread+1)} }

// hint tells of an event, or owes a resync if there are too many. One that
// somebody asks for is always owed, so that nobody can ask for many.
func (q *queue) hint(e keystore.Event, now time.Time) {
	if now.Sub(q.second) >= time.Second {
		q.settle(now)
		q.second, q.hints = now, 0
	}
	if q.hints++; e.Key == "" || q.hints > MaxHints {
		q.owed = true
		return
	}
	q.tell(e)
}

// wake returns when the queue has something to do, which is until at the latest.
func (q *queue) wake(until time.Time) time.Time {
	if end := q.second.Add(time.Second); q.owed && end.Before(until) {
		return end
	}
	return until
}

// settle gives the resync that is owed, if it is time.
func (q *queue) settle(now time.Time) {
	if q.owed && now.Sub(q.second) >= time.Second {
		q.owed = false
		q.tell(keystore.Event{})
	}
}

// tell puts an event into the queue, or a resync if there is no place.
func (q *queue) tell(e keystore.Event) {
	if q.resync && len(q.events) > 0 {
		return // it is still there, and stands for this
	}
	if len(q.events) >= unread {
		e = keystore.Event{}
	}
	q.resync = e.Key == ""
	q.events <- e
}
