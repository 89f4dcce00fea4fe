package faults_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
	"github.com/embedkms/kms/keystore/memstore"
)

// A careless store does one thing wrong, now and then.
type careless struct {
	keystore.Store
	get    func(s keystore.Store, key string) (keystore.Record, error)
	put    func(s keystore.Store, r keystore.Record) error
	remove func(s keystore.Store, key string, rev uint64) error
}

func now() bool { return rand.N(20) == 0 }

func (s *careless) Get(ctx context.Context, key string) (keystore.Record, error) {
	if s.get != nil {
		return s.get(s.Store, key)
	}
	return s.Store.Get(ctx, key)
}

func (s *careless) Put(ctx context.Context, r keystore.Record) error {
	if s.put != nil && now() {
		return s.put(s.Store, r)
	}
	return s.Store.Put(ctx, r)
}

func (s *careless) Delete(ctx context.Context, key string, rev uint64) error {
	if s.remove != nil && now() {
		return s.remove(s.Store, key, rev)
	}
	return s.Store.Delete(ctx, key, rev)
}

var errLost = errors.New("connection lost")

// TestPlanted wants each of these to be found.
func TestPlanted(t *testing.T) {
	ctx := context.Background()
	var cache, lost sync.Map // records, by key
	for name, s := range map[string]*careless{
		"reads what it read before": {get: func(s keystore.Store, key string) (keystore.Record, error) {
			r, err := s.Get(ctx, key)
			if last, ok := cache.Swap(key, r); ok && now() {
				r = last.(keystore.Record)
			}
			if r.Rev == 0 {
				err = keystore.ErrNotFound
			}
			return r, err
		}},
		"replaces whatever is there": {put: func(s keystore.Store, r keystore.Record) error {
			if old, err := s.Get(ctx, r.Key); err == nil {
				s.Delete(ctx, r.Key, old.Rev)
			}
			for rev := range r.Rev {
				s.Put(ctx, keystore.Record{Key: r.Key, Rev: rev + 1, Data: r.Data})
			}
			return nil
		}},
		"acknowledges what it has not written": {
			put: func(keystore.Store, keystore.Record) error { return nil },
		},
		"writes and says conflict": {put: func(s keystore.Store, r keystore.Record) error {
			s.Put(ctx, r)
			return keystore.ErrConflict
		}},
		"writes a lost write again": {
			put: func(s keystore.Store, r keystore.Record) error {
				s.Put(ctx, r)
				lost.Store(r.Key, r)
				return errLost
			},
			remove: func(s keystore.Store, key string, rev uint64) error {
				err := s.Delete(ctx, key, rev)
				if r, ok := lost.LoadAndDelete(key); ok && err == nil {
					s.Put(ctx, r.(keystore.Record))
				}
				return err
			},
		},
		"keeps what it says to have deleted": {
			remove: func(keystore.Store, string, uint64) error { return nil },
		},
		"deletes another revision": {remove: func(s keystore.Store, key string, _ uint64) error {
			r, err := s.Get(ctx, key)
			if err != nil {
				return err
			}
			return s.Delete(ctx, key, r.Rev)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s.Store = memstore.New()
			seen, err := quiet(s).run(t.Context(), 20_000) // or until one is found
			if err == nil {
				t.Errorf("passes: %v", seen)
			}
		})
	}
}

// TestTwoCheckers has both checkers of histories judge the same small ones: of
// Gets and successful Puts, which is what keystoretest's can judge. It is the
// exact one without a search and without a dependency, for every driver's tests;
// the model knows of deletions, conflicts and unknown outcomes too.
func TestTwoCheckers(t *testing.T) {
	verdicts := make(map[bool]int)
	for range 5000 {
		var both []porcupine.Operation
		var plain []keystoretest.Op
		for i := range 2 + rand.N(4) {
			from := rand.N[time.Duration](12)
			op := keystoretest.Op{
				Write: i == 0 || rand.N(2) == 0, Rev: rand.N[uint64](4),
				Call: from, Return: from + rand.N[time.Duration](8),
			}
			if op.Write {
				op.Rev = max(op.Rev, 1)
			}
			if op.Rev > 0 {
				op.Data = []string{"a", "a", "a", "b"}[rand.N(4)]
			}
			plain, both = append(plain, op), append(both, operation(op))
		}
		err := keystoretest.Linearizable(plain)
		ok := porcupine.CheckOperations(model, both)
		if ok != (err == nil) {
			t.Fatalf("%v: the model says %v, keystoretest %v", plain, ok, err)
		}
		verdicts[ok]++
	}
	if verdicts[true] < 200 || verdicts[false] < 200 {
		t.Errorf("the histories are too much of one kind: %v", verdicts)
	}
}

// operation is what keystoretest calls an Op, for the model.
func operation(op keystoretest.Op) porcupine.Operation {
	c, r := call{method: get}, reply{done, op.Rev, op.Data}
	switch {
	case op.Write:
		c, r = call{method: put, rev: op.Rev, data: op.Data}, reply{verdict: done}
	case op.Rev == 0:
		r.verdict = absent
	}
	return porcupine.Operation{Input: c, Output: r, Call: int64(op.Call), Return: int64(op.Return)}
}
