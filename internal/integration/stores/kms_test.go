package stores_test

import (
	"sync"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/target"
)

const rotations = 5 // by each of two KMS

// TestKMS has two KMS on one table rotate a key at the same time. Each opens
// what the other has sealed, under every version.
func TestKMS(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		p := x.New(t)
		both := []*kms.KMS{openKMS(t, p), openKMS(t, p)}
		key, err := both[0].CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/orders"})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var sealed [][]byte
		var wg sync.WaitGroup
		for _, k := range both {
			wg.Go(func() {
				for range rotations {
					if _, err := k.RotateKey(t.Context(), key.ID); err != nil {
						t.Error(err)
					}
					ciphertext, err := k.Encrypt(t.Context(), "alias/orders", []byte("v"), nil)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					sealed = append(sealed, ciphertext)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for _, k := range append(both, openKMS(t, p)) {
			for _, ciphertext := range sealed {
				got, err := k.Decrypt(t.Context(), ciphertext, nil)
				if err != nil || string(got) != "v" {
					t.Errorf("Decrypt: %q, %v", got, err)
				}
			}
		}
		// MaxStale below 0: this is what is stored.
		described, err := both[1].DescribeKey(t.Context(), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(described.Versions); n != 2*rotations+1 {
			t.Errorf("%d versions, want %d", n, 2*rotations+1)
		}
	})
}

func openKMS(t *testing.T, p target.Place) *kms.KMS {
	t.Helper()
	return target.OpenKMS(t, p.Open(t), &kms.Options{MaxStale: -1})
}
