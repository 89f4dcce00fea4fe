package pgwatch_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// BenchmarkPut has one writer, and eight at once on records of their own, with the
// triggers and without them.
func BenchmarkPut(b *testing.B) {
	data := []byte(strings.Repeat("x", 1024))
	for _, writers := range []int{1, 8} {
		for _, triggers := range []string{"ENABLE", "DISABLE"} {
			b.Run(fmt.Sprintf("writers=%d/triggers=%s", writers, triggers), func(b *testing.B) {
				p := newPlace(sharedServer(b))
				s := p.open(b)
				p.exec(b, "ALTER TABLE %s "+triggers+" TRIGGER USER")
				var writer atomic.Int32
				b.SetParallelism(writers)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					r := keystore.Record{Key: fmt.Sprint("key/", writer.Add(1)), Data: data}
					for pb.Next() {
						r.Rev++
						if err := s.Put(b.Context(), r); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
