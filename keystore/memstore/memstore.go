// Package memstore keeps records in memory. It is for tests: what it holds is
// gone with the process.
package memstore

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/embedkms/kms/keystore"
)

// A Store is a keystore.Store in memory. Its zero value is empty and ready.
type Store struct {
	mu      sync.RWMutex
	records map[string]keystore.Record
	closed  bool
}

var _ keystore.Store = (*Store)(nil)

// New returns an empty Store.
func New() *Store { return &Store{} }

// Close makes every later call return keystore.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// ready returns why a call cannot be made. s.mu is held.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return keystore.ErrClosed
	}
	return ctx.Err()
}

// Get implements keystore.Store.
func (s *Store) Get(ctx context.Context, key string) (keystore.Record, error) {
	if err := keystore.CheckKey(key); err != nil {
		return keystore.Record{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return keystore.Record{}, err
	}
	r, ok := s.records[key]
	if !ok {
		return keystore.Record{}, keystore.ErrNotFound
	}
	return clone(r), nil
}

// Put implements keystore.Store.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	if err := keystore.CheckPut(r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	if s.records[r.Key].Rev != r.Rev-1 { // an absent record has Rev 0
		return keystore.ErrConflict
	}
	if s.records == nil {
		s.records = map[string]keystore.Record{}
	}
	s.records[r.Key] = clone(r)
	return nil
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	if err := keystore.CheckKey(key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	r, ok := s.records[key]
	switch {
	case !ok:
		return keystore.ErrNotFound
	case r.Rev != rev:
		return keystore.ErrConflict
	}
	delete(s.records, key)
	return nil
}

// List implements keystore.Store.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	if err := keystore.CheckList(limit); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
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

func clone(r keystore.Record) keystore.Record {
	r.Data = bytes.Clone(r.Data)
	return r
}
