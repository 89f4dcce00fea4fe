//go:build !race

// The race detector sees the race that is planted here, and would fail the test
// for what it is meant to have.

package gmtest

import (
	"testing"

	"github.com/embedkms/kms/gm"
)

// One tjfoc cipher shared by all goroutines seals wrongly now and then, so the
// case gets several attempts to notice.
func TestPlantedSharedBlock(t *testing.T) {
	skipEnforced(t)
	shared := planted{Provider: gm.Default(), gcm: unguardedGCM}
	const attempts = 50
	for range attempts {
		if find(t, "SM4-GCM concurrency").check(shared) != nil {
			return
		}
	}
	t.Errorf("a shared block passed %d times", attempts)
}
