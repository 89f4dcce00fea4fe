package kms_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A stock is a store with keys of every kind, and what they have made.
type stock struct {
	store    keystore.Store
	keys     map[string]*kms.Key // by ID, as described
	products map[string][]product
}

// newStock fills a store with keys of which some have been rotated, and some
// were imported.
func newStock(tb testing.TB) *stock {
	tb.Helper()
	ctx := context.Background()
	s := &stock{memstore.New(), map[string]*kms.Key{}, map[string][]product{}}
	k := open(tb, s.store, nil)
	for i, opts := range producers {
		created, err := k.CreateKey(ctx, &opts)
		must(tb, err)
		s.add(tb, k, created.ID)
		if i%2 == 0 {
			continue
		}
		_, err = k.RotateKey(ctx, created.ID)
		must(tb, err)
		s.add(tb, k, created.ID)
	}
	for spec, materials := range map[kms.KeySpec][3][]byte{
		kms.KeySpecSM2:        materialsOf(keypair.SM2),
		kms.KeySpecECP256:     materialsOf(keypair.ECP256),
		kms.KeySpecHMACSHA256: {material1, material2, material3},
	} {
		key := newExternalKey(tb, k, spec)
		for _, material := range materials[:2] {
			must(tb, importLong(tb, k, key, material, kms.ImportKeyMaterialOptions{NewVersion: true}))
			s.add(tb, k, key)
		}
	}
	return s
}

// add makes something with a key.
func (s *stock) add(tb testing.TB, k *kms.KMS, key string) {
	tb.Helper()
	s.products[key] = append(s.products[key], produce(tb, k, key))
	s.keys[key] = described(tb, k, key)
}

// described is describe without what is an estimate.
func described(tb testing.TB, k *kms.KMS, key string) *kms.Key {
	tb.Helper()
	d := describe(tb, k, key)
	for i := range d.Versions {
		d.Versions[i].Encryptions = 0
	}
	return d
}

// check fails the test unless a KMS that knows only store has all the keys, what
// they have made is good, and they make more.
func (s *stock) check(t *testing.T, store keystore.Store) {
	t.Helper()
	k := open(t, store, &kms.Options{MustExist: true})
	defer k.Close()
	for key, was := range s.keys {
		if got := described(t, k, key); !reflect.DeepEqual(got, was) {
			t.Errorf("%+v, was %+v", got, was)
		}
		for i, p := range append(s.products[key], produce(t, k, key)) {
			if err := p.good(k, p.version); err != nil {
				t.Errorf("%s %s, product %d of version %d: %v", was.Spec, was.Usage, i, p.version, err)
			}
		}
	}
}

// What keys of any kind have made is good whatever becomes of their records: they
// are sealed anew, backed up, restored, and sealed anew again.
func TestExportRestorePairs(t *testing.T) {
	ctx := t.Context()
	s := newStock(t)
	s.check(t, s.store)
	finish(t, s.store)
	allUnder(t, s.store, 2)
	s.check(t, s.store)
	var backup bytes.Buffer
	must(t, open(t, s.store, nil).Export(ctx, &backup, root(t, 2)))
	restored := memstore.New()
	must(t, restore(t, restored, root(t, 1), backup.Bytes(), root(t, 2)))
	s.check(t, restored)
	finish(t, restored)
	s.check(t, restored)
	k := open(t, restored, nil)
	for key, was := range s.keys {
		if was.Origin != kms.OriginKMS {
			continue
		}
		d, err := k.RotateKey(ctx, key)
		if err != nil || d.PrimaryVersion != was.PrimaryVersion+1 {
			t.Errorf("%s %s: %+v, %v", was.Spec, was.Usage, d, err)
		}
		s.keys[key] = described(t, k, key)
	}
	s.check(t, restored)
}
