package filestore_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

func BenchmarkGet(b *testing.B) {
	s := openStore(b, b.TempDir())
	put(b, s, "key/a", 1, strings.Repeat("x", 1024))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "key/a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s := openStore(b, b.TempDir())
	r := keystore.Record{Key: "key/a", Data: bytes.Repeat([]byte{1}, 1024)}
	b.ReportAllocs()
	for b.Loop() {
		r.Rev++
		if err := s.Put(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList20000 lists 20,000 records in pages of 1,000.
func BenchmarkList20000(b *testing.B) {
	const records = 20_000
	dir := b.TempDir()
	filler := openFS(b, dir, &faultFS{idle: true})
	for i := range records {
		put(b, filler, fmt.Sprintf("key/%08x", i), 1, strings.Repeat("x", 300))
	}
	s := openStore(b, dir)
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
		if n != records {
			b.Fatalf("%d records", n)
		}
	}
}
