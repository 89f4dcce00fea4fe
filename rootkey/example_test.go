package rootkey_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/embedkms/kms/rootkey"
)

// A service that makes its root key when it first starts.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "root.key")

	first, err := rootkey.File(path, &rootkey.FileOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	second, err := rootkey.File(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("same root:", first.ID() == second.ID())
	// Output: same root: true
}

// A key from a secret manager; here, from chance.
func ExampleStatic() {
	key := make([]byte, 32)
	rand.Read(key)
	root, err := rootkey.Static(key)
	if err != nil {
		log.Fatal(err)
	}
	clear(key) // Static has a copy

	ctx := context.Background()
	wrapped, err := root.Wrap(ctx, []byte("a key"), []byte("a store"))
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := root.Unwrap(ctx, wrapped, []byte("a store"))
	fmt.Printf("%s, %v\n", plaintext, err)
	// Output: a key, <nil>
}

func ExamplePassphrase() {
	root, err := rootkey.Passphrase([]byte("unwashed crisply gondola matter spry evolve"), nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	wrapped, err := root.Wrap(ctx, []byte("a key"), nil)
	if err != nil {
		log.Fatal(err)
	}

	other, err := rootkey.Passphrase([]byte("unwashed crisply gondola matter spry revolve"), nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = other.Unwrap(ctx, wrapped, nil)
	fmt.Println("wrong passphrase:", errors.Is(err, rootkey.ErrWrongKey))
	// Output: wrong passphrase: true
}
