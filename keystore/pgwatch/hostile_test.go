package pgwatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/pgwatch"
)

// stranger returns a place as a role sees it that may only connect, and the
// channel of the table.
func (p place) stranger(t *testing.T) (_ place, channel string) {
	t.Helper()
	channel = "kms_" + p.query(t, "SELECT CAST('%s'::regclass::oid AS TEXT)")
	p.exec(t, "CREATE ROLE %s_stranger LOGIN")
	p.source = strings.Replace(p.source, "kms@", p.table+"_stranger@", 1)
	return p, channel
}

// What anybody who may connect can send, and is no event.
func TestHostilePayloads(t *testing.T) {
	p := newPlace(sharedServer(t))
	s, events := p.watched(t)
	stranger, channel := p.stranger(t)
	for _, payload := range []string{" ", "key/a", "key/a ", "key/a -1", "key/a 1 2", "key/a x", "KEY/A 1",
		"key//a 1", "../a 1", " 1", "key/a 9223372036854775808", "key/a 1\n", "key/\u00e4 1",
		strings.Repeat("k", 65) + " 1", strings.Repeat("x", 7999), strings.Repeat("9", 7999)} {
		stranger.exec(t, "SELECT pg_notify('"+channel+"', '"+payload+"')")
	}
	put(t, s, "key/a", 1)
	for _, e := range await(t, events, func(e keystore.Event) bool { return e.Key == "key/a" && e.Rev == 1 }) {
		t.Errorf("event %v", e)
	}
}

// However many resyncs a stranger asks for, and whatever he says has changed, the
// reader gets no more than he can bear, and then hears again at once.
func TestHostileFlood(t *testing.T) {
	p := newPlace(sharedServer(t))
	s, events := p.watched(t)
	stranger, channel := p.stranger(t)
	for name, payload := range map[string]string{
		"resyncs": "''", "changes": "'key/' || i || ' 1'", "one change": "'key/a ' || i",
	} {
		start, over := time.Now(), make(chan struct{})
		go func() {
			defer close(over)
			for range 20 {
				stranger.exec(t, fmt.Sprintf("DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_notify('%s', %s); "+
					"IF i %% 100 = 0 THEN COMMIT; END IF; END LOOP; END $$", channel, payload))
			}
		}()
		hints, resyncs := count(events, over)
		seconds := int(time.Since(start)/time.Second) + 1
		t.Logf("%s: %d events and %d resyncs in %d s", name, hints, resyncs, seconds)
		// One resync a second is owed; the others stand each for a full queue.
		if resyncs == 0 || resyncs > seconds+hints/64 || hints > seconds*pgwatch.MaxHints {
			t.Errorf("%s: %d events and %d resyncs in %d s", name, hints, resyncs, seconds)
		}
	}
	for i := 0; ; i++ {
		// A resync is a fair answer too, to what the server still held back.
		e := keystore.Event{Key: fmt.Sprintf("key/z%d", i), Rev: 1}
		put(t, s, e.Key, 1)
		told := false
		await(t, events, func(got keystore.Event) bool { told = got == e; return told || got.Key == "" })
		if told {
			return
		}
	}
}

// count counts events until the flood is over, and nothing has come for longer
// than a resync can be owed: a slow reader still hears of it for a while.
func count(events <-chan keystore.Event, over <-chan struct{}) (hints, resyncs int) {
	const quiet = 1500 * time.Millisecond
	var end <-chan time.Time
	for {
		select {
		case e := <-events:
			if over == nil {
				end = time.After(quiet)
			}
			if e.Key == "" {
				resyncs++
			} else {
				hints++
			}
		case <-over:
			over, end = nil, time.After(quiet)
		case <-end:
			return hints, resyncs
		}
	}
}
