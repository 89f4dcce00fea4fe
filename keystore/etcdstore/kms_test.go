package etcdstore_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/rootkey"
)

// seenLimit is how soon another KMS must see a change, in most cases.
const seenLimit = 250 * time.Millisecond

// A key that one KMS disables is refused by another within milliseconds, though
// that may keep what it knows for a minute; and two of them rotate one key.
func TestKMS(t *testing.T) {
	ctx, url := t.Context(), startCluster(t, 1)[0].URL()
	root, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	must(t, err)
	var ks []*kms.KMS
	for range 2 {
		k, err := kms.Open(ctx, openStore(t, "/kms/a", url), root, &kms.Options{MaxStale: time.Minute})
		must(t, err)
		defer k.Close()
		ks = append(ks, k)
	}
	key, err := ks[0].CreateKey(ctx, nil)
	must(t, err)
	plaintext, usable := []byte("secret"), func() error {
		_, err := ks[1].Encrypt(ctx, key.ID, []byte("secret"), nil)
		return err
	}
	must(t, usable())
	var seen []time.Duration
	for range 20 {
		must(t, ks[0].DisableKey(ctx, key.ID))
		seen = append(seen, until(t, func() bool { return errors.Is(usable(), kms.ErrKeyDisabled) }))
		must(t, ks[0].EnableKey(ctx, key.ID))
		seen = append(seen, until(t, func() bool { return usable() == nil }))
	}
	slices.Sort(seen)
	t.Logf("40 changes seen after %v (median) to %v", seen[20], seen[39])
	if seen[36] > seenLimit {
		t.Errorf("changes are seen after %v", seen)
	}
	for i := range 6 {
		ct, err := ks[i%2].Encrypt(ctx, key.ID, plaintext, nil)
		must(t, err)
		_, err = ks[(i+1)%2].RotateKey(ctx, key.ID)
		must(t, err)
		for _, k := range ks {
			if got, err := k.Decrypt(ctx, ct, nil); err != nil || string(got) != string(plaintext) {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	if d, err := ks[1].DescribeKey(ctx, key.ID); err != nil || d.PrimaryVersion != 7 {
		t.Errorf("version %d, %v", d.PrimaryVersion, err)
	}
}

// until returns how long it took until done was true.
func until(t *testing.T, done func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !done() {
		if time.Since(start) > 10*time.Second {
			t.Fatal("never seen")
		}
		time.Sleep(100 * time.Microsecond)
	}
	return time.Since(start)
}
