package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// Eight callers rotate one key 800 times, each through a KMS of its own as in
// eight processes, while one reply in ten is lost and one write in ten lands
// only after its caller has given up. Each call is one version, no more.
func TestRotateUnderFaults(t *testing.T) {
	for name, processes := range map[string]int{"one process": 1, "eight processes": 8} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rotateUnderFaults(t, processes) })
		})
	}
}

func rotateUnderFaults(t *testing.T, processes int) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	var kmss []*kms.KMS
	for range processes {
		kmss = append(kmss, open(t, store, nil))
	}
	key := newKey(t, kmss[0], kms.KeySpecAES256)
	var faults atomic.Int64
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method != "Put" || rand.N(10) != 0 {
			return faultstore.None
		}
		faults.Add(1)
		if rand.N(2) == 0 {
			return faultstore.LoseReply
		}
		return faultstore.Late
	}
	stop := make(chan struct{})
	go func() { // what is late lands at any time
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(50 * time.Millisecond)):
				store.Land()
			}
		}
	}()
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			k := kmss[caller%processes]
			for i := range 100 {
				if _, err := k.RotateKey(ctx, key); err != nil {
					t.Errorf("rotation: %v", err)
					return
				}
				if i%10 != 0 {
					continue
				}
				want := fmt.Appendf(nil, "%d/%d", caller, i)
				ct, err := k.Encrypt(ctx, key, want, nil)
				if err != nil {
					t.Errorf("encrypt: %v", err)
					return
				}
				got, err := kmss[rand.N(processes)].Decrypt(ctx, ct, nil)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("decrypted %q, %v, want %q", got, err, want)
					return
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	store.Fault = nil
	store.Land()
	d, err := kmss[0].DescribeKey(ctx, key)
	if err != nil || d.PrimaryVersion != 801 || len(d.Versions) != 801 {
		t.Fatalf("%d versions, want 801; %v", d.PrimaryVersion, err)
	}
	if faults.Load() < 40 {
		t.Errorf("only %d faults", faults.Load())
	}
	t.Logf("%d writes failed or were late", faults.Load())
}

// An alias whose reply is lost is the caller's all the same; the loser of a
// race leaves no key behind.
func TestCreateUnderFaults(t *testing.T) {
	for _, fault := range []faultstore.Fault{faultstore.LoseReply, faultstore.Late, faultstore.Refuse} {
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		var puts atomic.Int64
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" && puts.Add(1)%2 == 1 {
				return fault
			}
			return faultstore.None
		}
		key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/a"})
		must(t, err)
		store.Land()
		if d, err := k.DescribeKey(t.Context(), "alias/a"); err != nil || d.ID != key.ID || d.PrimaryVersion != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		store.Fault = nil
		want(t, k.CreateAlias(t.Context(), "alias/a", key.ID), kms.ErrAliasExists)
	}
}

// A key whose reply was lost, and which another process has rotated since, is
// the caller's all the same.
func TestCreateThenRotatedElsewhere(t *testing.T) {
	ctx := t.Context()
	inner := memstore.New()
	store := faultstore.New(inner)
	k, other := open(t, store, nil), open(t, inner, nil)
	var lost, rotated atomic.Bool
	store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method == "Put" && lost.CompareAndSwap(false, true) {
			return faultstore.LoseReply
		}
		return faultstore.None
	}
	store.Block = func(_ context.Context, c faultstore.Call) {
		if c.Method == "Get" && lost.Load() && rotated.CompareAndSwap(false, true) {
			_, err := other.RotateKey(ctx, strings.TrimPrefix(c.Key, "key/"))
			must(t, err)
		}
	}
	key, err := k.CreateKey(ctx, nil)
	must(t, err)
	if d, err := k.DescribeKey(ctx, key.ID); err != nil || d.PrimaryVersion != 2 || count(t, inner, "key/") != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestAliasRace(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	var kmss [8]*kms.KMS
	for i := range kmss {
		kmss[i] = open(t, store, nil)
	}
	for round := range 20 {
		alias := fmt.Sprintf("alias/%d", round)
		var won atomic.Pointer[kms.Key]
		var wg sync.WaitGroup
		for _, k := range kmss {
			wg.Go(func() {
				key, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias})
				switch {
				case err == nil && !won.CompareAndSwap(nil, key):
					t.Error("two won")
				case err != nil && !errors.Is(err, kms.ErrAliasExists):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if d, err := kmss[0].DescribeKey(ctx, alias); err != nil || d.ID != won.Load().ID {
			t.Errorf("%v, %v", d, err)
		}
	}
	if n := count(t, store, "key/"); n != 20 {
		t.Errorf("%d keys, want 20", n)
	}
}

// A write that cannot be settled says so, and the next read shows what is.
func TestUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, kms.KeySpecAES256)
		store.Fault = func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Put" {
				store.SetDown(true) // after this call
				return faultstore.LoseReply
			}
			return faultstore.None
		}
		start := time.Now()
		_, err := k.RotateKey(t.Context(), key)
		want(t, err, kms.ErrUnknownOutcome)
		if !errors.Is(err, faultstore.ErrFault) {
			t.Errorf("%v does not carry its cause", err)
		}
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("took %v", d)
		}
		store.SetDown(false)
		store.Fault = nil
		time.Sleep(2 * time.Second) // until a probe has seen that the store is back
		d, err := k.DescribeKey(t.Context(), key)
		must(t, err)
		ct := encrypt(t, k, key, password, nil)
		if info, _ := kms.ParseCiphertext(ct); info.KeyVersion != 2 || d.PrimaryVersion != 2 {
			t.Errorf("encrypted under version %d, stored is %d", info.KeyVersion, d.PrimaryVersion)
		}
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, kms.KeySpecAES256)
		before := count(t, store, "")
		for range 20 { // what is cancelled beforehand is never done
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := k.CreateKey(gone, nil)
			want(t, err, kms.ErrStoreUnavailable)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range everyCallWithKey(k, key) {
			if err := call(gone); errors.Is(err, context.Canceled) {
				want(t, err, kms.ErrStoreUnavailable)
			} else if err == nil && name != "Encrypt" && name[:8] != "Generate" && name != "EncryptDataKey" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := count(t, store, ""); n != before {
			t.Errorf("%d records, before %d", n, before)
		}
		// A store that hangs holds nobody longer than its context.
		store.Block = func(ctx context.Context, _ faultstore.Call) { <-ctx.Done() }
		for name, call := range everyCallWithKey(k, unknown) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			err := call(ctx)
			if d := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || d > 1100*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, d)
			}
			cancel()
		}
	})
}

// A change that one process makes is seen by another within MaxStale, and a
// process sees its own at once.
func TestStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := memstore.New()
		a, b := open(t, store, nil), open(t, store, nil)
		key := newKey(t, a, kms.KeySpecAES256)
		must(t, a.CreateAlias(ctx, "alias/a", key))
		encrypt(t, b, "alias/a", password, nil)
		must(t, a.DisableKey(ctx, key))
		_, err := a.Encrypt(ctx, key, password, nil)
		want(t, err, kms.ErrKeyDisabled)
		encrypt(t, b, "alias/a", password, nil) // not seen yet
		time.Sleep(5 * time.Second)
		_, err = b.Encrypt(ctx, "alias/a", password, nil)
		want(t, err, kms.ErrKeyDisabled)

		// What another process has encrypted under a new version opens at once.
		must(t, a.EnableKey(ctx, key))
		time.Sleep(5 * time.Second)
		encrypt(t, b, key, password, nil)
		for range 3 {
			_, err = a.RotateKey(ctx, key)
			must(t, err)
			ct := encrypt(t, a, key, password, nil)
			if pt, err := b.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(pt, password) {
				t.Errorf("%q, %v", pt, err)
			}
		}
		// Unless it may not: what shows the version shows the state too.
		_, err = a.RotateKey(ctx, key)
		must(t, err)
		ct := encrypt(t, a, key, password, nil)
		must(t, a.DisableKey(ctx, key))
		pt, err := b.Decrypt(ctx, ct, nil)
		if want(t, err, kms.ErrKeyDisabled); pt != nil {
			t.Errorf("decrypted %q", pt)
		}
	})
}

func TestEveryCallValidates(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	a := open(t, store, nil)
	b := open(t, store, &kms.Options{MaxStale: -1})
	key := newKey(t, a, kms.KeySpecAES256)
	for range 20 {
		encrypt(t, b, key, password, nil)
		must(t, a.DisableKey(ctx, key))
		_, err := b.Encrypt(ctx, key, password, nil)
		want(t, err, kms.ErrKeyDisabled)
		must(t, a.EnableKey(ctx, key))
	}
}

// Keys in use never wait for the store, and cost one Get in about half MaxStale.
func TestRefreshAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, kms.KeySpecAES256)
		encrypt(t, k, key, password, nil)
		before := store.Calls("Get")
		store.Block = func(context.Context, faultstore.Call) { time.Sleep(100 * time.Millisecond) }
		for range 1000 {
			start := time.Now()
			encrypt(t, k, key, password, nil)
			if time.Since(start) > 0 {
				t.Fatal("a call waited for the store")
			}
			time.Sleep(100 * time.Millisecond)
		}
		// 100 s at one Get in 2.25 to 2.85 s
		if n := store.Calls("Get") - before; n < 33 || n > 46 {
			t.Errorf("%d Gets in 100 s", n)
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		strict := open(t, store, &kms.Options{OutageGrace: -1})
		key := newKey(t, k, kms.KeySpecAES256)
		ct := encrypt(t, k, key, password, nil)
		encrypt(t, strict, key, password, nil)
		store.SetDown(true)
		began := time.Now()
		for time.Since(began) < 64*time.Second {
			pt, err := k.Decrypt(ctx, ct, nil)
			if err != nil || !bytes.Equal(pt, password) {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			if _, err := strict.Decrypt(ctx, ct, nil); time.Since(began) >= 5*time.Second {
				want(t, err, kms.ErrStoreUnavailable)
			} else if err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		for range 2 {
			_, err := k.Decrypt(ctx, ct, nil)
			want(t, err, kms.ErrStoreUnavailable)
			if !errors.Is(err, faultstore.ErrFault) {
				t.Errorf("%v does not carry its cause", err)
			}
		}
		store.SetDown(false)
		if _, err := k.Decrypt(ctx, ct, nil); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// A store that hangs is an outage after 250 ms, for one caller.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, kms.KeySpecAES256)
		ct := encrypt(t, k, key, password, nil)
		time.Sleep(10 * time.Second)
		store.Block = func(ctx context.Context, _ faultstore.Call) { <-ctx.Done() }
		for i, most := range []time.Duration{250 * time.Millisecond, 0, 0} {
			start := time.Now()
			if _, err := k.Decrypt(ctx, ct, nil); err != nil || time.Since(start) > most {
				t.Errorf("call %d: %v after %v", i, err, time.Since(start))
			}
		}
	})
}

func TestColdStartStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(memstore.New())
		key := newKey(t, open(t, store, nil), kms.KeySpecAES256)
		k := open(t, store, nil)
		before := store.Calls("Get")
		store.Block = func(context.Context, faultstore.Call) { time.Sleep(time.Millisecond) }
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { encrypt(t, k, key, password, nil) })
		}
		wg.Wait()
		if n := store.Calls("Get") - before; n != 1 {
			t.Errorf("%d Gets, want 1", n)
		}
	})
}

// Headers that name keys and versions of the caller's fancy do not load the store.
func TestUnknownDoesNotLoadTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := faultstore.New(memstore.New())
		k := open(t, store, nil)
		key := newKey(t, k, kms.KeySpecAES256)
		ct := encrypt(t, k, key, password, nil)
		before := store.Calls("Get")
		for v := range 200 {
			ct[22] = byte(2 + v)
			_, err := k.Decrypt(ctx, ct, nil)
			want(t, err, kms.ErrVersionNotFound)
			_, err = k.Decrypt(ctx, form(1), nil)
			want(t, err, kms.ErrKeyNotFound)
			_, err = k.Encrypt(ctx, "alias/typo", password, nil)
			want(t, err, kms.ErrAliasNotFound)
		}
		if n := store.Calls("Get") - before; n != 3 {
			t.Errorf("%d Gets, want 3", n)
		}
	})
}

// Eight goroutines encrypt while keys are evicted, disabled, rotated and the
// KMS is closed under them. Whatever they get decrypts: nothing is ever
// encrypted under a key that was wiped.
func TestEvictUnderUse(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	check := open(t, store, nil)
	var keys []string
	for i := range 6 {
		keys = append(keys, newKey(t, check, specs[i%2]))
	}
	type result struct{ ct, plaintext []byte }
	var mu sync.Mutex
	var results []result
	for range 3 {
		k := open(t, store, &kms.Options{CacheKeys: 2})
		var wg sync.WaitGroup
		var got atomic.Int64
		for g := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					plaintext := fmt.Appendf(nil, "%d %d", g, i)
					ct, err := k.Encrypt(ctx, keys[rand.N(len(keys))], plaintext, prod)
					switch {
					case err == nil:
						mu.Lock()
						results = append(results, result{ct, plaintext})
						mu.Unlock()
						got.Add(1)
					case errors.Is(err, kms.ErrClosed):
						return
					case !errors.Is(err, kms.ErrKeyDisabled):
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for i := 0; i < 50 || got.Load() < 100; i++ {
				key := keys[i%len(keys)]
				must(t, k.DisableKey(ctx, key))
				_, _ = k.RotateKey(ctx, key)
				must(t, k.EnableKey(ctx, key))
			}
			must(t, k.Close())
		})
		wg.Wait()
	}
	for _, r := range results {
		if pt, err := check.Decrypt(ctx, r.ct, prod); err != nil || !bytes.Equal(pt, r.plaintext) {
			t.Fatalf("decrypted %q, %v, want %q", pt, err, r.plaintext)
		}
	}
}
