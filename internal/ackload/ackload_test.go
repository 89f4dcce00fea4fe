package ackload_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// load runs the load on s until there are 500 more acknowledgements.
func load(t *testing.T, s keystore.Store, ledger *ackload.Ledger, o ackload.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end := ledger.Acked() + 500
	o.Note = func(e ackload.Event) {
		if ledger.Note(e); ledger.Acked() >= end {
			cancel()
		}
	}
	if err := ackload.Run(ctx, s, &o); err != nil || ledger.Acked() < end {
		t.Fatalf("%d acknowledgements, %v", ledger.Acked(), err)
	}
}

func wantResult(t *testing.T, name string, l *ackload.Ledger, s keystore.Store, lost, corrupt int) {
	t.Helper()
	got, err := l.Check(t.Context(), s)
	if err != nil || got.Lost != lost || got.Corrupt != corrupt || len(got.Problems) != lost+corrupt {
		t.Errorf("%s: %d lost, %d corrupt, %v, %v, want %d and %d",
			name, got.Lost, got.Corrupt, got.Problems, err, lost, corrupt)
	}
}

// TestRun has the load go on where another one has ended.
func TestRun(t *testing.T) {
	s := memstore.New()
	var ledger ackload.Ledger
	for round := range 3 {
		load(t, s, &ledger, ackload.Options{Round: round})
		wantResult(t, "first check", &ledger, s, 0, 0)
		wantResult(t, "second check", &ledger, s, 0, 0)
	}
}

// TestFaults loses calls and replies: the writers find out what happened.
func TestFaults(t *testing.T) {
	s := faultstore.New(memstore.New())
	s.Fault = func(faultstore.Call) faultstore.Fault {
		return []faultstore.Fault{faultstore.None, faultstore.Refuse, faultstore.LoseReply}[rand.IntN(3)]
	}
	var failed atomic.Int32
	var ledger ackload.Ledger
	load(t, s, &ledger, ackload.Options{Failed: func(error) { failed.Add(1) }})
	if failed.Load() == 0 {
		t.Error("no call failed")
	}
	s.Fault = nil
	wantResult(t, "after faults", &ledger, s, 0, 0)
}

// TestBreach wants the load to end when the store breaks its contract.
func TestBreach(t *testing.T) {
	for name, s := range map[string]keystore.Store{
		"a conflict with nobody": breaking{memstore.New(), keystore.ErrConflict},
		"a damaged record":       breaking{memstore.New(), keystore.ErrCorrupt},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := ackload.Run(ctx, s, &ackload.Options{})
		if want := s.(breaking).err; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// breaking refuses the third replacement of a record.
type breaking struct {
	keystore.Store
	err error
}

func (s breaking) Put(ctx context.Context, r keystore.Record) error {
	if r.Rev == 3 {
		return s.err
	}
	return s.Store.Put(ctx, r)
}

func (s breaking) Get(ctx context.Context, key string) (keystore.Record, error) {
	r, err := s.Store.Get(ctx, key)
	if r.Rev == 2 && errors.Is(s.err, keystore.ErrCorrupt) {
		return keystore.Record{}, s.err
	}
	return r, err
}

// TestCheck has stores that differ from what they acknowledged.
func TestCheck(t *testing.T) {
	const key = "key/0-0"
	var first keystore.Record
	for _, c := range []struct {
		name          string
		damage        func(t *testing.T, s keystore.Store, now keystore.Record)
		lost, corrupt int
	}{
		{"nothing", func(*testing.T, keystore.Store, keystore.Record) {}, 0, 0},
		{"a record is not there", func(*testing.T, keystore.Store, keystore.Record) {}, 1, 0},
		{"a record is of the past", func(t *testing.T, s keystore.Store, now keystore.Record) {
			write(t, s, first)
		}, 1, 0},
		{"another content", func(t *testing.T, s keystore.Store, now keystore.Record) {
			now.Data = bytes.ToUpper(now.Data)
			write(t, s, now)
		}, 0, 1},
		{"a torn record", func(t *testing.T, s keystore.Store, now keystore.Record) {
			now.Data = now.Data[:len(now.Data)/2]
			write(t, s, now)
		}, 0, 1},
		{"a record that nobody wrote", func(t *testing.T, s keystore.Store, now keystore.Record) {
			write(t, s, now)
			write(t, s, keystore.Record{Key: "stray", Rev: 1, Data: []byte("v")})
		}, 0, 1},
		{"a revision of the future", func(t *testing.T, s keystore.Store, now keystore.Record) {
			now.Rev += 2
			write(t, s, now)
		}, 0, 1},
	} {
		s := memstore.New()
		var ledger ackload.Ledger
		load(t, s, &ledger, ackload.Options{Writers: 1})
		now, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if first = now; c.name != "nothing" {
			remove(t, s, now)
		}
		first.Rev = 1
		c.damage(t, s, now)
		wantResult(t, c.name, &ledger, s, c.lost, c.corrupt)
	}
}

// write brings r into s, whose record is not there, by as many revisions as it takes.
func write(t *testing.T, s keystore.Store, r keystore.Record) {
	t.Helper()
	for rev := range r.Rev {
		r.Rev = rev + 1
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, s keystore.Store, r keystore.Record) {
	t.Helper()
	if err := s.Delete(t.Context(), r.Key, r.Rev); err != nil {
		t.Fatal(err)
	}
}

// TestDeletions has records that come back, and some that may.
func TestDeletions(t *testing.T) {
	data := []byte("passing/0-0-1 at 1, " + strings.Repeat("passing/0-0-1 at 1, ", 100))
	there := keystore.Record{Key: "passing/0-0-1", Rev: 1, Data: data}
	created := ackload.Event{Key: there.Key, Rev: 1}
	going := ackload.Event{Key: there.Key, Going: true}
	deleted := ackload.Event{Key: there.Key}
	for _, c := range []struct {
		name          string
		noted         []ackload.Event
		later         []ackload.Event
		with, without int // lost with the record and without it
	}{
		{"a creation that was not acknowledged", nil, nil, 0, 0},
		{"created", []ackload.Event{created}, nil, 0, 1},
		{"a deletion under way", []ackload.Event{created, going}, nil, 0, 0},
		{"deleted", []ackload.Event{created, going, deleted}, nil, 1, 0},
		{"created later", nil, []ackload.Event{created}, 0, 0},
		{"deletion begun later", []ackload.Event{created}, []ackload.Event{going}, 0, 0},
		{"deleted later", []ackload.Event{created}, []ackload.Event{going, deleted}, 0, 0},
	} {
		for i, lost := range []int{c.with, c.without} {
			var ledger ackload.Ledger
			for _, e := range c.noted {
				ledger.Note(e)
			}
			for _, e := range c.later {
				ledger.Later(e)
			}
			s := memstore.New()
			if i == 0 {
				write(t, s, there)
			}
			wantResult(t, c.name, &ledger, s, lost, 0)
		}
	}
}

// TestPipe sends events as lines, and ends in the middle of one.
func TestPipe(t *testing.T) {
	events := []ackload.Event{{Key: "key/a", Rev: 7}, {Key: "key/b", Going: true}, {Key: "key/b"}}
	var pipe bytes.Buffer
	for _, e := range events {
		ackload.Print(&pipe)(e)
	}
	var got []ackload.Event
	note := func(e ackload.Event) { got = append(got, e) }
	err := ackload.Scan(strings.NewReader(pipe.String()+"ack key/c 1"), note)
	if err != nil || len(got) != len(events) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range got {
		if got[i] != events[i] {
			t.Errorf("%v, want %v", got[i], events[i])
		}
	}
	for _, line := range []string{"--- FAIL: TestKill\n", "ack key/a\n", "nak key/a 1\n", "\n"} {
		if err := ackload.Scan(strings.NewReader(line), note); err == nil {
			t.Errorf("%q is no event", line)
		}
	}
}

// TestAdvance waits for writes, and not for ever.
func TestAdvance(t *testing.T) {
	var ledger ackload.Ledger
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() {
		if err := ackload.Run(ctx, memstore.New(), &ackload.Options{Note: ledger.Note}); err != nil {
			t.Error(err)
		}
	})
	for ledger.Acked() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := ledger.Advance(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	running.Wait()
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := ledger.Advance(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without writers: %v", err)
	}
}
