package kms_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

// What OpenSSL signs verifies here, and the other way round, under the public key
// that each has of a private key which both have.
func TestOpenSSLSigns(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	message := bytes.Repeat([]byte("message "), 1000)
	other := bytes.Repeat([]byte("massage "), 1000)
	for spec := range genpkeyOptions {
		key, private := d.importPair(k, spec, kms.KeyUsageSignVerify)
		public := publicKey(t, k, key)
		t.Run(fmt.Sprint(spec, " public key"), func(t *testing.T) { d.readsPEM(t, public, private) })
		for _, alg := range public.Algorithms {
			t.Run(fmt.Sprint(spec, " ", alg), func(t *testing.T) {
				theirs := d.sign(private, message, opensslOptions[alg]...)
				must(t, k.Verify(ctx, key, 0, alg, message, kms.MessageTypeRaw, theirs))
				want(t, k.Verify(ctx, key, 0, alg, other, kms.MessageTypeRaw, theirs), kms.ErrInvalidSignature)
				ours, err := k.Sign(ctx, key, alg, message, kms.MessageTypeRaw)
				must(t, err)
				if !d.verifies(public.DER, message, ours.Signature, opensslOptions[alg]...) {
					t.Error("OpenSSL refuses the signature")
				}
				if d.verifies(public.DER, other, ours.Signature, opensslOptions[alg]...) {
					t.Error("OpenSSL takes the signature for one of another message")
				}
			})
		}
	}
}

// readsPEM fails the test unless OpenSSL reads the PEM of a public key, finds it
// sound, and has the same of the private key.
func (d *desk) readsPEM(t *testing.T, public *kms.PublicKey, private []byte) {
	t.Helper()
	if der := d.publicOf(private); !bytes.Equal(der, public.DER) {
		t.Errorf("OpenSSL's public key is %x, not %x", der, public.DER)
	}
	d.put("public.pem", public.PEM())
	if der := d.run("pkey", "-pubin", "-in", "public.pem", "-outform", "DER"); !bytes.Equal(der, public.DER) {
		t.Errorf("OpenSSL reads %x, not %x", der, public.DER)
	}
	if out, err := d.try("pkey", "-pubin", "-in", "public.pem", "-pubcheck", "-noout"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The user ID of an SM2 signature is what both sides say, and counts. OpenSSL's
// own is empty, and not that of MessageTypeRaw.
func TestOpenSSLSignsWithUserID(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	key, private := d.importPair(k, kms.KeySpecSM2, kms.KeyUsageSignVerify)
	public := publicKey(t, k, key)
	for userID, options := range map[string][]string{
		"ALICE123@YAHOO.COM": sm2WithOpenSSL("ALICE123@YAHOO.COM"), "": {"-rawin", "-digest", "sm3"},
	} {
		digest, err := public.SM2Digest([]byte(userID), password)
		must(t, err)
		theirs := d.sign(private, password, options...)
		ours, err := k.Sign(ctx, key, kms.AlgorithmSM2DSASM3, digest, kms.MessageTypeDigest)
		must(t, err)
		must(t, k.Verify(ctx, key, 0, kms.AlgorithmSM2DSASM3, digest, kms.MessageTypeDigest, theirs))
		if !d.verifies(public.DER, password, ours.Signature, options...) {
			t.Errorf("with the user ID %q OpenSSL refuses the signature", userID)
		}
		err = k.Verify(ctx, key, 0, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw, theirs)
		want(t, err, kms.ErrInvalidSignature)
		if d.verifies(public.DER, password, ours.Signature, opensslOptions[kms.AlgorithmSM2DSASM3]...) {
			t.Errorf("OpenSSL takes the user ID %q for another", userID)
		}
	}
}

// OpenSSL has the same MACs under the same key.
func TestOpenSSLMACs(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	for spec, hash := range map[kms.KeySpec]string{kms.KeySpecHMACSHA256: "SHA256", kms.KeySpecHMACSM3: "SM3"} {
		key := newExternalKey(t, k, spec)
		must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
		for _, size := range []int{0, 1, 55, 64, 10_000} {
			message := bytes.Repeat([]byte{'m'}, size)
			d.put("message", message)
			theirs := d.run("mac", "-digest", hash, "-macopt", "hexkey:"+hex.EncodeToString(material1),
				"-in", "message", "-binary", "HMAC")
			must(t, k.VerifyMAC(ctx, key, 0, message, theirs))
			if ours, err := k.GenerateMAC(ctx, key, message); err != nil || !bytes.Equal(ours.MAC, theirs) {
				t.Errorf("%s of %d bytes: %x, %v; OpenSSL has %x", spec, size, ours.MAC, err, theirs)
			}
		}
	}
}
