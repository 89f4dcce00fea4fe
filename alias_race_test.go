package kms_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// Who resolves an alias while it is moved gets the one key or the other, never
// that there is none: in the process that moves it, in another, and in one that
// reads the store at each call.
func TestAliasMovesInOneStep(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	mover := open(t, store, nil)
	one, two := newKey(t, mover, ""), newKey(t, mover, "")
	must(t, mover.CreateAlias(ctx, "alias/a", one))
	done := make(chan struct{})
	var resolvers sync.WaitGroup
	for _, k := range []*kms.KMS{mover, open(t, store, nil), open(t, store, &kms.Options{MaxStale: -1})} {
		resolvers.Go(func() {
			for {
				d, err := k.DescribeKey(ctx, "alias/a")
				if err != nil || d.ID != one && d.ID != two {
					t.Errorf("described %+v, %v", d, err)
					return
				}
				ct, err := k.Encrypt(ctx, "alias/a", password, nil)
				if err != nil {
					t.Errorf("encrypt: %v", err)
					return
				}
				if id := keyOf(t, ct); id != one && id != two {
					t.Errorf("encrypted under %s", id)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 200 {
		key := []string{two, one}[i%2]
		must(t, mover.UpdateAlias(ctx, "alias/a", key))
		if got := keyOf(t, encrypt(t, mover, "alias/a", password, nil)); got != key {
			t.Errorf("after move %d the alias stands for %s, want %s", i, got, key)
		}
	}
	close(done)
	resolvers.Wait()
}

// Of two processes that create an alias one wins, whether the name was never
// used or is that of a deleted alias, and the alias is the winner's.
func TestAliasCreatedTwice(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	validating := &kms.Options{MaxStale: -1} // so that the loser sees at once what the winner did
	kmss := []*kms.KMS{open(t, store, validating), open(t, store, validating)}
	keys := []string{newKey(t, kmss[0], ""), newKey(t, kmss[0], "")}
	for round := range 100 {
		alias := fmt.Sprintf("alias/%d", round/2) // the second time over a tombstone
		var errs [2]error
		var racers sync.WaitGroup
		for i, k := range kmss {
			racers.Go(func() { errs[i] = k.CreateAlias(ctx, alias, keys[i]) })
		}
		racers.Wait()
		winner := slices.Index(errs[:], nil)
		if winner < 0 || !errors.Is(errs[1-winner], kms.ErrAliasExists) {
			t.Fatalf("round %d: %v", round, errs)
		}
		for _, k := range kmss {
			if got := keyOf(t, encrypt(t, k, alias, password, nil)); got != keys[winner] {
				t.Errorf("round %d: the alias is not the winner's", round)
			}
		}
		must(t, kmss[round%2].DeleteAlias(ctx, alias))
		_, err := kmss[round%2].Encrypt(ctx, alias, password, nil)
		want(t, err, kms.ErrAliasNotFound)
	}
}

// UpdateAlias asks the Authorizer about the key that the alias stands for and
// about the new one, in this order; denied for either, nothing is moved.
func TestAliasAuthorised(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	admin := open(t, store, nil)
	one, two := newKey(t, admin, ""), newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/a", one))
	before := slices.Collect(records(t, store, ""))
	for denied, asked := range map[string][]string{one: {one}, two: {one, two}} {
		g := &gatekeeper{deny: func(r *kms.Request) error {
			if r.KeyID == denied {
				return errDenied
			}
			return nil
		}}
		k := open(t, store, &kms.Options{Authorizer: g, Auditor: g})
		for _, view := range []*kms.KMS{k, k.DryRun()} {
			err := view.UpdateAlias(ctx, "alias/a", two)
			want(t, err, kms.ErrAccessDenied)
			requests, events := g.take()
			var ids []string
			for _, r := range requests {
				if ids = append(ids, r.KeyID); r.Op != kms.OpUpdateAlias || r.Alias != "alias/a" {
					t.Errorf("asked about %+v", r)
				}
			}
			if !slices.Equal(ids, asked) || len(events) != 1 || events[0].Err != err || !errors.Is(err, errDenied) {
				t.Errorf("asked about %v, want %v; told %+v", ids, asked, events)
			}
		}
	}
	g := &gatekeeper{deny: func(r *kms.Request) error { return errDenied }}
	want(t, open(t, store, &kms.Options{Authorizer: g}).DeleteAlias(ctx, "alias/a"), kms.ErrAccessDenied)
	if r, _ := g.take(); len(r) != 1 || r[0].KeyID != one || r[0].Op != kms.OpDeleteAlias {
		t.Errorf("asked about %+v", r)
	}
	if !sameRecords(before, slices.Collect(records(t, store, ""))) {
		t.Error("a denied call changed something")
	}
}

// An alias that is moved to a key of others' between the question and the write
// is not taken from there without asking again.
func TestAliasMovedUnderTheGate(t *testing.T) {
	ctx := t.Context()
	for name, change := range map[string]func(k *kms.KMS, to string) error{
		"UpdateAlias": func(k *kms.KMS, to string) error { return k.UpdateAlias(ctx, "alias/a", to) },
		"DeleteAlias": func(k *kms.KMS, _ string) error { return k.DeleteAlias(ctx, "alias/a") },
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			admin := open(t, store, nil)
			one, two, others := newKey(t, admin, ""), newKey(t, admin, ""), newKey(t, admin, "")
			must(t, admin.CreateAlias(ctx, "alias/a", one))
			g := &gatekeeper{deny: func(r *kms.Request) error {
				if r.KeyID == others {
					return errDenied
				}
				return nil
			}}
			slow := faultstore.New(store)
			k := open(t, slow, &kms.Options{Authorizer: g})
			var moved atomic.Bool
			slow.Block = func(_ context.Context, c faultstore.Call) {
				if c.Method == "Put" && moved.CompareAndSwap(false, true) {
					must(t, admin.UpdateAlias(ctx, "alias/a", others))
				}
			}
			err := change(k, two)
			checkTarget(t, admin, "alias/a", others)
			if err == nil {
				t.Error("who may not touch that key is told that it was done")
			}
		})
	}
}

// A listedStore also lists what it shows.
type listedStore struct{ *shownStore }

func (s listedStore) List(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	recs, err := s.Store.List(ctx, prefix, after, limit)
	shown := recs[:0]
	for _, rec := range recs {
		old, ok := s.show[rec.Key]
		switch {
		case !ok:
			shown = append(shown, rec)
		case old.Rev > 0:
			shown = append(shown, old)
		}
	}
	return shown, err
}

// An old row of an alias, put back, is a rollback to who has seen a later one:
// neither a move nor a deletion is undone.
func TestAliasRollback(t *testing.T) {
	ctx := t.Context()
	store := listedStore{&shownStore{Store: memstore.New()}}
	k := open(t, store, &kms.Options{MaxStale: -1})
	one, two := newKey(t, k, ""), newKey(t, k, "")
	must(t, k.CreateAlias(ctx, "alias/a", one))
	created := aliasRecord(t, store)
	must(t, k.UpdateAlias(ctx, "alias/a", two))
	moved := aliasRecord(t, store)
	check := func(what string, old keystore.Record) {
		t.Helper()
		store.set(map[string]keystore.Record{moved.Key: old})
		for name, call := range map[string]func() error{
			"Encrypt":         func() error { _, err := k.Encrypt(ctx, "alias/a", password, nil); return err },
			"DescribeKey":     func() error { _, err := k.DescribeKey(ctx, "alias/a"); return err },
			"UpdateAlias":     func() error { return k.UpdateAlias(ctx, "alias/a", two) },
			"UpdateAlias to":  func() error { return k.CreateAlias(ctx, "alias/b", "alias/a") },
			"DeleteAlias":     func() error { return k.DeleteAlias(ctx, "alias/a") },
			"CreateAlias":     func() error { return k.CreateAlias(ctx, "alias/a", one) },
			"CreateKey":       func() error { _, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/a"}); return err },
			"DeleteAlias dry": func() error { return k.DryRun().DeleteAlias(ctx, "alias/a") },
		} {
			if err := call(); !errors.Is(err, kms.ErrRollback) {
				t.Errorf("%s: %s: %v", what, name, err)
			}
		}
		for a, err := range k.Aliases(ctx) {
			if !errors.Is(err, kms.ErrRollback) {
				t.Errorf("%s: Aliases: %+v, %v", what, a, err)
			}
		}
		store.set(nil)
	}
	check("the alias before it was moved", created)
	check("no alias", keystore.Record{})
	must(t, k.DeleteAlias(ctx, "alias/a"))
	check("the alias before it was deleted", moved)
	check("the alias before all", created)
	tombstone := aliasRecord(t, store)
	must(t, k.CreateAlias(ctx, "alias/a", one))
	check("the tombstone", tombstone)
	if d := describe(t, k, "alias/a"); d.ID != one { // nothing stays broken
		t.Errorf("%+v", d)
	}
}

// shaky makes one write in eight fail, half of them after they were made, a
// quarter later than that, until the returned function is called.
func shaky(store *faultstore.Store, faults *atomic.Int64) (calm func()) {
	stop := make(chan struct{})
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method != "Put" || rand.N(8) != 0 {
			return faultstore.None
		}
		faults.Add(1)
		return []faultstore.Fault{faultstore.LoseReply, faultstore.LoseReply, faultstore.Late, faultstore.Refuse}[rand.N(4)]
	}
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(20 * time.Millisecond)):
				store.Land()
			}
		}
	}()
	return func() {
		close(stop)
		store.Fault = nil
		store.Land()
	}
}

// Each of eight callers has an alias of its own, which it creates, moves and
// deletes while replies are lost: each call does what it says, once, and what it
// did is what is there.
func TestOwnAliasUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		kmss := []*kms.KMS{open(t, store, nil), open(t, store, nil)}
		keys := []string{newKey(t, kmss[0], ""), newKey(t, kmss[0], ""), newKey(t, kmss[0], "")}
		var faults atomic.Int64
		calm := shaky(store, &faults)
		var callers sync.WaitGroup
		for caller := range 8 {
			callers.Go(func() {
				alias, target := fmt.Sprintf("alias/%d", caller), "" // "" while there is none
				for i := range 60 {
					k, key := kmss[rand.N(2)], keys[rand.N(3)]
					var err, wanted error
					switch rand.N(4) {
					case 0:
						if err = k.CreateAlias(ctx, alias, key); target != "" {
							wanted = kms.ErrAliasExists
						}
					case 1:
						if err, key = k.DeleteAlias(ctx, alias), ""; target == "" {
							wanted = kms.ErrAliasNotFound
						}
					default:
						if err = k.UpdateAlias(ctx, alias, key); target == "" {
							wanted = kms.ErrAliasNotFound
						}
					}
					if !errors.Is(err, wanted) {
						t.Errorf("%s, call %d: %v, want %v", alias, i, err, wanted)
						return
					}
					if err == nil {
						target = key
					}
					checkTarget(t, k, alias, target)
				}
			})
		}
		callers.Wait()
		calm()
		if faults.Load() < 8 {
			t.Errorf("only %d faults", faults.Load())
		}
	})
}

func checkTarget(t *testing.T, k *kms.KMS, alias, target string) {
	d, err := k.DescribeKey(t.Context(), alias)
	switch {
	case target == "" && !errors.Is(err, kms.ErrAliasNotFound):
		t.Errorf("%s stands for something, want none: %v", alias, err)
	case target != "" && (err != nil || d.ID != target):
		t.Errorf("%s does not stand for %s: %v", alias, target, err)
	}
}

// Eight callers in four processes create and delete the same aliases while
// replies are lost. A creation succeeds only where there is none and a deletion
// only where there is one, so that they take turns: what is left in the end is
// what the counts say.
func TestSharedAliasUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		var kmss []*kms.KMS
		for range 4 {
			kmss = append(kmss, open(t, store, nil))
		}
		keys := []string{newKey(t, kmss[0], ""), newKey(t, kmss[0], "")}
		var faults atomic.Int64
		var balance [2]atomic.Int64 // of creations and deletions
		refusals := []error{kms.ErrAliasExists, kms.ErrAliasNotFound, kms.ErrConflict}
		calm := shaky(store, &faults)
		// Calls take their time, so that changes meet, but not so many that a key's
		// or alias's memory of them would be too short.
		store.Block = func(context.Context, faultstore.Call) { time.Sleep(rand.N(5 * time.Millisecond)) }
		var callers sync.WaitGroup
		for caller := range 8 {
			callers.Go(func() {
				for range 250 {
					n := rand.N(2)
					gain, err := changeAtRandom(ctx, kmss[caller%4], fmt.Sprintf("alias/%d", n), keys[rand.N(2)])
					balance[n].Add(gain)
					if err != nil && !slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) {
						t.Error(err)
					}
				}
			})
		}
		callers.Wait()
		calm()
		for n := range balance {
			_, err := kmss[0].DescribeKey(ctx, fmt.Sprintf("alias/%d", n))
			if left := balance[n].Load(); left != 0 && left != 1 || (left == 1) != (err == nil) {
				t.Errorf("alias %d was created %d times more than deleted, and describing it gives %v", n, left, err)
			}
		}
		if faults.Load() < 8 {
			t.Errorf("only %d faults", faults.Load())
		}
	})
}

// changeAtRandom makes one change of an alias, and returns how many more there
// are now.
func changeAtRandom(ctx context.Context, k *kms.KMS, alias, key string) (gain int64, err error) {
	switch rand.N(3) {
	case 0:
		gain, err = 1, k.CreateAlias(ctx, alias, key)
	case 1:
		gain, err = -1, k.DeleteAlias(ctx, alias)
	default:
		err = k.UpdateAlias(ctx, alias, key)
	}
	if err != nil {
		return 0, err
	}
	return gain, nil
}
