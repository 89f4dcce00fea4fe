package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// A fleet is a store of many keys, each with an alias.
type fleet struct {
	store   keystore.Store
	dir     string // where the store is, if it is on disk: then store is nil
	ids     []string
	aliases []string
}

// newFleet fills a store with n keys.
func newFleet(ctx context.Context, store keystore.Store, n int) (*fleet, error) {
	k, err := openStore(store, nil)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	f := &fleet{store: store}
	for i := range n {
		alias := fmt.Sprintf("alias/orders/%06d", i)
		key, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias})
		if err != nil {
			return nil, err
		}
		f.ids, f.aliases = append(f.ids, key.ID), append(f.aliases, alias)
	}
	return f, nil
}

// newDiskFleet fills a store in a folder with n keys.
func newDiskFleet(ctx context.Context, dir string, n int) (*fleet, error) {
	store, err := filestore.Open(dir, nil)
	if err != nil {
		return nil, err
	}
	f, err := newFleet(ctx, store, n)
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	f.store, f.dir = nil, dir
	return f, nil
}

// open returns the store, and what closes it again.
func (f *fleet) open() (keystore.Store, func() error, error) {
	if f.dir == "" {
		return f.store, func() error { return nil }, nil
	}
	store, err := filestore.Open(f.dir, nil)
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// seal encrypts something under each of the keys.
func (f *fleet) seal(k *kms.KMS) ([][]byte, error) {
	var ciphertexts [][]byte
	for _, id := range f.ids {
		out, err := k.Encrypt(context.Background(), id, random(64), bound.pairs)
		if err != nil {
			return nil, err
		}
		ciphertexts = append(ciphertexts, out)
	}
	return ciphertexts, nil
}

// sessions returns n ciphertexts of one key and of as many sessions: each of a KMS
// of its own.
func (f *fleet) sessions(n int) ([][]byte, error) {
	var ciphertexts [][]byte
	for range n {
		k, err := openStore(f.store, nil)
		if err != nil {
			return nil, err
		}
		out, err := k.Encrypt(context.Background(), f.ids[0], random(64), bound.pairs)
		if err != nil {
			return nil, err
		}
		ciphertexts = append(ciphertexts, out)
		if err := k.Close(); err != nil {
			return nil, err
		}
	}
	return ciphertexts, nil
}

// A footprint is what a key takes in memory, in bytes of heap.
type footprint struct {
	Keys    int     `json:"keys"`
	Loaded  float64 `json:"loaded"`  // ready for use
	Opening float64 `json:"opening"` // and one session that it has opened
	Sealing float64 `json:"sealing"` // and one session that it seals with
}

// footprint measures the keys of f one after the other.
func (f *fleet) footprint() (footprint, error) {
	n := len(f.ids)
	// With a clock of its own a cache has no timers, which would outlive it for a while.
	maker, err := openStore(f.store, &kms.Options{Now: time.Now})
	if err != nil {
		return footprint{}, err
	}
	ciphertexts, err := f.seal(maker)
	if err == nil {
		err = maker.Close()
	}
	if err != nil {
		return footprint{}, err
	}
	// Nothing is to be read anew meanwhile, which would be on the heap as well.
	k, err := openStore(f.store, &kms.Options{CacheKeys: max(2*n, 1000), MaxStale: time.Minute})
	if err != nil {
		return footprint{}, err
	}
	defer k.Close()
	open, inOther, seal := openOp(k, ciphertexts, bound), openOp(k, ciphertexts, other), sealOp(k, f.ids)
	foot := footprint{Keys: n}
	for _, step := range []struct {
		into *float64
		do   func(i int, dst []byte) error
	}{
		{&foot.Loaded, func(i int, dst []byte) error { // it loads the key and remembers nothing
			if err := inOther(i, dst); !errors.Is(err, kms.ErrInvalidCiphertext) {
				return fmt.Errorf("key %d in another context: %v", i, err)
			}
			return nil
		}},
		{&foot.Opening, func(i int, dst []byte) error { return errors.Join(open(i, dst), open(i, dst)) }}, // it is kept from the second on
		{&foot.Sealing, seal},
	} {
		if *step.into, err = grown(n, step.do); err != nil {
			return footprint{}, err
		}
	}
	return foot, nil
}

// grown returns by how many bytes the heap grows for each of n things that are done.
func grown(n int, do func(i int, dst []byte) error) (float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // two collections end a pooled session
	dst := make([]byte, 0, 64+spare)
	before := settled()
	for i := range n {
		if err := do(i, dst); err != nil {
			return 0, err
		}
	}
	return (heap() - before) / float64(n), nil
}

// heap returns the bytes in use after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// settled is heap once nothing more goes: what has cleanups takes several collections,
// and a moment between them.
func settled() float64 {
	last := heap()
	for calm := 0; calm < 5; calm++ {
		time.Sleep(5 * time.Millisecond)
		now := heap()
		if now < last*0.999 {
			calm = 0
		}
		last = now
	}
	return last
}
