package stores_test

import (
	"fmt"
	"testing"

	"github.com/embedkms/kms/keystore"
)

const benchSize = 1024 // bytes in a record; one of an AES key has fewer

// scanKeys is how many records BenchmarkScan reads.
const scanKeys = 10_000

// The figures in docs/stores.md:
// go test -run '^$' -bench . -benchtime 300ms ./stores

func BenchmarkGet(b *testing.B) {
	benchEach(b, func(b *testing.B, s keystore.Store) {
		put(b, s, "key/a", 1)
		for b.Loop() {
			if _, err := s.Get(b.Context(), "key/a"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	benchEach(b, func(b *testing.B, s keystore.Store) {
		rev := uint64(0)
		for b.Loop() {
			rev++
			put(b, s, "key/a", rev)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	benchEach(b, func(b *testing.B, s keystore.Store) {
		for i := range scanKeys {
			put(b, s, fmt.Sprintf("key/%06d", i), 1)
		}
		for b.Loop() {
			n, after := 0, ""
			for {
				page, err := s.List(b.Context(), "key/", after, keystore.MaxLimit)
				if err != nil {
					b.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				n, after = n+len(page), page[len(page)-1].Key
			}
			if n != scanKeys {
				b.Fatalf("%d records", n)
			}
		}
	})
}

func benchEach(b *testing.B, f func(b *testing.B, s keystore.Store)) {
	for _, x := range databases() {
		b.Run(x.Name, func(b *testing.B) { f(b, x.New(b).Open(b)) })
	}
}

func put(tb testing.TB, s keystore.Store, key string, rev uint64) {
	tb.Helper()
	r := keystore.Record{Key: key, Rev: rev, Data: make([]byte, benchSize)}
	if err := s.Put(tb.Context(), r); err != nil {
		tb.Fatal(err)
	}
}
