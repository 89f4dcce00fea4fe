// Command openbao encrypts and decrypts a greeting with what OpenBao's transit
// engine is made of.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log"

	"github.com/openbao/openbao/sdk/v2/helper/keysutil"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func main() {
	locks, err := keysutil.NewLockManager(true, 0)
	if err != nil {
		log.Fatal(err)
	}
	p, _, err := locks.GetPolicy(context.Background(), keysutil.PolicyRequest{
		Storage: new(logical.InmemStorage), Name: "hello", KeyType: keysutil.KeyType_AES256_GCM96, Upsert: true,
	}, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, err := p.Encrypt(0, nil, nil, base64.StdEncoding.EncodeToString([]byte("hello")))
	if err == nil {
		_, err = p.Decrypt(nil, nil, ciphertext)
	}
	if err != nil {
		log.Fatal(err)
	}
}
