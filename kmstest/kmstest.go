// Package kmstest gives a unit test a key management service in one line.
package kmstest

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// New returns a KMS over a new memory store and a random root key, which the
// end of the test closes. It fails the test if it cannot.
func New(t testing.TB) *kms.KMS {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	root, err := rootkey.Static(key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.Open(context.Background(), memstore.New(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}
