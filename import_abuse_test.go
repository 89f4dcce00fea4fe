package kms_test

import (
	"testing"
	"time"

	"github.com/embedkms/kms"
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
