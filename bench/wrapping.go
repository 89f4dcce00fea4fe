package main

import (
	"context"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/v2/aead"
)

const wrappingName = "go-kms-wrapping aead"

func wrappingSubjects() []subject {
	return []subject{{
		name: wrappingName, module: "github.com/hashicorp/go-kms-wrapping/v2", class: library,
		has:  traits{context: "bytes", key: "in BlobInfo", messages: "2^32"},
		make: newWrapper,
		note: "BlobInfo is not serialised, which its user has yet to do; the overhead is without it",
	}}
}

type wrapperBox struct {
	*aead.Wrapper
	info *wrapping.KeyInfo
}

func newWrapper() (box, error) {
	w := aead.NewWrapper()
	if _, err := w.SetConfig(context.Background(), wrapping.WithKeyId("orders")); err != nil {
		return nil, err
	}
	return wrapperBox{w, &wrapping.KeyInfo{KeyId: "orders"}}, w.SetAesGcmKeyBytes(random(32))
}

func (w wrapperBox) seal(_, plaintext []byte, b *binding) ([]byte, error) {
	blob, err := w.Encrypt(context.Background(), plaintext, wrapping.WithAad(b.encoded))
	if err != nil {
		return nil, err
	}
	return blob.Ciphertext, nil
}

func (w wrapperBox) open(_, ciphertext []byte, b *binding) ([]byte, error) {
	blob := wrapping.BlobInfo{Ciphertext: ciphertext, KeyInfo: w.info}
	return w.Decrypt(context.Background(), &blob, wrapping.WithAad(b.encoded))
}
