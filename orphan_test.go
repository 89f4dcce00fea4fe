package kms_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
)

// newOrphan leaves in h a key under a storage key that was dropped, as a process
// does that dies between its write and the look at the keyring behind it. meets
// is called at once with a KMS that has not seen the keyring change.
func newOrphan(t *testing.T, h *held, meets func(*kms.KMS)) {
	store := faultstore.New(h.store)
	k, reader := open(t, store, nil), open(t, h.store, nil)
	defer k.Close()
	defer reader.Close()
	put := false
	store.Block = func(_ context.Context, c faultstore.Call) {
		store.SetDown(put)
		if c.Method == "Put" && !put {
			put = true
			rotates(t, h.store)
			time.Sleep(25 * time.Hour)
			maintains(t, h.store)
		}
	}
	_, err := k.CreateKey(t.Context(), nil)
	want(t, err, kms.ErrUnknownOutcome)
	meets(reader)
}

// What any process has encrypted is decrypted by one that starts later, also
// under a key whose creator has died before it could tell of it.
func TestOrphanIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		var cts [][]byte
		newOrphan(t, h, func(reader *kms.KMS) {
			for d, err := range reader.Keys(t.Context(), "") {
				if err != nil {
					continue
				}
				if ct, err := reader.Encrypt(t.Context(), d.ID, password, nil); err == nil {
					cts = append(cts, ct)
				}
			}
		})
		k := open(t, h.store, nil)
		defer k.Close()
		for _, ct := range cts {
			decrypts(t, k, ct)
		}
	})
}

// Such a record, which nobody knows, keeps no storage key from being dropped. It
// ends a backup, which names it, until somebody removes it by hand.
func TestOrphanIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		known := map[string]bool{}
		for rec := range records(t, h.store, "") {
			known[rec.Key] = true
		}
		newOrphan(t, h, func(*kms.KMS) {})
		k := open(t, h.store, tomorrow)
		defer k.Close()
		rotates(t, h.store)
		r, err := k.Maintain(t.Context())
		if want(t, err, kms.ErrTampered); r.Failed != 1 || r.OldStorageKeys != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		for rec := range records(t, h.store, "key/") {
			if known[rec.Key] {
				continue
			}
			err := k.Export(t.Context(), io.Discard, root(t, 2))
			if want(t, err, kms.ErrTampered); !strings.Contains(err.Error(), rec.Key) {
				t.Errorf("%v does not name %s", err, rec.Key)
			}
			must(t, h.store.Delete(t.Context(), rec.Key, rec.Rev))
		}
		must(t, k.Export(t.Context(), io.Discard, root(t, 2)))
		finish(t, h.store)
	})
}
