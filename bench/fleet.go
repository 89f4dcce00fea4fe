package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
)

// A fleet is a store of many keys, each with an alias.
type fleet struct {
	store   keystore.Store
	ids     []string
	aliases []string
}

// newFleet fills a store with n keys.
func newFleet(store keystore.Store, n int) (*fleet, error) {
	k, err := openStore(store, nil)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	f := &fleet{store: store}
	for i := range n {
		alias := fmt.Sprintf("alias/orders/%06d", i)
		key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Alias: alias})
		if err != nil {
			return nil, err
		}
		f.ids, f.aliases = append(f.ids, key.ID), append(f.aliases, alias)
	}
	return f, nil
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
	foot := footprint{Keys: n}
	maker, err := openStore(f.store, nil)
	if err != nil {
		return foot, err
	}
	ciphertexts, err := f.seal(maker)
	if err != nil {
		return foot, err
	}
	if err := maker.Close(); err != nil {
		return foot, err
	}
	k, err := openStore(f.store, &kms.Options{CacheKeys: max(2*n, 1000)})
	if err != nil {
		return foot, err
	}
	defer k.Close()
	dst := make([]byte, 0, 64+spare)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // two collections end a pooled session
	each := func(do func(i int) error) float64 {
		before := heap(4) // sessions that are counted take more than one to go
		for i := range n {
			if e := do(i); e != nil {
				err = e
			}
		}
		return (heap(1) - before) / float64(n)
	}
	foot.Loaded = each(func(i int) error { // a wrong context loads the key and remembers nothing
		if _, err := k.AppendDecrypt(context.Background(), dst, ciphertexts[i], other.pairs); err == nil {
			return fmt.Errorf("key %d opened in another context", i)
		}
		return nil
	})
	foot.Opening = each(func(i int) error {
		_, err := k.AppendDecrypt(context.Background(), dst, ciphertexts[i], bound.pairs)
		return err
	})
	foot.Sealing = each(func(i int) error {
		_, err := k.AppendEncrypt(context.Background(), dst, f.ids[i], dst[:64], bound.pairs)
		return err
	})
	return foot, err
}

// heap returns the bytes in use after so many collections.
func heap(collections int) float64 {
	for range collections {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
