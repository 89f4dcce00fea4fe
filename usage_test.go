package kms_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// openRing opens the keyring of a store as a KMS with root(1) would.
func openRing(tb testing.TB, store keystore.Store) *keyring.Ring {
	tb.Helper()
	ring, err := keyring.Open(context.Background(), settle.NewWriter(store), root(tb, 1), true, time.Now())
	must(tb, err)
	return ring
}

// encryptions returns the counts of a key's versions as k sees them.
func encryptions(tb testing.TB, k *kms.KMS, key string) (counts []uint64) {
	tb.Helper()
	d, err := k.DescribeKey(context.Background(), key)
	must(tb, err)
	for _, v := range d.Versions {
		counts = append(counts, v.Encryptions)
	}
	return counts
}

// wantCounts fails the test unless k sees these counts.
func wantCounts(tb testing.TB, k *kms.KMS, key string, counts ...uint64) {
	tb.Helper()
	got := encryptions(tb, k, key)
	for i := range counts {
		if len(got) != len(counts) || got[i] != counts[i] {
			tb.Fatalf("counts %d, want %d", got, counts)
		}
	}
}

// What counts, and who sees it when.
func TestUsage(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	a, b := open(t, store, nil), open(t, store, nil)
	key, other := newKey(t, a, ""), newKey(t, a, kms.KeySpecSM4)
	wantCounts(t, a, key, 0)
	ct := encrypt(t, a, key, password, nil) // 1
	dek, err := a.GenerateDataKey(ctx, key, 32, nil)
	must(t, err) // 2
	_, err = a.GenerateDataKeyWithoutPlaintext(ctx, key, 32, nil)
	must(t, err) // 3
	_, err = a.EncryptDataKey(ctx, key, material1, nil, nil)
	must(t, err) // 4
	_, _, err = a.ReEncrypt(ctx, encrypt(t, a, other, password, nil), nil, &kms.ReEncryptOptions{Key: key})
	must(t, err) // 5
	_, err = a.AppendEncrypt(ctx, nil, key, password, prod)
	must(t, err) // 6
	// What does not encrypt does not count.
	decrypts(t, a, ct)
	_, err = a.DecryptDataKey(ctx, dek.Ciphertext, nil)
	must(t, err)
	_, _, err = a.ReEncrypt(ctx, ct, nil, nil)
	must(t, err)
	_, err = a.DryRun().Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrDryRun)
	_, err = a.Encrypt(ctx, key, nil, nil)
	want(t, err, kms.ErrInvalidPlaintext)
	_, err = a.Encrypt(ctx, key, password, kms.EncryptionContext{"": ""})
	want(t, err, kms.ErrInvalidAAD)
	wantCounts(t, a, key, 6)
	wantCounts(t, a, other, 1)
	wantCounts(t, b, key, 0)
	for range 2 {
		maintain(t, a)
		wantCounts(t, a, key, 6)
		wantCounts(t, b, key, 6)
	}
	encrypt(t, b, key, password, nil)
	encrypt(t, a, key, password, nil)
	wantCounts(t, b, key, 7)
	wantCounts(t, a, key, 7)
	maintain(t, b)
	wantCounts(t, a, key, 8)
	wantCounts(t, b, key, 7)
	maintain(t, a)
	wantCounts(t, b, key, 8)
	for listed, err := range a.Keys(ctx, "") {
		if err != nil || listed.Versions[0].Encryptions != 0 {
			t.Errorf("%+v, %v", listed, err)
		}
	}
}

// The count of a key outlives its entry in the cache.
func TestUsageOutlivesEntries(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), &kms.Options{CacheKeys: 2})
	keys := []string{newKey(t, k, ""), newKey(t, k, ""), newKey(t, k, kms.KeySpecSM4), newKey(t, k, "")}
	for i := range 10 {
		for _, key := range keys {
			encrypt(t, k, key, password, nil)
			switch i {
			case 3:
				must(t, k.DisableKey(ctx, key))
				must(t, k.EnableKey(ctx, key))
			case 5:
				_, err := k.RotateKey(ctx, key)
				must(t, err)
			case 7:
				maintain(t, k)
				runtime.GC()
			}
		}
	}
	runtime.GC()
	runtime.GC()
	for _, key := range keys {
		wantCounts(t, k, key, 6, 4)
	}
	maintain(t, k)
	for _, key := range keys {
		wantCounts(t, k, key, 6, 4)
	}
}

func TestUsageOfManyAtOnce(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	kmss := []*kms.KMS{open(t, store, nil), open(t, store, &kms.Options{MaxStale: -1})}
	key := newKey(t, kmss[0], "")
	stop := make(chan struct{})
	var maintainers, callers sync.WaitGroup
	for _, k := range kmss {
		maintainers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := k.Maintain(ctx); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range 8 {
		callers.Go(func() {
			for range 500 {
				encrypt(t, kmss[i%2], key, password, nil)
			}
		})
	}
	callers.Wait()
	close(stop)
	maintainers.Wait()
	for _, k := range kmss {
		maintain(t, k)
	}
	wantCounts(t, open(t, store, nil), key, 4000)
}

// putUsage writes the count of a key's version 1.
func putUsage(tb testing.TB, store keystore.Store, key string, n uint64) {
	tb.Helper()
	rec, err := store.Get(tb.Context(), "usage/"+key)
	if err != nil {
		rec = keystore.Record{Key: "usage/" + key}
	}
	rec.Rev++
	rec.Data = openRing(tb, store).Seal(rec.Key, rec.Rev, record.Usage{1: n}.Marshal())
	must(tb, store.Put(tb.Context(), rec))
}

// A version that has encrypted 2^44 messages is followed by another, and goes
// on encrypting until it is.
func TestUsageRotates(t *testing.T) {
	ctx := t.Context()
	g, store := &gatekeeper{}, memstore.New()
	k, other := open(t, store, &kms.Options{Auditor: g}), open(t, store, nil)
	key := newKey(t, k, "")
	putUsage(t, store, key, 1<<44-2)
	encrypt(t, k, key, password, nil)
	if r := maintain(t, k); r.Rotated != 0 {
		t.Errorf("one early: %+v", r)
	}
	encrypt(t, k, key, password, nil)
	wantCounts(t, k, key, 1<<44)
	for range 10 {
		encrypt(t, k, key, password, nil)
		encrypt(t, other, key, password, nil)
	}
	g.take()
	if r := maintain(t, k); r.Rotated != 1 {
		t.Errorf("%+v", r)
	}
	if _, events := g.take(); len(events) != 2 || events[0].Op != kms.OpMaintainRotate || events[0].KeyID != key {
		t.Errorf("told %+v", events)
	}
	for _, k := range []*kms.KMS{other, k, other} {
		encrypt(t, k, key, password, nil)
		if r := maintain(t, k); r.Rotated != 0 {
			t.Errorf("again: %+v", r)
		}
	}
	d, err := k.DescribeKey(ctx, key)
	if err != nil || d.PrimaryVersion != 2 || !d.NextRotation.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
	putUsage(t, store, key, 1<<64-1) // the most there is stays that
	encrypt(t, k, key, password, nil)
	maintain(t, k)
	if got := encryptions(t, k, key); got[0] != 1<<64-1 {
		t.Errorf("counts %d", got)
	}
}

// A disabled key is not rotated for what it has encrypted, but may be when it is
// used again.
func TestUsageOfDisabledKey(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newKey(t, k, "")
	putUsage(t, store, key, 1<<44)
	encrypt(t, k, key, password, nil)
	must(t, k.DisableKey(ctx, key))
	if r := maintain(t, k); r.Rotated != 0 {
		t.Errorf("%+v", r)
	}
	must(t, k.EnableKey(ctx, key))
	encrypt(t, k, key, password, nil)
	if r := maintain(t, k); r.Rotated != 1 {
		t.Errorf("%+v", r)
	}
}

// A count that was damaged is begun anew: it is an estimate.
func TestUsageDamaged(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	key, other := newKey(t, k, ""), newKey(t, k, "")
	for _, key := range []string{key, other} {
		encrypt(t, k, key, password, nil)
	}
	maintain(t, k)
	rec, err := store.Get(ctx, "usage/"+other)
	must(t, err)
	must(t, store.Put(ctx, keystore.Record{Key: "usage/" + key, Rev: 2, Data: rec.Data})) // moved
	must(t, k.Export(ctx, io.Discard, root(t, 2)))
	wantCounts(t, k, key, 0)
	wantCounts(t, k, other, 1)
	encrypt(t, k, key, password, nil)
	encrypt(t, k, other, password, nil)
	if r := maintain(t, k); r.Failed != 0 || r.Keys != 2 {
		t.Errorf("%+v", r)
	}
	wantCounts(t, open(t, store, nil), key, 1)
	wantCounts(t, open(t, store, nil), other, 2)
}
