package ackload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/embedkms/kms/keystore"
)

// A Ledger is what must be in a store. Its zero value is of an empty one. It is
// safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]entry
	acked   int
}

// An entry is what is known of a record. Without one there may be a record at
// its first revision, whose acknowledgement was cut off.
type entry struct {
	rev   uint64 // acknowledged
	most  uint64 // acknowledged, perhaps only after the crash
	going bool   // a deletion has begun
	gone  bool   // and was acknowledged
}

// Note notes an event.
func (l *Ledger) Note(e Event) {
	l.change(e.Key, func(old *entry) {
		if e.Going {
			old.going = true
			return
		}
		l.acked++
		*old = entry{rev: e.Rev, most: e.Rev, going: old.going, gone: e.Rev == 0}
	})
}

// Later notes an event that came after the moment of which the store will be
// checked: it may have happened, and need not.
func (l *Ledger) Later(e Event) {
	l.change(e.Key, func(old *entry) {
		old.most = max(old.most, e.Rev)
		old.going = old.going || e.Going
	})
}

func (l *Ledger) change(key string, f func(*entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[string]entry)
	}
	e := l.entries[key]
	f(&e)
	l.entries[key] = e
}

// Acked returns the number of acknowledgements.
func (l *Ledger) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// Advance waits until the writers have replaced each record that they keep once
// more, or ctx is done.
func (l *Ledger) Advance(ctx context.Context) error {
	before := l.copy()
	for {
		behind, ahead := 0, 0
		for key, e := range l.copy() {
			switch {
			case !strings.HasPrefix(key, "key/"):
			case e.rev > before[key].rev:
				ahead++
			default:
				behind++
			}
		}
		if behind == 0 && ahead > 0 {
			return nil
		}
		if err := wait(ctx); err != nil {
			return fmt.Errorf("%d records are not replaced: %w", behind, err)
		}
	}
}

func (l *Ledger) copy() map[string]entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make(map[string]entry)
	maps.Copy(entries, l.entries)
	return entries
}

// A Result is what a check has found.
type Result struct {
	Lost     int     // records that are not at an acknowledged revision or a later one
	Corrupt  int     // records with other content than was written
	Problems []error // what is wrong with each
}

// Check compares a store on which nobody writes with the ledger: each record
// must be at the revision that was acknowledged, or the next one, whose
// acknowledgement may have been cut off; be whole; and be the same in Get and
// List. It returns an error when s cannot be listed.
//
// Afterwards the ledger expects what the check has found: what a reader has seen
// must be there as well.
func (l *Ledger) Check(ctx context.Context, s keystore.Store) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	listed, err := list(ctx, s)
	if err != nil {
		return Result{}, err
	}
	entries := l.copy()
	for key := range listed {
		if _, known := entries[key]; !known { // nobody acknowledged it
			entries[key] = entry{}
		}
	}
	found := make(map[string]entry)
	var result Result
	for key, e := range entries {
		got, err := s.Get(ctx, key)
		result.add(e.judge(key, got, err))
		inList, ok := listed[key]
		missing := errors.Is(err, keystore.ErrNotFound)
		if ok == missing || inList.Rev != got.Rev || !bytes.Equal(inList.Data, got.Data) {
			result.add(fmt.Errorf("%w: %s: Get has %d, %v; List has %d",
				errCorrupt, key, got.Rev, err, inList.Rev))
		}
		if !missing {
			found[key] = entry{rev: got.Rev, most: got.Rev}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = found
	return result, nil
}

func list(ctx context.Context, s keystore.Store) (map[string]keystore.Record, error) {
	listed := make(map[string]keystore.Record)
	for after := ""; ; {
		page, err := s.List(ctx, "", after, keystore.MaxLimit)
		if err != nil || len(page) == 0 {
			return listed, err
		}
		for _, r := range page {
			listed[r.Key] = r
			after = r.Key
		}
	}
}

var (
	errLost    = errors.New("lost")
	errCorrupt = errors.New("corrupt")
)

// judge says what is wrong with what Get returned.
func (e entry) judge(key string, r keystore.Record, err error) error {
	if errors.Is(err, keystore.ErrNotFound) {
		if e.rev > 0 && !e.going {
			return fmt.Errorf("%w: %s at %d is not there", errLost, key, e.rev)
		}
		return nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s at %d: %w", errCorrupt, key, e.rev, err)
	case e.gone:
		return fmt.Errorf("%w: the deletion of %s, which is at %d", errLost, key, r.Rev)
	case r.Rev < e.rev:
		return fmt.Errorf("%w: %s is at %d, acknowledged was %d", errLost, key, r.Rev, e.rev)
	case r.Rev > e.most+1:
		return fmt.Errorf("%w: %s is at %d, at most %d was written", errCorrupt, key, r.Rev, e.most+1)
	case !bytes.Equal(r.Data, content(key, r.Rev)):
		return fmt.Errorf("%w: %s at %d is %d bytes, %.40q", errCorrupt, key, r.Rev, len(r.Data), r.Data)
	}
	return nil
}

// Add adds what another check has found.
func (r *Result) Add(other Result) {
	r.Lost += other.Lost
	r.Corrupt += other.Corrupt
	r.Problems = append(r.Problems, other.Problems...)
}

func (r *Result) add(problem error) {
	switch {
	case errors.Is(problem, errLost):
		r.Lost++
	case problem != nil:
		r.Corrupt++
	default:
		return
	}
	r.Problems = append(r.Problems, problem)
}
