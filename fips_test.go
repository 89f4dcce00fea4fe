package kms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// In FIPS 140-3 mode keys of approved algorithms do everything, and others are
// refused before anything is stored. The test runs itself again in that mode.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFIPS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	t.Run("AES", fipsAES)
	t.Run("RSA", fipsRSA)
	t.Run("EC", fipsEC)
	t.Run("HMAC", fipsHMAC)
	t.Run("data key pairs", fipsDataKeyPairs)
	t.Run("imports", fipsImports)
	t.Run("refusals", fipsRefusals)
	t.Run("made elsewhere", fipsMadeElsewhere)
}

func fipsAES(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, k, "alias/a", password, prod)
	_, err := k.RotateKey(ctx, key)
	must(t, err)
	for _, k := range []*kms.KMS{k, open(t, store, nil)} {
		if pt, err := k.Decrypt(ctx, ct, prod); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%q, %v", pt, err)
		}
		dek, err := k.GenerateDataKey(ctx, key, 32, prod)
		must(t, err)
		_, err = k.EncryptDataKey(ctx, key, dek.Plaintext, dek.Digest(), prod)
		must(t, err)
		_, changed, err := k.ReEncrypt(ctx, ct, prod, nil)
		if err != nil || !changed {
			t.Error(changed, err)
		}
	}
	must(t, k.AddRoot(ctx, root(t, 2)))
	must(t, k.RotateStorageKey(ctx))
	_, err = k.Maintain(ctx)
	must(t, err)
	must(t, k.Export(ctx, io.Discard, root(t, 3)))
}

func fipsRSA(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newKey(t, k, kms.KeySpecRSA2048)
	ct, err := k.EncryptAsymmetric(ctx, key, kms.AlgorithmRSAESOAEPSHA256, password)
	must(t, err)
	got, err := k.DecryptAsymmetric(ctx, key, 0, kms.AlgorithmRSAESOAEPSHA256, ct.Ciphertext)
	if err != nil || !bytes.Equal(got, password) {
		t.Errorf("%q, %v", got, err)
	}
	decrypter, err := k.Decrypter(ctx, key)
	must(t, err)
	got, err = decrypter.Decrypt(nil, ct.Ciphertext, &rsa.OAEPOptions{Hash: crypto.SHA256})
	if err != nil || !bytes.Equal(got, password) {
		t.Errorf("%q, %v", got, err)
	}
	signs := newSigning(t, k, kms.KeySpecRSA2048)
	fipsSigns(t, k, signs)
	digest := sha256.Sum256(password)
	signer, err := k.Signer(ctx, signs)
	must(t, err)
	sig, err := signer.Sign(nil, digest[:], &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash})
	must(t, err)
	must(t, k.Verify(ctx, signs, 0, kms.AlgorithmRSASSAPSSSHA256, digest[:], kms.MessageTypeDigest, sig))
}

func fipsEC(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	for _, spec := range []kms.KeySpec{kms.KeySpecECP256, kms.KeySpecECP384} {
		key := newSigning(t, k, spec)
		fipsSigns(t, k, key)
		hash := map[kms.KeySpec]crypto.Hash{kms.KeySpecECP256: crypto.SHA256, kms.KeySpecECP384: crypto.SHA384}[spec]
		h := hash.New()
		h.Write(password)
		signer, err := k.Signer(ctx, key)
		must(t, err)
		sig, err := signer.Sign(nil, h.Sum(nil), hash)
		must(t, err)
		if !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), h.Sum(nil), sig) {
			t.Errorf("%s: a signature does not verify", spec)
		}
	}
}

// newSigning creates a key for signatures and returns its ID.
func newSigning(tb testing.TB, k *kms.KMS, spec kms.KeySpec) string {
	tb.Helper()
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
	must(tb, err)
	return key.ID
}

// fipsSigns signs and verifies with each algorithm of a key, before and after a
// rotation.
func fipsSigns(t *testing.T, k *kms.KMS, key string) {
	t.Helper()
	ctx := t.Context()
	for range 2 {
		public := publicKey(t, k, key)
		for _, alg := range public.Algorithms {
			sig, err := k.Sign(ctx, key, alg, password, kms.MessageTypeRaw)
			must(t, err)
			must(t, k.Verify(ctx, key, sig.KeyVersion, alg, password, kms.MessageTypeRaw, sig.Signature))
			want(t, k.Verify(ctx, key, 0, alg, material1, kms.MessageTypeRaw, sig.Signature), kms.ErrInvalidSignature)
		}
		_, err := k.RotateKey(ctx, key)
		must(t, err)
	}
}

func fipsHMAC(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newKey(t, k, kms.KeySpecHMACSHA256)
	mac, err := k.GenerateMAC(ctx, key, password)
	must(t, err)
	must(t, k.VerifyMAC(ctx, key, 0, password, mac.MAC))
	want(t, k.VerifyMAC(ctx, key, 0, material1, mac.MAC), kms.ErrInvalidSignature)
}

func fipsDataKeyPairs(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newKey(t, k, "")
	for _, spec := range []kms.KeySpec{kms.KeySpecRSA2048, kms.KeySpecECP256, kms.KeySpecECP384} {
		pair, err := k.GenerateDataKeyPair(ctx, key, spec, prod)
		must(t, err)
		again, err := k.DecryptDataKeyPair(ctx, pair.PrivateKeyCiphertext, prod)
		if err != nil || !bytes.Equal(again.PrivateKey, pair.PrivateKey) || !bytes.Equal(again.PublicKey, pair.PublicKey) {
			t.Errorf("%s: %v, %v", spec, again, err)
		}
	}
}

func fipsImports(t *testing.T) {
	k := open(t, memstore.New(), nil)
	imported := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, imported, material1, kms.ImportKeyMaterialOptions{}))
	must(t, importLong(t, k, imported, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	pair := newExternalKey(t, k, kms.KeySpecECP256)
	must(t, importLong(t, k, pair, der, kms.ImportKeyMaterialOptions{}))
	sig, err := k.Sign(t.Context(), pair, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
	must(t, err)
	if digest := sha256.Sum256(password); !ecdsa.VerifyASN1(&private.PublicKey, digest[:], sig.Signature) {
		t.Error("the signature is of another key")
	}
	for spec, file := range map[kms.KeySpec]string{kms.KeySpecRSA3072: "rsa-3072", kms.KeySpecRSA4096: "rsa-4096"} {
		der, err := os.ReadFile(filepath.Join("internal", "keypair", "testdata", "test-only-"+file+".der"))
		must(t, err)
		key := newExternalKey(t, k, spec)
		must(t, importLong(t, k, key, der, kms.ImportKeyMaterialOptions{}))
		out, err := k.EncryptAsymmetric(t.Context(), key, kms.AlgorithmRSAESOAEPSHA256, password)
		must(t, err)
		plaintext, err := k.DecryptAsymmetric(t.Context(), key, 1, out.Algorithm, out.Ciphertext)
		if err != nil || !bytes.Equal(plaintext, password) {
			t.Errorf("%s: %q, %v", spec, plaintext, err)
		}
	}
}

// wantRefusal fails the test unless err says that FIPS 140-3 mode is the cause.
func wantRefusal(tb testing.TB, err error) {
	tb.Helper()
	want(tb, err, kms.ErrUnsupportedAlgorithm)
	if !strings.Contains(err.Error(), "FIPS 140-3") {
		tb.Errorf("%v does not say why", err)
	}
}

func fipsRefusals(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key, external := newKey(t, k, ""), newExternalKey(t, k, "")
	before := slices.Collect(records(t, store, ""))
	for _, k := range []*kms.KMS{k, k.DryRun()} {
		for _, spec := range []kms.KeySpec{kms.KeySpecSM4, kms.KeySpecSM2, kms.KeySpecHMACSM3} {
			for _, origin := range []kms.Origin{kms.OriginKMS, kms.OriginExternal} {
				_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: spec, Origin: origin, Alias: "alias/refused"})
				wantRefusal(t, err)
			}
		}
		_, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecSM2, nil)
		wantRefusal(t, err)
		_, err = k.GenerateDataKeyPairWithoutPlaintext(ctx, key, kms.KeySpecSM2, nil)
		wantRefusal(t, err)
		_, err = k.ImportParameters(ctx, external, kms.WrappingSM2Encrypt)
		wantRefusal(t, err)
	}
	if after := slices.Collect(records(t, store, "")); !sameRecords(before, after) {
		t.Error("something was changed")
	}
}

// What was made where everything is allowed stays in the store, and does nothing
// here.
func fipsMadeElsewhere(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	var e elsewhere
	fips140.WithoutEnforcement(func() { e = makeElsewhere(t, store) })
	before := slices.Collect(records(t, store, ""))
	k := open(t, store, nil)
	for name, call := range e.calls(ctx, k) {
		t.Run(name, func(t *testing.T) { wantRefusal(t, call()) })
	}
	for _, key := range []string{e.sm4, e.encrypts, e.signs, e.macs} {
		if d := describe(t, k, key); d.State != kms.KeyStateEnabled || d.PrimaryVersion != 1 {
			t.Errorf("%+v", d)
		}
	}
	if after := slices.Collect(records(t, store, "")); !sameRecords(before, after) {
		t.Error("something was changed")
	}
}

// elsewhere is what was made without FIPS 140-3 mode: keys, and what they did.
type elsewhere struct {
	sm4, encrypts, signs, macs, external string
	ct, sm2CT, sig, mac, pairCT          []byte
	importing                            kms.ImportKeyMaterialOptions
}

func makeElsewhere(t *testing.T, store keystore.Store) (e elsewhere) {
	t.Helper()
	ctx := t.Context()
	k := open(t, store, nil)
	e.sm4, e.macs = newKey(t, k, kms.KeySpecSM4), newKey(t, k, kms.KeySpecHMACSM3)
	e.encrypts, e.signs = newKey(t, k, kms.KeySpecSM2), newSigning(t, k, kms.KeySpecSM2)
	e.external = newExternalKey(t, k, "")
	e.ct = encrypt(t, k, e.sm4, password, nil)
	ct, err := k.EncryptAsymmetric(ctx, e.encrypts, kms.AlgorithmSM2Encrypt, password)
	must(t, err)
	sig, err := k.Sign(ctx, e.signs, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw)
	must(t, err)
	mac, err := k.GenerateMAC(ctx, e.macs, password)
	must(t, err)
	pair, err := k.GenerateDataKeyPair(ctx, newKey(t, k, ""), kms.KeySpecSM2, nil)
	must(t, err)
	e.sm2CT, e.sig, e.mac, e.pairCT = ct.Ciphertext, sig.Signature, mac.MAC, pair.PrivateKeyCiphertext
	p, err := k.ImportParameters(ctx, e.external, kms.WrappingSM2Encrypt)
	must(t, err)
	e.importing = kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrapSM2(t, p.PublicKey, material1)}
	return e
}

// calls are those that need what is not approved.
func (e *elsewhere) calls(ctx context.Context, k *kms.KMS) map[string]func() error {
	return map[string]func() error{
		"Encrypt": func() error { _, err := k.Encrypt(ctx, e.sm4, password, nil); return err },
		"Decrypt": func() error { _, err := k.Decrypt(ctx, e.ct, nil); return err },
		"EncryptAsymmetric": func() error {
			_, err := k.EncryptAsymmetric(ctx, e.encrypts, kms.AlgorithmSM2Encrypt, password)
			return err
		},
		"DecryptAsymmetric": func() error {
			_, err := k.DecryptAsymmetric(ctx, e.encrypts, 0, kms.AlgorithmSM2Encrypt, e.sm2CT)
			return err
		},
		"Sign": func() error {
			_, err := k.Sign(ctx, e.signs, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw)
			return err
		},
		"Verify": func() error {
			return k.Verify(ctx, e.signs, 0, kms.AlgorithmSM2DSASM3, password, kms.MessageTypeRaw, e.sig)
		},
		"PublicKey":          func() error { _, err := k.PublicKey(ctx, e.signs, 0); return err },
		"Signer":             func() error { _, err := k.Signer(ctx, e.signs); return err },
		"Decrypter":          func() error { _, err := k.Decrypter(ctx, e.encrypts); return err },
		"GenerateMAC":        func() error { _, err := k.GenerateMAC(ctx, e.macs, password); return err },
		"VerifyMAC":          func() error { return k.VerifyMAC(ctx, e.macs, 0, password, e.mac) },
		"DecryptDataKeyPair": func() error { _, err := k.DecryptDataKeyPair(ctx, e.pairCT, nil); return err },
		"ImportKeyMaterial":  func() error { return k.ImportKeyMaterial(ctx, e.external, &e.importing) },
		"RotateKey of SM4":   func() error { _, err := k.RotateKey(ctx, e.sm4); return err },
		"RotateKey of SM2":   func() error { _, err := k.RotateKey(ctx, e.signs); return err },
		"RotateKey of HMAC":  func() error { _, err := k.RotateKey(ctx, e.macs); return err },
	}
}
