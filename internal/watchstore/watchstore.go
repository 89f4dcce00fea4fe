// Package watchstore makes a key store in memory tell of its writes, as a driver
// for a server does, and of whatever else a test wants told.
package watchstore

import (
	"context"
	"strings"
	"sync"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A Store is a memstore.Store that is a keystore.Watcher.
type Store struct {
	*memstore.Store

	mu       sync.Mutex
	closed   bool
	watches  map[*watch]bool
	refusals int // how many calls of Watch are still to fail
	begun    int // how many have not
	running  sync.WaitGroup
}

// A watch is told of what its prefix matches.
type watch struct {
	prefix string
	events chan keystore.Event
	end    context.CancelFunc
}

var (
	_ keystore.Store   = (*Store)(nil)
	_ keystore.Watcher = (*Store)(nil)
)

// New returns an empty Store.
func New() *Store {
	return &Store{Store: memstore.New(), watches: make(map[*watch]bool)}
}

// Put implements keystore.Store.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	err := s.Store.Put(ctx, r)
	if err == nil {
		s.Tell(keystore.Event{Key: r.Key, Rev: r.Rev})
	}
	return err
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	err := s.Store.Delete(ctx, key, rev)
	if err == nil {
		s.Tell(keystore.Event{Key: key})
	}
	return err
}

// Watch implements keystore.Watcher.
func (s *Store) Watch(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, keystore.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.refusals > 0 {
		s.refusals--
		return nil, keystore.ErrCorrupt // which is no reason to give up either
	}
	s.begun++
	ctx, end := context.WithCancel(ctx)
	w := &watch{prefix, make(chan keystore.Event, 8), end}
	s.watches[w] = true
	s.running.Go(func() {
		<-ctx.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watches, w)
		close(w.events)
	})
	return w.events, nil
}

// Tell sends an event to every watch that it concerns, true or not.
func (s *Store) Tell(e keystore.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		if e.Key == "" || strings.HasPrefix(e.Key, w.prefix) {
			w.tell(e)
		}
	}
}

// tell makes room for a resync where the reader is slow.
func (w *watch) tell(e keystore.Event) {
	if len(w.events) < cap(w.events)-1 {
		w.events <- e
		return
	}
	select {
	case w.events <- keystore.Event{}:
	default: // is owed already
	}
}

// Interrupt ends every watch, and makes the next calls of Watch fail.
func (s *Store) Interrupt(refusals int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = refusals
	for w := range s.watches {
		w.end()
	}
}

// Watches returns how many watches there are, and how many there ever were.
func (s *Store) Watches() (now, ever int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watches), s.begun
}

// Close implements io.Closer. It ends every watch.
func (s *Store) Close() error {
	s.Interrupt(0)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	return s.Store.Close()
}
