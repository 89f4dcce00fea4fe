// Command kms encrypts and decrypts a greeting with this library.
package main

import (
	"context"
	"log"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

func main() {
	ctx := context.Background()
	root := must(rootkey.Static([]byte("a root key of thirty-two bytes..")))
	k := must(kms.Open(ctx, memstore.New(), root, nil))
	key := must(k.CreateKey(ctx, nil))
	hello := kms.EncryptionContext{"service": "hello"}
	ciphertext := must(k.Encrypt(ctx, key.ID, []byte("hello"), hello))
	must(k.Decrypt(ctx, ciphertext, hello))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
