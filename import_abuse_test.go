package kms_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
)

// Times that the stored form cannot hold are refused, rather than stored as what
// nobody reads again.
func TestImportAbsurdValidTo(t *testing.T) {
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, "")
	for _, when := range []time.Time{
		time.Unix(1<<62, 0), time.Unix(1<<61-62135596800, 0), time.Unix(-1<<62, 0),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0),
	} {
		want(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: when}), kms.ErrInvalidArgument)
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: last}))
	d, err := k.DescribeKey(t.Context(), key)
	must(t, err)
	if !d.Versions[0].ValidTo.Equal(last.Truncate(time.Millisecond)) || d.State != kms.KeyStateEnabled {
		t.Errorf("%+v", d)
	}
}

// A used token whose old record somebody puts back is a used token still: the
// key remembers.
func TestImportTokenPutBack(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newExternalKey(t, k, "")
	p, err := k.ImportParameters(ctx, key, fastWrapping)
	must(t, err)
	old, err := store.List(ctx, "token/", "", 1)
	must(t, err)
	opts := &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrap(t, p, material1)}
	must(t, k.ImportKeyMaterial(ctx, key, opts))
	must(t, k.DeleteImportedKeyMaterial(ctx, key))
	must(t, store.Put(ctx, old[0]))
	for _, k := range []*kms.KMS{k, open(t, store, nil)} {
		want(t, k.ImportKeyMaterial(ctx, key, opts), kms.ErrInvalidImportToken)
	}
}

// Of two calls with one token, the one that comes second is refused, also if it
// was about to write: it is not told that its material was imported.
func TestImportTokenOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, inner := t.Context(), memstore.New()
		store := faultstore.New(inner)
		first, second := open(t, inner, nil), open(t, store, nil)
		key := newExternalKey(t, first, "")
		p, err := first.ImportParameters(ctx, key, fastWrapping)
		must(t, err)
		with := func(material []byte) *kms.ImportKeyMaterialOptions {
			return &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrap(t, p, material), NewVersion: true}
		}
		var once sync.Once
		store.Block = func(_ context.Context, c faultstore.Call) {
			if c.Method == "Put" {
				once.Do(func() { must(t, first.ImportKeyMaterial(ctx, key, with(material1))) })
			}
		}
		want(t, second.ImportKeyMaterial(ctx, key, with(material2)), kms.ErrInvalidImportToken)
		if d, err := first.DescribeKey(ctx, key); err != nil || len(d.Versions) != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		must(t, first.Close())
		must(t, second.Close())
	})
}

// An import that failed has not used its token.
func TestImportTokenAfterOutage(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	k := open(t, store, nil)
	key := newExternalKey(t, k, "")
	p, err := k.ImportParameters(ctx, key, fastWrapping)
	must(t, err)
	opts := &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrap(t, p, material1)}
	for failing := 0; ; failing++ { // the failing-th call to the store
		n := 0
		store.Fault = func(faultstore.Call) faultstore.Fault {
			if n++; n == failing+1 {
				return faultstore.Refuse
			}
			return faultstore.None
		}
		err := k.ImportKeyMaterial(ctx, key, opts)
		if err == nil {
			return
		}
		want(t, err, kms.ErrStoreUnavailable)
	}
}
