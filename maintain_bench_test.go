package kms_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
)

const benchKeys = 20_000

// BenchmarkMaintain is one run over 20,000 keys of which none is due. live-B is
// how much more memory is reachable, at most, while it runs.
func BenchmarkMaintain(b *testing.B) {
	benchScan(b, func(ctx context.Context, k *kms.KMS) (int, error) {
		r, err := k.Maintain(ctx)
		return r.Keys, err
	})
}

// BenchmarkCheck is the same for one check.
func BenchmarkCheck(b *testing.B) {
	benchScan(b, func(ctx context.Context, k *kms.KMS) (int, error) {
		h, err := k.Check(ctx)
		return h.Keys, err
	})
}

func benchScan(b *testing.B, scan func(context.Context, *kms.KMS) (keys int, err error)) {
	b.Run("memstore", func(b *testing.B) { benchScanOf(b, memstore.New(), scan) })
	b.Run("filestore", func(b *testing.B) {
		store, err := filestore.Open(b.TempDir(), nil)
		check(b, err)
		defer store.Close()
		benchScanOf(b, store, scan)
	})
}

func benchScanOf(b *testing.B, inner keystore.Store, scan func(context.Context, *kms.KMS) (keys int, err error)) {
	ctx := b.Context()
	store := &peakStore{Store: inner}
	fill := open(b, store, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range benchKeys / 8 {
				newKey(b, fill, "")
			}
		})
	}
	wg.Wait()
	check(b, fill.Close())
	k := open(b, store, nil) // which has not seen any key
	store.base, store.measure = liveBytes(), true
	if keys, err := scan(ctx, k); err != nil || keys != benchKeys {
		b.Fatalf("%d keys, %v", keys, err)
	}
	store.measure = false
	store.lists = 0
	b.ResetTimer()
	for b.Loop() {
		_, err := scan(ctx, k)
		check(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
	b.ReportMetric(float64(store.lists)/float64(b.N), "lists/op")
	b.ReportMetric(float64(max(0, store.peak)), "live-B")
}

// A peakStore finds out how much memory is reachable at each List.
type peakStore struct {
	keystore.Store
	measure    bool
	base, peak int64
	lists      int
}

func (s *peakStore) List(ctx context.Context, prefix, after string, limit int) ([]keystore.Record, error) {
	s.lists++
	recs, err := s.Store.List(ctx, prefix, after, limit)
	if s.measure {
		s.peak = max(s.peak, liveBytes()-s.base)
	}
	return recs, err
}

func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
