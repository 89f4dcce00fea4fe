// Command wrapping encrypts and decrypts a greeting with go-kms-wrapping's aead.
package main

import (
	"context"
	"log"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/v2/aead"
)

func main() {
	ctx, aad := context.Background(), wrapping.WithAad([]byte("service=hello"))
	w := aead.NewWrapper()
	if err := w.SetAesGcmKeyBytes([]byte("a key of thirty-two bytes, as is")); err != nil {
		log.Fatal(err)
	}
	blob, err := w.Encrypt(ctx, []byte("hello"), aad)
	if err == nil {
		_, err = w.Decrypt(ctx, blob, aad)
	}
	if err != nil {
		log.Fatal(err)
	}
}
