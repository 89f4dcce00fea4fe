package kms_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore/memstore"
)

// A write that was made is not called one that was not.
func TestStaleWriteMadeButNotSealedAnew(t *testing.T) {
	for name, end := range map[string]func(*faultstore.Store, context.CancelFunc){
		"outage":    func(s *faultstore.Store, _ context.CancelFunc) { s.SetDown(true) },
		"cancelled": func(_ *faultstore.Store, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeld(t)
			store := faultstore.New(h.store)
			k := open(t, store, nil)
			ctx, cancel := context.WithCancel(t.Context())
			var put, confirmed bool
			store.Block = func(_ context.Context, c faultstore.Call) {
				switch {
				case c.Method == "Put" && !put:
					put = true
					drops(t, h.store)
				case put && c.Method == "Get" && c.Key == "meta/keyring":
					confirmed = true
				case confirmed:
					confirmed = false
					end(store, cancel)
				}
			}
			err := k.CreateAlias(ctx, "alias/new", h.other)
			store.SetDown(false)
			store.Block = nil
			if d, found := k.DescribeKey(t.Context(), "alias/new"); found != nil || d.ID != h.other {
				t.Fatalf("the alias is not there: %+v, %v", d, found)
			}
			want(t, err, kms.ErrUnknownOutcome)
		})
	}
}

// One caller who gives up while the keyring is read does not fail the others.
func TestRefusedKeyringIsNoOthers(t *testing.T) {
	h := newHeld(t)
	var give atomic.Pointer[context.CancelFunc]
	ctx, cancel := context.WithCancel(t.Context())
	p := rootFunc{root(t, 1), func() error {
		if f := give.Swap(nil); f != nil {
			(*f)()
			return context.Canceled
		}
		return nil
	}}
	k := openAs(t, h.store, p, nil)
	rotates(t, h.store)
	give.Store(&cancel)
	_, err := k.CreateKey(ctx, nil)
	want(t, err, kms.ErrRootUnavailable)
	_, err = k.CreateKey(t.Context(), nil)
	must(t, err)
}

// A root key that hangs holds nobody longer than his context.
func TestRootHangs(t *testing.T) {
	h := newHeld(t)
	var hangs atomic.Bool
	asked, goOn := make(chan struct{}, 1), make(chan struct{})
	p := rootFunc{root(t, 1), func() error {
		if hangs.Load() {
			asked <- struct{}{}
			<-goOn
		}
		return nil
	}}
	k := openAs(t, h.store, p, nil)
	rotates(t, h.store)
	hangs.Store(true)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := k.CreateKey(t.Context(), nil); first <- err }()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	go func() { _, err := k.CreateKey(ctx, nil); second <- err }()
	select {
	case err := <-second:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(500 * time.Millisecond):
		t.Error("the second caller waits for the first one's root key")
	}
	hangs.Store(false)
	close(goOn)
	must(t, <-first)
}

// A key that has as many versions as it may have is not rotated, but all else is
// done to it, and it does not keep its old storage key for ever.
func TestMaintainVersionLimit(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newPeriodic(t, k)
	editKey(t, store, key, func(rec *record.Key) {
		for i := range 4095 {
			v := rec.Versions[0]
			v.ID[0], v.ID[1], v.Material = byte(i), byte(i>>8), bytes.Repeat([]byte{byte(i), 1}, 16)
			rec.Versions = append(rec.Versions, v)
		}
	})
	_, err := k.ScheduleVersionDestruction(ctx, key, 1, 7*day)
	must(t, err)
	must(t, k.RotateStorageKey(ctx))
	c.advance(30 * day)
	r, err := k.Maintain(ctx)
	if err != nil {
		want(t, err, kms.ErrLimitExceeded)
	}
	if r.VersionsDestroyed != 1 {
		t.Errorf("the version is not destroyed: %+v", r)
	}
	if got := storageVersions(t, store); got[1] != 0 {
		t.Errorf("records under storage keys %v", got)
	}
}

// A count that cannot be read does not keep a key from being destroyed.
func TestMaintainWithDamagedUsage(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newKey(t, k, "")
	encrypt(t, k, key, password, nil)
	maintain(t, k)
	damage(t, store, "usage/"+key)
	encrypt(t, k, key, password, nil)
	_, err := k.ScheduleKeyDeletion(ctx, key, 7*day)
	must(t, err)
	c.advance(7 * day)
	r, err := k.Maintain(ctx)
	if err != nil || r.KeysDestroyed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Of two that restore into one store at once, the one that fails leaves nothing
// in the store of the one that does not.
func TestRestoreTwiceAtOnce(t *testing.T) {
	s := newSample(t, 3)
	backup := s.export(t, root(t, 2))
	inner := memstore.New()
	store := faultstore.New(inner)
	first := true
	store.Block = func(_ context.Context, c faultstore.Call) {
		if c.Method == "Put" && first {
			first = false
			must(t, restore(t, inner, root(t, 1), backup, root(t, 2)))
		}
	}
	want(t, restore(t, store, root(t, 1), backup, root(t, 2)), kms.ErrStoreNotEmpty)
	k := open(t, inner, &kms.Options{Now: s.clock.now})
	must(t, k.Export(t.Context(), &bytes.Buffer{}, root(t, 2)))
	s.check(t, k)
}

// A KMS whose root key was removed by a call of its own that ended in doubt goes
// on once the call is made again.
func TestRemoveRootInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		defer k.Close()
		must(t, k.AddRoot(ctx, root(t, 2)))
		_, repair := breakAt(store, 1, faultstore.LoseReply)
		want(t, k.RemoveRoot(ctx, root(t, 1).ID(), root(t, 2)), kms.ErrUnknownOutcome)
		repair()
		_ = k.RemoveRoot(ctx, root(t, 1).ID(), root(t, 2)) // it is done
		time.Sleep(2 * time.Second)
		newKey(t, k, "")
	})
}

// A dry run ends with the error that the call would have met.
func TestDryRunOfRoots(t *testing.T) {
	dry := open(t, memstore.New(), nil).DryRun()
	want(t, dry.RemoveRoot(t.Context(), root(t, 1).ID()), kms.ErrInvalidState)
	want(t, dry.RemoveRoot(t.Context(), "none", root(t, 1)), kms.ErrInvalidArgument)
}
