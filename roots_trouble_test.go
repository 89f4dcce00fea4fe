package kms_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

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
