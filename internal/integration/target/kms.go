package target

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// Root returns a root key that differs from those of other numbers.
func Root(t testing.TB, n byte) rootkey.Provider {
	t.Helper()
	p, err := rootkey.Static(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// OpenKMS opens a KMS on s until the test ends, by Root(t, 1).
func OpenKMS(t testing.TB, s keystore.Store, opts *kms.Options) *kms.KMS {
	t.Helper()
	return OpenKMSBy(t, s, Root(t, 1), opts)
}

// OpenKMSBy is OpenKMS by another root key.
func OpenKMSBy(t testing.TB, s keystore.Store, root rootkey.Provider, opts *kms.Options) *kms.KMS {
	t.Helper()
	k, err := kms.Open(t.Context(), s, root, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}
