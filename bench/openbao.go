package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"github.com/openbao/openbao/sdk/v2/helper/keysutil"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func openbaoSubjects() []subject {
	return []subject{{
		name: "OpenBao transit, in process", module: "github.com/openbao/openbao/sdk/v2", class: library,
		has:  traits{context: "bytes", version: "number, as text", messages: "2^32"},
		make: newTransit,
		note: "what its transit engine does of a request: the policy of a name from its cache, under its " +
			"lock, with base64 both ways; without its HTTP server",
	}}
}

// A transitBox is a named key of OpenBao's transit engine.
type transitBox struct {
	locks   *keysutil.LockManager
	request keysutil.PolicyRequest
}

func newTransit() (box, error) {
	locks, err := keysutil.NewLockManager(true, 0)
	if err != nil {
		return nil, err
	}
	t := &transitBox{locks, keysutil.PolicyRequest{
		Storage: new(logical.InmemStorage), Name: "orders", KeyType: keysutil.KeyType_AES256_GCM96, Upsert: true,
	}}
	_, err = t.with(func(*keysutil.Policy) (string, error) { return "", nil })
	t.request.Upsert = false
	return t, err
}

// with calls f with the policy, locked for reading as GetPolicy returns it.
func (t *transitBox) with(f func(*keysutil.Policy) (string, error)) (string, error) {
	p, _, err := t.locks.GetPolicy(context.Background(), t.request, rand.Reader)
	if err != nil {
		return "", err
	}
	defer p.Unlock()
	return f(p)
}

// associated is how keysutil takes associated data.
type associated []byte

func (a associated) GetAssociatedData() ([]byte, error) { return a, nil }

func (t *transitBox) seal(_, plaintext []byte, b *binding) ([]byte, error) {
	value := base64.StdEncoding.EncodeToString(plaintext)
	out, err := t.with(func(p *keysutil.Policy) (string, error) {
		return p.EncryptWithFactory(0, nil, nil, value, associated(b.encoded))
	})
	return []byte(out), err
}

func (t *transitBox) open(_, ciphertext []byte, b *binding) ([]byte, error) {
	out, err := t.with(func(p *keysutil.Policy) (string, error) {
		return p.DecryptWithFactory(nil, nil, string(ciphertext), associated(b.encoded))
	})
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(out)
}
