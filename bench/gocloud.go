package main

import (
	"context"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"
)

func gocloudSubjects() []subject {
	return []subject{{
		name: "gocloud localsecrets", module: "gocloud.dev", class: library,
		has:  traits{messages: "2^80"},
		make: func() (box, error) { return keeperBox{localsecrets.NewKeeper([32]byte(random(32)))}, nil },
		note: "NaCl's secretbox; its Keeper has no place for a context",
	}}
}

type keeperBox struct{ *secrets.Keeper }

func (k keeperBox) seal(_, plaintext []byte, _ *binding) ([]byte, error) {
	return k.Encrypt(context.Background(), plaintext)
}

func (k keeperBox) open(_, ciphertext []byte, _ *binding) ([]byte, error) {
	return k.Decrypt(context.Background(), ciphertext)
}
