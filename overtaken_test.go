package kms_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A key that is due when Maintain lists it, and not any more when it is to be
// changed, is under whatever storage key the one who was faster had: it must not
// be passed over when that key is dropped.
func TestDropSeesOvertakenKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, inner := t.Context(), memstore.New()
		a, b := faultstore.New(inner), faultstore.New(inner)
		now := func() time.Time { return time.Now().Add(8 * day) }
		k, first := open(t, inner, nil), open(t, a, &kms.Options{Now: now})
		d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{RotationPeriod: 7 * day})
		must(t, err)
		ct := encrypt(t, k, d.ID, password, nil)
		inPut, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		dead := false
		a.Block = func(_ context.Context, c faultstore.Call) {
			a.SetDown(dead)
			if c.Method == "Put" && !dead {
				close(inPut)
				<-goOn
				dead = true // behind this call
			}
		}
		a.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" {
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		go func() {
			defer close(done)
			_, err := first.Maintain(ctx)
			want(t, err, kms.ErrUnknownOutcome)
		}()
		<-inPut
		must(t, k.RotateStorageKey(ctx))
		time.Sleep(25 * time.Hour)
		var once sync.Once
		b.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Get" && strings.HasPrefix(c.Key, "key/") {
				once.Do(func() { close(goOn); <-done })
			}
		}
		second := open(t, b, &kms.Options{Now: now})
		if r, err := second.Maintain(ctx); err != nil || r.OldStorageKeys != 0 || r.Rotated != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		fresh := open(t, inner, nil)
		decrypts(t, fresh, ct)
		for _, k := range []*kms.KMS{k, first, second, fresh} {
			must(t, k.Close())
		}
	})
}

// Changes of the keyring and of keys do not wait for each other in a circle,
// while another process has just changed the keyring too.
func TestRingAndKeysChangeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, inner := t.Context(), memstore.New()
		store := faultstore.New(inner)
		a, b := open(t, store, nil), open(t, inner, nil)
		var keys []string
		for range 300 { // some of which share a lane with the keyring
			keys = append(keys, newKey(t, b, ""))
		}
		gate := make(chan struct{})
		var seen sync.Map
		store.Block = func(_ context.Context, c faultstore.Call) {
			if _, again := seen.LoadOrStore(c.Key, true); again && strings.HasPrefix(c.Key, "key/") {
				<-gate // in the edit, after the gate
			}
		}
		var wg sync.WaitGroup
		for _, key := range keys {
			wg.Go(func() { must(t, a.DisableKey(ctx, key)) })
		}
		synctest.Wait()
		must(t, b.RotateStorageKey(ctx))
		_, err := b.Maintain(ctx)
		must(t, err)
		wg.Go(func() { must(t, a.RotateStorageKey(ctx)) })
		synctest.Wait()
		close(gate)
		wg.Wait()
		must(t, a.Close())
		must(t, b.Close())
	})
}

// An Authorizer that calls a denied key absent has denied it all the same.
func TestDenialAsNotFound(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	admin := open(t, store, nil)
	key, other := newKey(t, admin, ""), newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/a", key))
	for _, denial := range []error{kms.ErrKeyNotFound, kms.ErrAliasNotFound, kms.ErrDryRun} {
		g := &gatekeeper{deny: func(*kms.Request) error { return denial }}
		k := open(t, store, &kms.Options{Authorizer: g})
		for name, call := range everyCall(k, "alias/a", form(1), form(2)) {
			if err := call(ctx); !errors.Is(err, kms.ErrAccessDenied) {
				t.Errorf("%s: %v", name, err)
			}
		}
		want(t, k.UpdateAlias(ctx, "alias/a", other), kms.ErrAccessDenied)
	}
	if d, err := admin.DescribeKey(ctx, "alias/a"); err != nil || d.ID != key {
		t.Errorf("%+v, %v", d, err)
	}
}

// UpdateAlias does not tell whether its target exists to one who may not know,
// and the Auditor is told no key that the call is not about.
func TestUpdateAliasTargetIsHidden(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	admin := open(t, store, nil)
	mine, secret := newKey(t, admin, ""), newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/mine", mine))
	g := &gatekeeper{deny: func(r *kms.Request) error {
		if r.KeyID == mine {
			return nil
		}
		return errDenied
	}}
	k := open(t, store, &kms.Options{Authorizer: g, Auditor: g})
	for _, target := range []string{secret, unknown} {
		want(t, k.UpdateAlias(ctx, "alias/mine", target), kms.ErrAccessDenied)
		if _, events := g.take(); len(events) != 1 || events[0].KeyID == mine {
			t.Errorf("told %+v", events)
		}
	}
}

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
