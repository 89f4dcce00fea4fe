// Package memstore keeps records in the memory of one process, for tests. What
// it holds is gone with the process, and with it every key and all that was
// encrypted under them: a service uses another store.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/embedkms/kms/keystore"
)

// A Store holds records in a map. The zero value is an empty store, ready to
// use; it must not be copied.
type Store struct {
	mu      sync.Mutex
	closed  bool
	records map[string]keystore.Record
}

var _ keystore.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return new(Store) }

// Close drops the records.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.records = true, nil
	return nil
}

// Get implements keystore.Store.
func (s *Store) Get(ctx context.Context, key string) (keystore.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, keystore.CheckKey(key)); err != nil {
		return keystore.Record{}, err
	}
	r, ok := s.records[key]
	if !ok {
		return keystore.Record{}, notFound(key)
	}
	return clone(r), nil
}

// Put implements keystore.Store.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, keystore.CheckPut(r)); err != nil {
		return err
	}
	if stored := s.records[r.Key].Rev; stored != r.Rev-1 { // 0 where there is none
		return conflict(r.Key, stored, r.Rev)
	}
	if s.records == nil {
		s.records = make(map[string]keystore.Record)
	}
	s.records[r.Key] = clone(r)
	return nil
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, keystore.CheckKey(key)); err != nil {
		return err
	}
	r, ok := s.records[key]
	if !ok {
		return notFound(key)
	}
	if r.Rev != rev {
		return conflict(key, r.Rev, rev)
	}
	delete(s.records, key)
	return nil
}

// List implements keystore.Store.
func (s *Store) List(
	ctx context.Context, prefix, after string, limit int,
) ([]keystore.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, keystore.CheckList(limit)); err != nil {
		return nil, err
	}
	var keys []string
	for key := range s.records {
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var page []keystore.Record
	for _, key := range keys[:min(limit, len(keys))] {
		page = append(page, clone(s.records[key]))
	}
	return page, nil
}

// check returns why a call must not go on; invalid is what its arguments say.
func (s *Store) check(ctx context.Context, invalid error) error {
	if s.closed {
		return keystore.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %w", err)
	}
	return invalid
}

func notFound(key string) error {
	return fmt.Errorf("memstore: %w: %s", keystore.ErrNotFound, key)
}

func conflict(key string, stored, rev uint64) error {
	return fmt.Errorf("memstore: record %s: %w: stored %d, given %d",
		key, keystore.ErrConflict, stored, rev)
}

func clone(r keystore.Record) keystore.Record {
	r.Data = bytes.Clone(r.Data)
	return r
}
