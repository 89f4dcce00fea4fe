package pgwatch_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// BenchmarkPut has one writer, and eight at once on records of their own, with the
// triggers and without them. The time is that between two writes of any of them.
func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 8} {
		for _, triggers := range []string{"ENABLE", "DISABLE"} {
			b.Run(fmt.Sprintf("writers=%d/triggers=%s", writers, triggers), func(b *testing.B) {
				p := newPlace(sharedServer(b))
				s := p.open(b)
				p.exec(b, "ALTER TABLE %s "+triggers+" TRIGGER USER")
				var done atomic.Int64
				var running sync.WaitGroup
				b.ResetTimer()
				for i := range writers {
					running.Go(func() {
						r := keystore.Record{Key: fmt.Sprint("key/", i), Data: bytes.Repeat([]byte("x"), 1024)}
						for done.Add(1) <= int64(b.N) {
							r.Rev++
							if err := s.Put(b.Context(), r); err != nil {
								b.Error(err)
							}
						}
					})
				}
				running.Wait()
			})
		}
	}
}
