package kms_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

// principal is the key of a context's value that says who calls.
type principal struct{}

// A doorman is an Authorizer and an Auditor that keeps who has called.
type doorman struct{ asked, told []any }

func (d *doorman) Authorize(ctx context.Context, _ *kms.Request) error {
	d.asked = append(d.asked, ctx.Value(principal{}))
	return nil
}

func (d *doorman) Audit(ctx context.Context, _ *kms.Event) {
	d.told = append(d.told, ctx.Value(principal{}))
}

// What a handle does is done by the one for whom it was made.
func TestHandlesKeepTheirContext(t *testing.T) {
	d := &doorman{}
	k := open(t, memstore.New(), &kms.Options{Authorizer: d, Auditor: d})
	signs := newPairKey(t, k, kms.KeySpecECP256, kms.KeyUsageSignVerify)
	encrypts := newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt)
	ct, err := k.EncryptAsymmetric(t.Context(), encrypts, kms.AlgorithmSM2Encrypt, password)
	must(t, err)
	*d = doorman{}
	signer, err := k.Signer(context.WithValue(t.Context(), principal{}, "alice"), signs)
	must(t, err)
	decrypter, err := k.Decrypter(context.WithValue(t.Context(), principal{}, "bob"), encrypts)
	must(t, err)
	digest := sha256.Sum256(password)
	_, err = signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	must(t, err)
	_, err = decrypter.Decrypt(nil, ct.Ciphertext, nil)
	must(t, err)
	_, err = signer.Sign(rand.Reader, digest[:], crypto.MD5)
	want(t, err, kms.ErrUnsupportedAlgorithm)
	_, err = decrypter.Decrypt(nil, ct.Ciphertext, "options")
	want(t, err, kms.ErrUnsupportedAlgorithm)
	callers := []any{"alice", "bob", "alice", "bob", "alice", "bob"}
	if !slices.Equal(d.asked, callers) || !slices.Equal(d.told, callers) {
		t.Errorf("asked about %v, told of %v", d.asked, d.told)
	}
}

// Options that a handle refuses pass the gate too: only who may sign, or decrypt,
// gets to know that they are refused, and it is on record.
func TestRefusedOptionsPassTheGate(t *testing.T) {
	ctx := t.Context()
	g := &gatekeeper{}
	k := open(t, memstore.New(), &kms.Options{Authorizer: g, Auditor: g})
	signs := newPairKey(t, k, kms.KeySpecECP384, kms.KeyUsageSignVerify)
	encrypts := newPairKey(t, k, kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt)
	signer, err := k.Signer(ctx, signs)
	must(t, err)
	decrypter, err := k.Decrypter(ctx, encrypts)
	must(t, err)
	sign := func(opts crypto.SignerOpts) func() error {
		return func() error { _, err := signer.Sign(rand.Reader, make([]byte, 32), opts); return err }
	}
	decrypt := func(opts crypto.DecrypterOpts) func() error {
		return func() error { _, err := decrypter.Decrypt(nil, make([]byte, 256), opts); return err }
	}
	cases := map[string]struct {
		op, key string
		call    func() error
	}{
		"another hash":  {kms.OpSign, signs, sign(crypto.SHA256)},
		"unknown hash":  {kms.OpSign, signs, sign(crypto.Hash(99))},
		"no options":    {kms.OpSign, signs, sign(nil)},
		"PSS":           {kms.OpSign, signs, sign(&rsa.PSSOptions{Hash: crypto.SHA384})},
		"OAEP of SHA-1": {kms.OpDecryptAsymmetric, encrypts, decrypt(&rsa.OAEPOptions{Hash: crypto.SHA1})},
		"no OAEP":       {kms.OpDecryptAsymmetric, encrypts, decrypt("options")},
	}
	check := func(name string, asked int, sentinel error) {
		t.Helper()
		g.take()
		c := cases[name]
		err := c.call()
		want(t, err, sentinel)
		if e, ok := err.(*kms.Error); !ok || e.Op != c.op || e.Key != c.key {
			t.Errorf("%s: %T %v", name, err, err)
		}
		requests, events := g.take()
		if len(requests) != asked || asked == 1 && (requests[0].Op != c.op || requests[0].KeyID != c.key) {
			t.Errorf("%s: asked %+v", name, requests)
		}
		if len(events) != 1 || events[0].Op != c.op || events[0].Err != err || asked == 1 && events[0].KeyID != c.key {
			t.Errorf("%s: told %+v", name, events)
		}
	}
	for name := range cases {
		g.deny = nil
		check(name, 1, kms.ErrUnsupportedAlgorithm)
		g.deny = func(*kms.Request) error { return errDenied }
		check(name, 1, kms.ErrAccessDenied)
	}
	must(t, k.Close())
	for name := range cases {
		check(name, 0, kms.ErrClosed)
	}
}
