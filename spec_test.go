package kms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

var (
	pairSpecs = []kms.KeySpec{
		kms.KeySpecRSA2048, kms.KeySpecRSA3072, kms.KeySpecRSA4096,
		kms.KeySpecSM2, kms.KeySpecECP256, kms.KeySpecECP384,
	}
	macSpecs = []kms.KeySpec{kms.KeySpecHMACSHA256, kms.KeySpecHMACSM3}
	usages   = []kms.KeyUsage{
		kms.KeyUsageEncryptDecrypt, kms.KeyUsageSignVerify, kms.KeyUsageGenerateVerifyMAC,
	}
	rsaSignatures = []kms.Algorithm{
		kms.AlgorithmRSASSAPSSSHA256, kms.AlgorithmRSASSAPSSSHA384, kms.AlgorithmRSASSAPSSSHA512,
		kms.AlgorithmRSASSAPKCS1V15SHA256, kms.AlgorithmRSASSAPKCS1V15SHA384, kms.AlgorithmRSASSAPKCS1V15SHA512,
	}
	everyAlgorithm = slices.Concat(rsaSignatures, []kms.Algorithm{
		kms.AlgorithmSymmetricDefault, kms.AlgorithmRSAESOAEPSHA256, kms.AlgorithmSM2Encrypt,
		kms.AlgorithmECDSASHA256, kms.AlgorithmECDSASHA384, kms.AlgorithmSM2DSASM3,
		kms.AlgorithmHMACSHA256, kms.AlgorithmHMACSM3, "ECDSA_SHA_512", "RSAES_OAEP_SHA_1", "", "sm2_encrypt",
	})
)

// offered is the whole table of specs, usages and algorithms. Whatever is not in
// it is refused.
var offered = map[kms.KeySpec]map[kms.KeyUsage][]kms.Algorithm{
	kms.KeySpecAES256: {kms.KeyUsageEncryptDecrypt: {kms.AlgorithmSymmetricDefault}},
	kms.KeySpecSM4:    {kms.KeyUsageEncryptDecrypt: {kms.AlgorithmSymmetricDefault}},
	kms.KeySpecRSA2048: {
		kms.KeyUsageEncryptDecrypt: {kms.AlgorithmRSAESOAEPSHA256}, kms.KeyUsageSignVerify: rsaSignatures},
	kms.KeySpecRSA3072: {
		kms.KeyUsageEncryptDecrypt: {kms.AlgorithmRSAESOAEPSHA256}, kms.KeyUsageSignVerify: rsaSignatures},
	kms.KeySpecRSA4096: {
		kms.KeyUsageEncryptDecrypt: {kms.AlgorithmRSAESOAEPSHA256}, kms.KeyUsageSignVerify: rsaSignatures},
	kms.KeySpecSM2: {
		kms.KeyUsageEncryptDecrypt: {kms.AlgorithmSM2Encrypt}, kms.KeyUsageSignVerify: {kms.AlgorithmSM2DSASM3}},
	kms.KeySpecECP256:     {kms.KeyUsageSignVerify: {kms.AlgorithmECDSASHA256}},
	kms.KeySpecECP384:     {kms.KeyUsageSignVerify: {kms.AlgorithmECDSASHA384}},
	kms.KeySpecHMACSHA256: {kms.KeyUsageGenerateVerifyMAC: {kms.AlgorithmHMACSHA256}},
	kms.KeySpecHMACSM3:    {kms.KeyUsageGenerateVerifyMAC: {kms.AlgorithmHMACSM3}},
}

// Every spec with every usage, and of what there is every operation by every
// algorithm: it works, or is refused as documented, and a dry run says the same.
func TestSpecs(t *testing.T) {
	k := kmstest.New(t)
	aes := newKey(t, k, kms.KeySpecAES256)
	for _, spec := range slices.Concat(specs, pairSpecs, macSpecs) {
		for _, usage := range usages {
			t.Run(fmt.Sprintf("%s/%s", spec, usage), func(t *testing.T) {
				t.Parallel()
				key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Spec: spec, Usage: usage})
				if offered[spec][usage] == nil {
					want(t, err, kms.ErrInvalidUsage)
					return
				}
				must(t, err)
				if key.Spec != spec || key.Usage != usage {
					t.Errorf("key %+v", key)
				}
				c := cells{t, k, key.ID, aes, spec, usage}
				c.encryption()
				c.signatures()
				c.macs()
				c.handles()
			})
		}
	}
}

// cells are the operations on a key of one spec and usage.
type cells struct {
	*testing.T
	k     *kms.KMS
	key   string
	aes   string // another key
	spec  kms.KeySpec
	usage kms.KeyUsage
}

func (c cells) symmetric() bool { return slices.Contains(specs, c.spec) }

// refused returns what a call for a usage by an algorithm gets, or nil.
func (c cells) refused(usage kms.KeyUsage, alg kms.Algorithm) error {
	switch {
	case c.usage != usage:
		return kms.ErrInvalidUsage
	case !slices.Contains(offered[c.spec][usage], alg):
		return kms.ErrUnsupportedAlgorithm
	}
	return nil
}

// check makes a call and its dry run.
func (c cells) check(name string, wanted error, call func(k *kms.KMS) error) {
	c.Helper()
	dry := wanted
	if dry == nil {
		dry = kms.ErrDryRun
	}
	if err := call(c.k.DryRun()); !errors.Is(err, dry) {
		c.Errorf("dry run of %s: %v, want %v", name, err, dry)
	}
	if err := call(c.k); !errors.Is(err, wanted) {
		c.Errorf("%s: %v, want %v", name, err, wanted)
	}
}

func (c cells) encryption() {
	ctx := c.Context()
	sym := c.refused(kms.KeyUsageEncryptDecrypt, kms.AlgorithmSymmetricDefault)
	c.check("Encrypt", sym, func(k *kms.KMS) error { _, err := k.Encrypt(ctx, c.key, password, nil); return err })
	c.check("GenerateDataKey", sym, func(k *kms.KMS) error { _, err := k.GenerateDataKey(ctx, c.key, 32, nil); return err })
	c.check("EncryptDataKey", sym, func(k *kms.KMS) error { _, err := k.EncryptDataKey(ctx, c.key, password, nil, nil); return err })
	c.check("GenerateDataKeyPair", sym, func(k *kms.KMS) error {
		_, err := k.GenerateDataKeyPair(ctx, c.key, kms.KeySpecECP256, nil)
		return err
	})
	ct := encrypt(c, c.k, c.aes, password, nil)
	c.check("ReEncrypt", sym, func(k *kms.KMS) error {
		_, _, err := k.ReEncrypt(ctx, ct, nil, &kms.ReEncryptOptions{Key: c.key})
		return err
	})
	// A ciphertext that names a key which makes none is a forgery.
	forged := forge(ct, c.key)
	for _, k := range []*kms.KMS{c.k, c.k.DryRun()} {
		_, err := k.Decrypt(ctx, forged, nil)
		if c.symmetric() && k != c.k {
			want(c, err, kms.ErrDryRun)
		} else {
			want(c, err, kms.ErrInvalidCiphertext)
		}
	}
	for _, alg := range everyAlgorithm {
		refused := c.refused(kms.KeyUsageEncryptDecrypt, alg)
		if alg == kms.AlgorithmSymmetricDefault && refused == nil {
			refused = kms.ErrUnsupportedAlgorithm
		}
		name := "EncryptAsymmetric " + string(alg)
		var out *kms.AsymmetricCiphertext
		c.check(name, refused, func(k *kms.KMS) (err error) {
			out, err = k.EncryptAsymmetric(ctx, c.key, alg, password)
			return err
		})
		if refused != nil {
			out = &kms.AsymmetricCiphertext{}
		} else if out.KeyID != c.key || out.KeyVersion != 1 || out.Algorithm != alg {
			c.Errorf("%s: %+v", name, out)
		}
		c.check("De"+name[2:], refused, func(k *kms.KMS) error {
			plaintext, err := k.DecryptAsymmetric(ctx, c.key, out.KeyVersion, alg, out.Ciphertext)
			if err == nil && !bytes.Equal(plaintext, password) {
				err = fmt.Errorf("decrypted %q", plaintext)
			}
			return err
		})
	}
}

func (c cells) signatures() {
	ctx := c.Context()
	for _, alg := range everyAlgorithm {
		refused := c.refused(kms.KeyUsageSignVerify, alg)
		sig := &kms.Signature{}
		c.check("Sign "+string(alg), refused, func(k *kms.KMS) error {
			made, err := k.Sign(ctx, c.key, alg, password, kms.MessageTypeRaw)
			if err == nil {
				sig = made
			}
			return err
		})
		if refused == nil && (sig.KeyID != c.key || sig.KeyVersion != 1 || sig.Algorithm != alg) {
			c.Errorf("%s: %+v", alg, sig)
		}
		c.check("Verify "+string(alg), refused, func(k *kms.KMS) error {
			return k.Verify(ctx, c.key, sig.KeyVersion, alg, password, kms.MessageTypeRaw, sig.Signature)
		})
	}
}

func (c cells) macs() {
	var refused error
	if c.usage != kms.KeyUsageGenerateVerifyMAC {
		refused = kms.ErrInvalidUsage
	}
	mac := &kms.MAC{}
	c.check("GenerateMAC", refused, func(k *kms.KMS) error {
		made, err := k.GenerateMAC(c.Context(), c.key, password)
		if err == nil {
			mac = made
		}
		return err
	})
	if refused == nil && (mac.KeyID != c.key || mac.KeyVersion != 1 || mac.Algorithm != offered[c.spec][c.usage][0]) {
		c.Errorf("MAC %+v", mac)
	}
	c.check("VerifyMAC", refused, func(k *kms.KMS) error {
		return k.VerifyMAC(c.Context(), c.key, mac.KeyVersion, password, mac.MAC)
	})
}

func (c cells) handles() {
	ctx := c.Context()
	var public, signer, decrypter error
	if !slices.Contains(pairSpecs, c.spec) {
		public, signer, decrypter = kms.ErrUnsupportedAlgorithm, kms.ErrUnsupportedAlgorithm, kms.ErrUnsupportedAlgorithm
	}
	if c.usage != kms.KeyUsageSignVerify {
		signer = kms.ErrInvalidUsage
	}
	if c.usage != kms.KeyUsageEncryptDecrypt {
		decrypter = kms.ErrInvalidUsage
	}
	c.check("PublicKey", public, func(k *kms.KMS) error {
		p, err := k.PublicKey(ctx, c.key, 0)
		if err == nil && (p.KeyID != c.key || p.KeyVersion != 1 || p.Spec != c.spec ||
			!slices.Equal(p.Algorithms, offered[c.spec][c.usage])) {
			err = fmt.Errorf("public key %+v", p)
		}
		return err
	})
	c.check("Signer", signer, func(k *kms.KMS) error { _, err := k.Signer(ctx, c.key); return err })
	c.check("Decrypter", decrypter, func(k *kms.KMS) error {
		d, err := k.Decrypter(ctx, c.key)
		if err != nil {
			return err
		}
		_, err = d.Decrypt(rand.Reader, password, nil)
		want(c, err, kms.ErrInvalidCiphertext)
		_, err = d.Decrypt(rand.Reader, password, crypto.SHA256)
		want(c, err, kms.ErrUnsupportedAlgorithm)
		return nil
	})
	if c.spec != kms.KeySpecRSA3072 && c.spec != kms.KeySpecRSA4096 { // which take seconds
		c.check("RotateKey", nil, func(k *kms.KMS) error { _, err := k.RotateKey(ctx, c.key); return err })
	}
	period := 90 * day
	wanted := kms.ErrInvalidState
	if c.symmetric() {
		wanted = nil
	}
	c.check("UpdateKey", wanted, func(k *kms.KMS) error {
		_, err := k.UpdateKey(ctx, c.key, &kms.UpdateKeyOptions{RotationPeriod: &period})
		return err
	})
}

// forge returns a ciphertext that says it is of another key.
func forge(ct []byte, key string) []byte {
	id, err := hex.DecodeString(strings.ReplaceAll(key, "-", ""))
	if err != nil {
		panic(err)
	}
	return slices.Concat(ct[:3], id, ct[19:])
}
