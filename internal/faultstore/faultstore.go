// Package faultstore wraps a key store to make it fail as stores do: calls that
// are refused, replies that are lost after the write was made, writes that land
// after their caller has given up, and an outage.
package faultstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/embedkms/kms/keystore"
)

// ErrFault is what a call that is made to fail returns.
var ErrFault = errors.New("faultstore: connection lost")

// A Call is one call of the store's.
type Call struct {
	Method string // Get, Put, Delete or List
	Key    string // the prefix of a List
	Rev    uint64 // of a Put or Delete
}

// A Fault is what happens to a call.
type Fault int

const (
	None      Fault = iota
	Refuse          // it is not made
	LoseReply       // it is made, but fails to the caller
	Late            // it fails to the caller, and is made by the next Land
)

// A Store is a keystore.Store with faults.
type Store struct {
	inner keystore.Store

	// Fault says what happens to a call; nil is None. Set it before use.
	Fault func(Call) Fault

	// Block, if set, is called before each call is made, and may wait.
	Block func(context.Context, Call)

	down  atomic.Bool
	calls sync.Map // method → *atomic.Int64
	mu    sync.Mutex
	late  []func()
}

var _ keystore.Store = (*Store)(nil)

// New returns a Store over inner.
func New(inner keystore.Store) *Store { return &Store{inner: inner} }

// SetDown makes every call fail, or work again.
func (s *Store) SetDown(down bool) { s.down.Store(down) }

// Calls returns how often a method was called.
func (s *Store) Calls(method string) int {
	n, _ := s.calls.LoadOrStore(method, new(atomic.Int64))
	return int(n.(*atomic.Int64).Load())
}

// Land makes the calls that are late.
func (s *Store) Land() {
	s.mu.Lock()
	late := s.late
	s.late = nil
	s.mu.Unlock()
	for _, call := range late {
		call()
	}
}

// do makes a call with its fault.
func (s *Store) do(ctx context.Context, c Call, call func(context.Context) error) error {
	n, _ := s.calls.LoadOrStore(c.Method, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	if s.Block != nil {
		s.Block(ctx, c)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fault, down := None, s.down.Load() // Fault may set it, for the calls behind this one
	if s.Fault != nil {
		fault = s.Fault(c)
	}
	if down {
		fault = Refuse
	}
	switch fault {
	case Refuse:
		return ErrFault
	case LoseReply:
		_ = call(ctx)
		return ErrFault
	case Late:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.late = append(s.late, func() { _ = call(context.WithoutCancel(ctx)) })
		return ErrFault
	}
	return call(ctx)
}

func (s *Store) Get(ctx context.Context, key string) (rec keystore.Record, err error) {
	err = s.do(ctx, Call{"Get", key, 0}, func(ctx context.Context) (err error) {
		rec, err = s.inner.Get(ctx, key)
		return err
	})
	return rec, err
}

func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	r.Data = append([]byte(nil), r.Data...)
	return s.do(ctx, Call{"Put", r.Key, r.Rev}, func(ctx context.Context) error {
		return s.inner.Put(ctx, r)
	})
}

func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	return s.do(ctx, Call{"Delete", key, rev}, func(ctx context.Context) error {
		return s.inner.Delete(ctx, key, rev)
	})
}

func (s *Store) List(ctx context.Context, prefix, after string, limit int) (recs []keystore.Record, err error) {
	err = s.do(ctx, Call{"List", prefix, 0}, func(ctx context.Context) (err error) {
		recs, err = s.inner.List(ctx, prefix, after, limit)
		return err
	})
	return recs, err
}
