package kms_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
)

// A Signer and a Decrypter stay with the version that was primary, also after a
// rotation, and stop with it.
func TestHandlesArePinned(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newPairKey(t, k, kms.KeySpecECP256, kms.KeyUsageSignVerify)
	must(t, k.CreateAlias(ctx, "alias/a", key))
	signer, err := k.Signer(ctx, "alias/a")
	must(t, err)
	must(t, k.UpdateAlias(ctx, "alias/a", newPairKey(t, k, kms.KeySpecECP384, kms.KeyUsageSignVerify)))
	_, err = k.RotateKey(ctx, key)
	must(t, err)
	digest := sha256.Sum256(password)
	sign := func() ([]byte, error) { return signer.Sign(rand.Reader, digest[:], crypto.SHA256) }
	sig, err := sign()
	must(t, err)
	if !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], sig) {
		t.Error("not of the public key")
	}
	must(t, k.Verify(ctx, key, 1, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw, sig))
	must(t, k.DisableKey(ctx, key))
	_, err = sign()
	want(t, err, kms.ErrKeyDisabled)
	must(t, k.EnableKey(ctx, key))
	_, err = k.ScheduleVersionDestruction(ctx, key, 1, 0)
	must(t, err)
	_, err = sign()
	want(t, err, kms.ErrKeyPendingDeletion)

	key = newPairKey(t, k, kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt)
	decrypter, err := k.Decrypter(ctx, key)
	must(t, err)
	ct, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, decrypter.Public().(*rsa.PublicKey), password, nil)
	must(t, err)
	_, err = k.RotateKey(ctx, key)
	must(t, err)
	for _, opts := range []crypto.DecrypterOpts{nil, &rsa.OAEPOptions{Hash: crypto.SHA256}, &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA256}} {
		plaintext, err := decrypter.Decrypt(rand.Reader, ct, opts)
		if err != nil || string(plaintext) != string(password) {
			t.Errorf("%+v: %q, %v", opts, plaintext, err)
		}
	}
	must(t, k.ArchiveKey(ctx, key)) // which may decrypt
	_, err = decrypter.Decrypt(nil, ct, nil)
	must(t, err)
}

// Options ask for an algorithm of the key, or are refused; none panics.
func TestSignerOptions(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	pss := func(h crypto.Hash, salt int) *rsa.PSSOptions { return &rsa.PSSOptions{Hash: h, SaltLength: salt} }
	hashes := []crypto.Hash{0, crypto.MD5, crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA512_256, crypto.SHA3_256, 99}
	var every []crypto.SignerOpts
	for _, h := range hashes {
		every = append(every, h, pss(h, rsa.PSSSaltLengthAuto), pss(h, rsa.PSSSaltLengthEqualsHash), pss(h, 32), pss(h, 20), pss(h, -2))
	}
	every = append(every, nil)
	for spec, works := range map[kms.KeySpec]func(opts crypto.SignerOpts) bool{
		kms.KeySpecECP256: func(o crypto.SignerOpts) bool { return o == crypto.SHA256 },
		kms.KeySpecECP384: func(o crypto.SignerOpts) bool { return o == crypto.SHA384 },
		kms.KeySpecSM2:    func(o crypto.SignerOpts) bool { return o == nil || o == crypto.Hash(0) },
		kms.KeySpecRSA2048: func(o crypto.SignerOpts) bool {
			if o == nil || o.HashFunc() != crypto.SHA256 && o.HashFunc() != crypto.SHA384 && o.HashFunc() != crypto.SHA512 {
				return false
			}
			p, ok := o.(*rsa.PSSOptions)
			return !ok || p.SaltLength <= 0 && p.SaltLength >= -1 || p.SaltLength == p.Hash.Size()
		},
	} {
		signer, err := k.Signer(ctx, newPairKey(t, k, spec, kms.KeyUsageSignVerify))
		must(t, err)
		for _, opts := range every {
			digest := make([]byte, 32)
			if opts != nil && opts.HashFunc().Available() {
				digest = make([]byte, opts.HashFunc().Size())
			}
			_, err := signer.Sign(rand.Reader, digest, opts)
			var wanted error
			if !works(opts) {
				wanted = kms.ErrUnsupportedAlgorithm
			}
			if !errors.Is(err, wanted) {
				t.Errorf("%s, %T %+v: %v, want %v", spec, opts, opts, err, wanted)
			}
		}
		_, err = signer.Sign(rand.Reader, make([]byte, 7), map[bool]crypto.SignerOpts{true: crypto.SHA384, false: crypto.SHA256}[spec == kms.KeySpecECP384])
		if spec != kms.KeySpecSM2 {
			want(t, err, kms.ErrInvalidArgument)
		}
	}
}

func TestDecrypterOptions(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	refused := []crypto.DecrypterOpts{
		//lint:ignore SA1019 crypto/tls still asks for it
		&rsa.PKCS1v15DecryptOptions{}, &rsa.OAEPOptions{}, &rsa.OAEPOptions{Hash: crypto.SHA1},
		&rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA1}, &rsa.OAEPOptions{Hash: crypto.SHA256, Label: []byte("l")}, "options",
	}
	for spec, also := range map[kms.KeySpec][]crypto.DecrypterOpts{
		kms.KeySpecRSA2048: nil, kms.KeySpecSM2: {&rsa.OAEPOptions{Hash: crypto.SHA256}},
	} {
		decrypter, err := k.Decrypter(ctx, newPairKey(t, k, spec, kms.KeyUsageEncryptDecrypt))
		must(t, err)
		for _, opts := range append(also, refused...) {
			_, err := decrypter.Decrypt(nil, make([]byte, 256), opts)
			want(t, err, kms.ErrUnsupportedAlgorithm)
		}
	}
}

// The public key of an SM2 Signer is a point that crypto/x509 does not know.
func TestSM2Signer(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newPairKey(t, k, kms.KeySpecSM2, kms.KeyUsageSignVerify)
	signer, err := k.Signer(ctx, key)
	must(t, err)
	public := signer.Public().(*ecdsa.PublicKey)
	if name := public.Curve.Params().Name; name != "sm2p256v1" {
		t.Errorf("on curve %s", name)
	}
	if _, err := x509.MarshalPKIXPublicKey(public); err == nil {
		t.Error("crypto/x509 knows the curve, so say so in the documentation")
	}
	p, err := k.PublicKey(ctx, key, 0)
	must(t, err)
	digest, err := p.SM2Digest([]byte("alice@example.com"), password)
	must(t, err)
	sig, err := signer.Sign(nil, digest, nil)
	must(t, err)
	must(t, k.Verify(ctx, key, 0, kms.AlgorithmSM2DSASM3, digest, kms.MessageTypeDigest, sig))
	wantExactly(t, k.Verify(ctx, key, 0, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw, sig), kms.ErrInvalidSignature, "other user ID")
	_, err = p.SM2Digest(make([]byte, 8192), password)
	want(t, err, kms.ErrInvalidArgument)
	off := bytes.Clone(p.DER)
	off[len(off)-1] ^= 1
	_, err = (&kms.PublicKey{DER: off}).SM2Digest(nil, nil)
	want(t, err, kms.ErrInvalidArgument)
	for _, der := range [][]byte{nil, p.DER[:90], append(p.DER, 0)} {
		_, err = (&kms.PublicKey{DER: der}).SM2Digest(nil, nil)
		want(t, err, kms.ErrUnsupportedAlgorithm)
	}
}

// What a handle does passes the gate like any other call, with its context.
func TestHandlesPassTheGate(t *testing.T) {
	g := &gatekeeper{}
	store := memstore.New()
	k := open(t, store, &kms.Options{Authorizer: g, Auditor: g})
	key := newPairKey(t, k, kms.KeySpecECP384, kms.KeyUsageSignVerify)
	g.take()
	ctx := t.Context()
	signer, err := k.Signer(ctx, key)
	must(t, err)
	digest := sha512.Sum384(password)
	_, err = signer.Sign(rand.Reader, digest[:], crypto.SHA384)
	must(t, err)
	requests, events := g.take()
	if len(requests) != 2 || requests[0].Op != kms.OpPublicKey || requests[1].Op != kms.OpSign || requests[1].KeyID != key {
		t.Errorf("asked %+v", requests)
	}
	if len(events) != 2 || events[1].KeyVersion != 1 || events[1].KeyID != key {
		t.Errorf("told %+v", events)
	}
	g.deny = func(*kms.Request) error { return errDenied }
	_, err = signer.Sign(rand.Reader, digest[:], crypto.SHA384)
	want(t, err, kms.ErrAccessDenied)
}

// The public key that a handle gives away is a copy: who changes it changes
// nothing of the key.
func TestPublicIsACopy(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range []kms.KeySpec{kms.KeySpecRSA2048, kms.KeySpecECP256, kms.KeySpecSM2} {
		key := newPairKey(t, k, spec, kms.KeyUsageSignVerify)
		before, err := k.PublicKey(ctx, key, 0)
		must(t, err)
		signer, err := k.Signer(ctx, key)
		must(t, err)
		switch public := signer.Public().(type) {
		case *rsa.PublicKey:
			public.N.SetInt64(15)
			public.E = 1
		case *ecdsa.PublicKey:
			//lint:ignore SA1019 others may still write to it
			public.X.SetInt64(5)
		}
		if after, err := k.PublicKey(ctx, key, 0); err != nil || !bytes.Equal(before.DER, after.DER) {
			t.Errorf("%s: the KMS now has another public key, %v", spec, err)
		}
		sig, err := k.Sign(ctx, key, before.Algorithms[0], password, kms.MessageTypeRaw)
		must(t, err)
		must(t, k.Verify(ctx, key, 0, sig.Algorithm, password, kms.MessageTypeRaw, sig.Signature))
	}
}
