package pgwatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

// Whatever a payload is, its event is well-formed and of the prefix, and what the
// triggers send comes back as it was.
func FuzzParse(f *testing.F) {
	for _, payload := range []string{
		"", "key/a 1", "alias/abc-d_e 9223372036854775807", "key/a 0", " ", "key/a", "key/a 1 2", "KEY 1",
		"key/a -1", "key/a +1", "key/a 0x1", "a//b 1", "key/a 18446744073709551615", "\xff 1",
	} {
		f.Add(payload, "key/")
		f.Add(payload, "")
	}
	f.Fuzz(func(t *testing.T, payload, prefix string) {
		e, ok := parse(payload, prefix)
		switch {
		case !ok && e != keystore.Event{}:
			t.Errorf("%q: %v and no event", payload, e)
		case ok && e.Key == "" && payload != "":
			t.Errorf("%q is a resync", payload)
		case ok && e.Key != "" && (keystore.CheckKey(e.Key) != nil || !strings.HasPrefix(e.Key, prefix)):
			t.Errorf("%q: key %q", payload, e.Key)
		case ok && e.Key != "":
			if again, ok := parse(fmt.Sprint(e.Key, " ", e.Rev), prefix); !ok || again != e {
				t.Errorf("%v, then %v", e, again)
			}
		}
	})
}

// take returns what is in a queue.
func (q *queue) take() (keys []string) {
	for len(q.events) > 0 {
		keys = append(keys, (<-q.events).Key)
	}
	return keys
}

var start = time.Unix(1<<30, 0)

// A reader who is late gets the first events and a resync, and then events again.
func TestQueueFull(t *testing.T) {
	q := newQueue()
	for i := range 5 * unread {
		q.hint(keystore.Event{Key: fmt.Sprint(i), Rev: 1}, start)
	}
	got := q.take()
	if len(got) != unread+1 || got[unread] != "" || got[unread-1] != fmt.Sprint(unread-1) {
		t.Errorf("%d events: %q", len(got), got)
	}
	q.tell(keystore.Event{Key: "a"})
	q.tell(keystore.Event{})
	q.tell(keystore.Event{Key: "the resync stands for this"})
	if got := q.take(); fmt.Sprint(got) != "[a ]" {
		t.Errorf("%q", got)
	}
	q.tell(keystore.Event{Key: "b"})
	if got := q.take(); fmt.Sprint(got) != "[b]" {
		t.Errorf("%q", got)
	}
}

// Of many events in a second those above MaxHints are a resync at its end, which is
// what wakes the watch.
func TestQueueFlood(t *testing.T) {
	q, told := newQueue(), 0
	for i := range 10 * MaxHints {
		q.hint(keystore.Event{Key: "key/a"}, start.Add(time.Duration(i)))
		told += len(q.take())
	}
	end, later := start.Add(time.Second), start.Add(time.Hour)
	if told != MaxHints || !q.wake(later).Equal(end) {
		t.Errorf("%d events, next at %v", told, q.wake(later))
	}
	q.settle(end.Add(-1))
	if got := q.take(); got != nil {
		t.Errorf("%q too early", got)
	}
	q.settle(end)
	q.settle(end)
	if got := q.take(); fmt.Sprint(got) != "[]" || len(got) != 1 {
		t.Errorf("%q, want a resync", got)
	}
	if !q.wake(later).Equal(later) {
		t.Errorf("nothing is owed, but at %v", q.wake(later))
	}
	q.hint(keystore.Event{Key: "key/b"}, end)
	if got := q.take(); fmt.Sprint(got) != "[key/b]" {
		t.Errorf("%q", got)
	}
}

// A resync that is asked for comes at the end of the second, once.
func TestQueueResync(t *testing.T) {
	q := newQueue()
	for range 10 {
		q.hint(keystore.Event{}, start)
	}
	q.hint(keystore.Event{Key: "key/a"}, start)
	if got := q.take(); fmt.Sprint(got) != "[key/a]" {
		t.Errorf("%q", got)
	}
	// The next notification settles it as well as the passing of time.
	q.hint(keystore.Event{Key: "key/b"}, start.Add(time.Second))
	if got := q.take(); len(got) != 1 || got[0] != "" {
		t.Errorf("%q, want a resync", got)
	}
}
