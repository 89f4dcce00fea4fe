// Command tink encrypts and decrypts a greeting with tink-go.
package main

import (
	"log"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

func main() {
	a := must(aead.New(must(keyset.NewHandle(aead.AES256GCMKeyTemplate()))))
	ciphertext := must(a.Encrypt([]byte("hello"), []byte("service=hello")))
	must(a.Decrypt(ciphertext, []byte("service=hello")))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
