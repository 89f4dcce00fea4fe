package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A putCounter counts the writes that were made, by the kind of record.
type putCounter struct {
	keystore.Store
	mu   sync.Mutex
	made map[string]int
}

func (s *putCounter) Put(ctx context.Context, r keystore.Record) error {
	err := s.Store.Put(ctx, r)
	if err == nil {
		kind, _, _ := strings.Cut(r.Key, "/")
		s.mu.Lock()
		s.made[kind]++
		s.mu.Unlock()
	}
	return err
}

func (s *putCounter) count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made[kind]
}

// A stage is a store with a key of two versions, another key, and two
// processes, of which the first has a bad connection.
type stage struct {
	k, other *kms.KMS
	store    *faultstore.Store // of k
	made     *putCounter       // by k
	key, two string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	inner := memstore.New()
	s := &stage{made: &putCounter{Store: inner, made: map[string]int{}}, other: open(t, inner, nil)}
	s.store = faultstore.New(s.made)
	s.key, s.two = newKey(t, s.other, ""), newKey(t, s.other, "")
	_, err := s.other.RotateKey(t.Context(), s.key)
	must(t, err)
	s.k = open(t, s.store, nil)
	return s
}

// A duel is a change by one process, which the other turns into its opposite.
type duel struct {
	name             string
	kind             string // of the record that is changed
	setup            func(ctx context.Context, s *stage) error
	change, opposite func(ctx context.Context, s *stage, k *kms.KMS) error
}

func nothing(context.Context, *stage) error { return nil }

func enable(ctx context.Context, s *stage, k *kms.KMS) error  { return k.EnableKey(ctx, s.key) }
func disable(ctx context.Context, s *stage, k *kms.KMS) error { return k.DisableKey(ctx, s.key) }
func archive(ctx context.Context, s *stage, k *kms.KMS) error { return k.ArchiveKey(ctx, s.key) }
func schedule(ctx context.Context, s *stage, k *kms.KMS) error {
	_, err := k.ScheduleKeyDeletion(ctx, s.key, 0)
	return err
}
func cancel(ctx context.Context, s *stage, k *kms.KMS) error { return k.CancelKeyDeletion(ctx, s.key) }
func scheduleVersion(ctx context.Context, s *stage, k *kms.KMS) error {
	_, err := k.ScheduleVersionDestruction(ctx, s.key, 1, 0)
	return err
}
func cancelVersion(ctx context.Context, s *stage, k *kms.KMS) error {
	return k.CancelVersionDestruction(ctx, s.key, 1)
}
func rotate(ctx context.Context, s *stage, k *kms.KMS) error {
	_, err := k.RotateKey(ctx, s.key)
	return err
}

// update returns an UpdateKey that replaces what the other has set.
func update(text string) func(context.Context, *stage, *kms.KMS) error {
	return func(ctx context.Context, s *stage, k *kms.KMS) error {
		_, err := k.UpdateKey(ctx, s.key, &kms.UpdateKeyOptions{Description: &text})
		return err
	}
}

// first makes a change the state that a duel begins in.
func first(change func(context.Context, *stage, *kms.KMS) error) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error { return change(ctx, s, s.other) }
}

func createAlias(ctx context.Context, s *stage, k *kms.KMS) error {
	return k.CreateAlias(ctx, "alias/a", s.key)
}
func moveAlias(ctx context.Context, s *stage, k *kms.KMS) error {
	return k.UpdateAlias(ctx, "alias/a", s.two)
}
func moveAliasBack(ctx context.Context, s *stage, k *kms.KMS) error {
	return k.UpdateAlias(ctx, "alias/a", s.key)
}
func deleteAlias(ctx context.Context, _ *stage, k *kms.KMS) error {
	return k.DeleteAlias(ctx, "alias/a")
}

// A change of a key whose reply is lost is not made again after another process
// has taken it back, whichever reply it is.
func TestKeyChangeOnce(t *testing.T) {
	for _, d := range []duel{
		{"disable, enable", "key", nothing, disable, enable},
		{"enable, disable", "key", first(disable), enable, disable},
		{"archive, enable", "key", nothing, archive, enable},
		{"schedule, cancel", "key", nothing, schedule, cancel},
		{"cancel, schedule", "key", first(schedule), cancel, schedule},
		{"schedule version, cancel", "key", nothing, scheduleVersion, cancelVersion},
		{"cancel version, schedule", "key", first(scheduleVersion), cancelVersion, scheduleVersion},
		{"rotate, disable", "key", nothing, rotate, disable},
		{"rotate, rotate", "key", nothing, rotate, rotate},
		{"update, update", "key", nothing, update("mine"), update("theirs")},
	} {
		t.Run(d.name, d.run)
	}
}

// The same for an alias: what another process has made of it since is not undone.
func TestAliasChangeOnce(t *testing.T) {
	for _, d := range []duel{
		{"move, move back", "alias", first(createAlias), moveAlias, moveAliasBack},
		{"move, delete", "alias", first(createAlias), moveAlias, deleteAlias},
		{"delete, create", "alias", first(createAlias), deleteAlias, createAlias},
		{"create, delete", "alias", nothing, createAlias, deleteAlias},
		{"create, move", "alias", nothing, createAlias, moveAlias},
	} {
		t.Run(d.name, d.run)
	}
}

// run fights a duel for each call of the store's that the change makes and each
// thing that can happen to it.
func (d *duel) run(t *testing.T) {
	for name, fault := range map[string]faultstore.Fault{
		"refused": faultstore.Refuse, "lost": faultstore.LoseReply, "late": faultstore.Late,
	} {
		for n := int64(1); ; n++ {
			fought := false
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { fought = d.fight(t, fault, n) })
			})
			if !fought {
				break
			}
		}
	}
}

// fight makes the change with a fault in its call n of the store, whereupon the
// other makes the opposite before the next call. It reports whether there was a
// call n.
func (d *duel) fight(t *testing.T, fault faultstore.Fault, n int64) bool {
	ctx := t.Context()
	s := newStage(t)
	must(t, d.setup(ctx, s))
	var calls atomic.Int64
	var undone atomic.Bool
	var theirs error
	s.store.Block = func(context.Context, faultstore.Call) {
		if calls.Add(1) > n && undone.CompareAndSwap(false, true) {
			theirs = d.opposite(ctx, s, s.other)
		}
	}
	s.store.Fault = func(faultstore.Call) faultstore.Fault {
		if calls.Load() == n {
			return fault
		}
		return faultstore.None
	}
	err := d.change(ctx, s, s.k)
	s.store.Land()
	made := s.made.count(d.kind)
	switch {
	case made > 1:
		t.Errorf("the change was made %d times: %v; the other's: %v", made, err, theirs)
	case err == nil && made == 0:
		t.Errorf("the change was not made; the other's: %v", theirs)
	case err != nil && made == 1 && !errors.Is(err, kms.ErrUnknownOutcome):
		t.Errorf("the change was made, and failed: %v; the other's: %v", err, theirs)
	}
	return calls.Load() >= n
}

// A change recognises itself under as many changes by others as a key
// remembers, less its own.
func TestChangeAmongManyOthers(t *testing.T) {
	made, err := changeAmongOthers(t, 15)
	if err != nil || made != 1 {
		t.Errorf("the change was made %d times: %v", made, err)
	}
}

// Under more than that it cannot know, and must not be made twice all the same:
// settling lasts for up to 3 s, in which others can make any number of changes.
func TestChangeAmongTooManyOthers(t *testing.T) {
	made, err := changeAmongOthers(t, 101)
	if made != 1 || err != nil && !errors.Is(err, kms.ErrUnknownOutcome) {
		t.Errorf("the change was made %d times: %v", made, err)
	}
}

// changeAmongOthers disables a key, whereupon the reply is lost and another
// process makes n changes, the first and the last of which enable it. It returns
// how often the key was disabled by the first.
func changeAmongOthers(t *testing.T, n int) (made int, err error) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newStage(t)
		var lost, met atomic.Bool
		s.store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" && lost.CompareAndSwap(false, true) {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		s.store.Block = func(context.Context, faultstore.Call) {
			if lost.Load() && met.CompareAndSwap(false, true) {
				for i := range n {
					must(t, []func(context.Context, *stage, *kms.KMS) error{enable, disable}[i%2](ctx, s, s.other))
				}
			}
		}
		err = s.k.DisableKey(ctx, s.key)
		made = s.made.count("key")
	})
	return made, err
}

// A key that was created with an alias outlives the loss of the reply, whatever
// others have made of the alias meanwhile: they may have used the key by it.
func TestCreatedKeyIsKept(t *testing.T) {
	for name, interfere := range map[string]func(ctx context.Context, s *stage, k *kms.KMS) error{
		"moved": moveAlias, "deleted": deleteAlias,
		"replaced": func(ctx context.Context, s *stage, k *kms.KMS) error {
			return errors.Join(deleteAlias(ctx, s, k), createAlias(ctx, s, k))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				s := newStage(t)
				var lost, met atomic.Bool
				var ct []byte
				s.store.Fault = func(c faultstore.Call) faultstore.Fault {
					if c.Method == "Put" && strings.HasPrefix(c.Key, "alias/") && lost.CompareAndSwap(false, true) {
						return faultstore.LoseReply
					}
					return faultstore.None
				}
				s.store.Block = func(context.Context, faultstore.Call) {
					if lost.Load() && met.CompareAndSwap(false, true) {
						ct = encrypt(t, s.other, "alias/a", password, nil)
						must(t, interfere(ctx, s, s.other))
					}
				}
				key, err := s.k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/a"})
				got, lostForGood := open(t, s.made, nil).Decrypt(ctx, ct, nil)
				if lostForGood != nil || !bytes.Equal(got, password) {
					t.Errorf("what was encrypted by the alias: %v; CreateKey: %v, %v", lostForGood, key, err)
				}
				if n := s.made.count("alias"); n != 1 {
					t.Errorf("the alias was made %d times; CreateKey: %v", n, err)
				}
			})
		})
	}
}
