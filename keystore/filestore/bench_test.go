package filestore_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

func openBench(b *testing.B) *filestore.Store {
	s, err := filestore.Open(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func BenchmarkGet(b *testing.B) {
	s := openBench(b)
	r := keystore.Record{Key: "key/a", Rev: 1, Data: bytes.Repeat([]byte{1}, 1024)}
	if err := s.Put(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "key/a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s := openBench(b)
	r := keystore.Record{Key: "key/a", Data: bytes.Repeat([]byte{1}, 1024)}
	b.ReportAllocs()
	for b.Loop() {
		r.Rev++
		if err := s.Put(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan lists 20,000 records in pages of 1,000.
func BenchmarkScan(b *testing.B) {
	const records = 20_000
	s := openBench(b)
	for i := range records {
		r := keystore.Record{Key: fmt.Sprintf("key/%08x", i), Rev: 1, Data: make([]byte, 300)}
		if err := s.Put(b.Context(), r); err != nil {
			b.Fatal(err)
		}
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
		if n != records {
			b.Fatalf("%d records", n)
		}
	}
}
