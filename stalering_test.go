package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// A write is a call that writes, and what an acknowledged one has made, as a
// KMS sees it that knows only the store.
type write struct {
	name string
	call func(ctx context.Context, k *kms.KMS, h *held) (string, error)
	made func(ctx context.Context, k *kms.KMS, h *held, key string) error
}

func describes(ctx context.Context, k *kms.KMS, ref string, ok func(*kms.Key) bool) error {
	d, err := k.DescribeKey(ctx, ref)
	if err == nil && !ok(d) {
		err = fmt.Errorf("%s is %+v", ref, d)
	}
	return err
}

func hasState(state kms.KeyState) func(*kms.Key) bool {
	return func(d *kms.Key) bool { return d.State == state }
}

func creates(opts kms.CreateKeyOptions, state kms.KeyState) write {
	return write{
		"CreateKey " + opts.Alias + string(opts.Origin),
		func(ctx context.Context, k *kms.KMS, h *held) (string, error) {
			d, err := k.CreateKey(ctx, &opts)
			if err != nil {
				return "", err
			}
			return d.ID, nil
		},
		func(ctx context.Context, k *kms.KMS, h *held, key string) error {
			if opts.Alias != "" {
				return describes(ctx, k, opts.Alias, func(d *kms.Key) bool { return d.ID == key && d.State == state })
			}
			return describes(ctx, k, key, hasState(state))
		},
	}
}

func points(name, alias string, call func(ctx context.Context, k *kms.KMS, h *held) error) write {
	return write{name,
		func(ctx context.Context, k *kms.KMS, h *held) (string, error) { return "", call(ctx, k, h) },
		func(ctx context.Context, k *kms.KMS, h *held, _ string) error {
			return describes(ctx, k, alias, func(d *kms.Key) bool { return d.ID == h.other })
		},
	}
}

func changes(name string, call func(ctx context.Context, k *kms.KMS, h *held) error, ok func(*kms.Key) bool) write {
	return write{name,
		func(ctx context.Context, k *kms.KMS, h *held) (string, error) { return "", call(ctx, k, h) },
		func(ctx context.Context, k *kms.KMS, h *held, _ string) error { return describes(ctx, k, h.key, ok) },
	}
}

var secondRoot = func() rootkey.Provider {
	p, err := rootkey.Static(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		panic(err)
	}
	return p
}()

var writes = []write{
	creates(kms.CreateKeyOptions{}, kms.KeyStateEnabled),
	creates(kms.CreateKeyOptions{Origin: kms.OriginExternal}, kms.KeyStatePendingImport),
	creates(kms.CreateKeyOptions{Alias: "alias/new"}, kms.KeyStateEnabled),
	creates(kms.CreateKeyOptions{Alias: "alias/gone"}, kms.KeyStateEnabled),
	points("CreateAlias", "alias/new", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.CreateAlias(ctx, "alias/new", h.other)
	}),
	points("CreateAlias again", "alias/gone", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.CreateAlias(ctx, "alias/gone", h.other)
	}),
	points("UpdateAlias", "alias/a", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.UpdateAlias(ctx, "alias/a", h.other)
	}),
	changes("RotateKey", func(ctx context.Context, k *kms.KMS, h *held) error {
		_, err := k.RotateKey(ctx, h.key)
		return err
	}, func(d *kms.Key) bool { return d.PrimaryVersion == 2 }),
	changes("DisableKey", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.DisableKey(ctx, h.key)
	}, hasState(kms.KeyStateDisabled)),
	changes("Maintain", func(ctx context.Context, k *kms.KMS, h *held) error {
		_, err := k.Maintain(ctx)
		return err
	}, func(d *kms.Key) bool { return d.Versions[0].Encryptions >= 2 }),
	changes("RotateStorageKey", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.RotateStorageKey(ctx)
	}, hasState(kms.KeyStateEnabled)),
	changes("AddRoot", func(ctx context.Context, k *kms.KMS, h *held) error {
		return k.AddRoot(ctx, secondRoot)
	}, hasState(kms.KeyStateEnabled)),
}

// An act is what another process does to the storage key between two calls.
type act func(*testing.T, keystore.Store)

func rotates(t *testing.T, s keystore.Store) {
	k := open(t, s, nil)
	defer k.Close()
	must(t, k.RotateStorageKey(t.Context()))
}

// maintains may find a record that it cannot open yet, which nobody has
// acknowledged, and then drops nothing.
func maintains(t *testing.T, s keystore.Store) {
	k := open(t, s, tomorrow)
	defer k.Close()
	_, _ = k.Maintain(t.Context())
}

func drops(t *testing.T, s keystore.Store) { rotates(t, s); maintains(t, s) }

// An interleaving is what happens at two calls to the store, counted from 0, of
// a process that writes.
type interleaving struct {
	at     [2]int
	acts   [2]act
	fault  faultstore.Fault // of the first of the two, if it is a Put
	crash  bool             // the process reaches the store no more after it
	landAt int              // when what is late lands
}

// Whatever another process does to the storage key while this one writes, and
// whatever becomes of the write: a KMS that opens the store later reads all that
// was acknowledged.
func TestStaleWriter(t *testing.T) {
	none, refuse, lose, late := faultstore.None, faultstore.Refuse, faultstore.LoseReply, faultstore.Late
	var tried []interleaving
	for _, fault := range []faultstore.Fault{none, refuse, lose, late} {
		tried = append(tried, interleaving{acts: [2]act{drops, nil}, fault: fault},
			interleaving{acts: [2]act{drops, nil}, fault: fault, crash: true})
	}
	for _, fault := range []faultstore.Fault{none, late} {
		tried = append(tried, interleaving{acts: [2]act{drops, drops}, fault: fault},
			interleaving{acts: [2]act{rotates, maintains}, fault: fault})
	}
	tried = append(tried, interleaving{acts: [2]act{drops, rotates}, fault: lose})
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHeld(t)
				for _, i := range tried {
					staleWriter(t, w, i, h)
				}
			})
		})
	}
}

// staleWriter tries all pairs of calls.
func staleWriter(t *testing.T, w write, i interleaving, h *held) {
	calls := 1
	for i.at[0] = 0; i.at[0] < calls; i.at[0]++ {
		for i.at[1] = i.at[0] + 1; i.at[1] <= calls; i.at[1]++ {
			i.landAt = i.at[1]
			calls = max(calls, i.run(t, w, h.clone(t)))
			if i.acts[1] == nil || i.at[1] > i.at[0]+6 {
				break
			}
		}
	}
}

// run returns how many calls were made.
func (i *interleaving) run(t *testing.T, w write, h *held) int {
	store := faultstore.New(h.store)
	k := open(t, store, nil)
	defer k.Close()
	encrypt(t, k, h.key, password, nil) // so that there is a count to store
	synctest.Wait()
	var mu sync.Mutex
	n := -1
	store.Block = func(context.Context, faultstore.Call) {
		mu.Lock()
		defer mu.Unlock()
		n++
		for j, at := range i.at {
			if n == at && i.acts[j] != nil && (j == 0 || !i.crash) {
				i.acts[j](t, h.store)
			}
		}
		if i.crash && n > i.at[0] {
			store.SetDown(true)
		}
		if n == i.landAt {
			store.Land()
		}
	}
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		mu.Lock()
		defer mu.Unlock()
		if n == i.at[0] && c.Method == "Put" {
			return i.fault
		}
		return faultstore.None
	}
	key, err := w.call(t.Context(), k, h)
	// Two rotations within one call may leave it with a record that it cannot
	// tell from a damaged one; but it must say so.
	if err != nil && !i.crash && !(errors.Is(err, kms.ErrTampered) && i.acts[1] != nil) {
		t.Fatalf("%s: %+v: %v", w.name, *i, err)
	}
	k.Close()
	store.Land()
	h.check(t)
	if err != nil {
		return n + 1
	}
	fresh := open(t, h.store, nil)
	defer fresh.Close()
	if err := w.made(t.Context(), fresh, h, key); err != nil {
		t.Fatalf("%s: %+v: %v", w.name, *i, err)
	}
	finish(t, h.store)
	h.check(t)
	return n + 1
}

// Processes that write, over a slow store on which writes fail in every way,
// while others rotate the storage key, seal all records anew and drop the old
// key, again and again: what was acknowledged is read by a KMS that opens the
// store later.
func TestStaleWriters(t *testing.T) { synctest.Test(t, staleWriters) }

// A ledger is what was acknowledged.
type ledger struct {
	mu      sync.Mutex
	cts     [][]byte
	aliases map[string]string // to the key
}

func staleWriters(t *testing.T) {
	inner := memstore.New()
	l := &ledger{aliases: map[string]string{}}
	stop := make(chan struct{})
	var rotators, writers sync.WaitGroup
	for w := range 6 {
		store := unreliable(inner)
		k := open(t, store, nil)
		writers.Go(func() {
			defer k.Close()
			for i := range 25 {
				if err := l.write(t.Context(), k, fmt.Sprintf("alias/%d/%d", w, i)); err != nil &&
					!errors.Is(err, kms.ErrUnknownOutcome) && !errors.Is(err, kms.ErrTampered) {
					t.Errorf("writer %d: %v", w, err)
				}
				store.Land()
			}
		})
	}
	rotators.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(time.Second)):
				drops(t, inner)
			}
		}
	})
	writers.Wait()
	close(stop)
	rotators.Wait()
	k := open(t, inner, nil)
	defer k.Close()
	for _, ct := range l.cts {
		decrypts(t, k, ct)
	}
	for alias, key := range l.aliases {
		if d, err := k.DescribeKey(t.Context(), alias); err != nil || d.ID != key {
			t.Errorf("%s: %+v, %v; want %s", alias, d, err, key)
		}
	}
	if len(l.cts) < 100 {
		t.Errorf("only %d ciphertexts", len(l.cts))
	}
}

// unreliable returns inner with pauses in which much may happen, and one write
// in five that fails.
func unreliable(inner keystore.Store) *faultstore.Store {
	store := faultstore.New(inner)
	store.Block = func(_ context.Context, c faultstore.Call) { time.Sleep(rand.N(600 * time.Millisecond)) }
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method != "Put" {
			return faultstore.None
		}
		return max(0, faultstore.Fault(rand.N(16)-12))
	}
	return store
}

// write makes a key with an alias, uses and rotates it, and moves the alias.
func (l *ledger) write(ctx context.Context, k *kms.KMS, alias string) error {
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias})
	if err != nil {
		return err
	}
	l.note(nil, alias, d.ID)
	for range 2 {
		ct, err := k.Encrypt(ctx, d.ID, password, nil)
		if err != nil {
			return err
		}
		l.note(ct, alias, d.ID)
		if _, err = k.RotateKey(ctx, d.ID); err != nil {
			return err
		}
	}
	other, err := k.CreateKey(ctx, nil)
	if err != nil {
		return err
	}
	ct, err := k.Encrypt(ctx, other.ID, password, nil)
	if err != nil {
		return err
	}
	l.note(ct, alias, d.ID)
	l.note(nil, alias, "") // it may be either from here on
	if err = k.UpdateAlias(ctx, alias, other.ID); err == nil {
		l.note(nil, alias, other.ID)
	}
	return err
}

func (l *ledger) note(ct []byte, alias, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ct != nil {
		l.cts = append(l.cts, ct)
	}
	if l.aliases[alias] = key; key == "" {
		delete(l.aliases, alias)
	}
}
