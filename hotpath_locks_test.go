//go:build !race

package kms_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

// TestHotPathLocks guards that cores which use one key do not wait for each other:
// the profile of contended locks has nothing of this module. The race detector has
// locks of its own, so it runs without.
func TestHotPathLocks(t *testing.T) {
	k := open(t, memstore.New(), &kms.Options{MaxStale: time.Minute}) // none grows old meanwhile
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools begin anew after a collection
	// Two may use a lock for long without one that waits, so this takes a second.
	for i := range 20 {
		alias, key := fmt.Sprintf("alias/orders-%d", i), newKey(t, k, kms.KeySpecAES256)
		must(t, k.CreateAlias(t.Context(), alias, key))
		checkHot(t, k, alias, key)
	}
}

func checkHot(t *testing.T, k *kms.KMS, alias, key string) {
	ct := encrypt(t, k, key, password, prod)
	runHot(t, k, alias, key, ct) // pools and caches begin anew with a key
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(1))
	before := contended()
	runHot(t, k, alias, key, ct)
	for stack, n := range contended() {
		if n > before[stack] {
			t.Errorf("waited %d times for the lock that is released at\n%s", n-before[stack], stack)
		}
	}
}

// runHot does each operation of the hot path, on two cores at once.
func runHot(t *testing.T, k *kms.KMS, alias, key string, ct []byte) {
	const (
		callers = 8     // more than cores: who finds another ready to run does not spin at a lock, but waits
		calls   = 2_500 // of all of them, with alias and ID, fewer than a session lasts
	)
	ctx := context.Background()
	for _, op := range []func(dst []byte) error{
		func(dst []byte) error { _, err := k.AppendEncrypt(ctx, dst, key, password, prod); return err },
		func(dst []byte) error {
			_, err := k.AppendEncrypt(ctx, dst, alias, password, prod)
			return err
		},
		func(dst []byte) error { _, err := k.AppendDecrypt(ctx, dst, ct, prod); return err },
	} {
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				dst := make([]byte, 0, 512)
				for range calls {
					if err := op(dst); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

// contended returns how often a lock of this module was waited for, by the stack
// that released it. What only the runtime has locked is none of it.
func contended() map[string]int64 {
	records := make([]runtime.BlockProfileRecord, 1<<16)
	n, _ := runtime.MutexProfile(records)
	counts := map[string]int64{}
	for _, r := range records[:min(n, len(records))] {
		var stack strings.Builder
		for frames := runtime.CallersFrames(r.Stack()); ; {
			f, more := frames.Next()
			stack.WriteString(f.Function + "\n")
			if !more {
				break
			}
		}
		if strings.Contains(stack.String(), "embedkms/kms.") {
			counts[stack.String()] += r.Count
		}
	}
	return counts
}
