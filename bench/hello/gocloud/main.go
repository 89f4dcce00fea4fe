// Command gocloud encrypts and decrypts a greeting with gocloud.dev's localsecrets.
package main

import (
	"context"
	"log"

	"gocloud.dev/secrets/localsecrets"
)

func main() {
	ctx := context.Background()
	keeper := localsecrets.NewKeeper([32]byte([]byte("a key of thirty-two bytes, as is")))
	ciphertext, err := keeper.Encrypt(ctx, []byte("hello"))
	if err == nil {
		_, err = keeper.Decrypt(ctx, ciphertext)
	}
	if err != nil {
		log.Fatal(err)
	}
}
