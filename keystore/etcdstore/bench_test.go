package etcdstore_test

import (
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

func BenchmarkGet(b *testing.B) {
	s := openStore(b, "/kms/a", startCluster(b, 1)[0].URL())
	put(b, s, "key/a", 1, strings.Repeat("x", 1024))
	for b.Loop() {
		if _, err := s.Get(b.Context(), "key/a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s := openStore(b, "/kms/a", startCluster(b, 1)[0].URL())
	data := strings.Repeat("x", 1024)
	for rev := uint64(1); b.Loop(); rev++ {
		put(b, s, "key/a", rev, data)
	}
}

// BenchmarkList scans 1,000 records.
func BenchmarkList(b *testing.B) {
	s := openStore(b, "/kms/a", startCluster(b, 1)[0].URL())
	for i := range 1000 {
		put(b, s, "key/"+strings.Repeat("a", i%50+1)+string(rune('a'+i/50)), 1, strings.Repeat("x", 1024))
	}
	for b.Loop() {
		if page, err := s.List(b.Context(), "", "", keystore.MaxLimit); err != nil || len(page) != 1000 {
			b.Fatal(len(page), err)
		}
	}
}
