package kms_test

import (
	"bytes"
	"crypto/fips140"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore/memstore"
)

// In FIPS 140-3 mode AES keys do everything, and SM4 keys are refused before
// anything is stored. The test runs itself again in that mode.
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
	imported := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, imported, material1, kms.ImportKeyMaterialOptions{}))
	p, err := k.ImportParameters(ctx, imported, kms.WrappingRSAAESKeyWrapSHA256)
	must(t, err)
	kek := bytes.Repeat([]byte{7}, 32)
	wrapped, err := keywrap.Wrap(kek, material2)
	must(t, err)
	must(t, k.ImportKeyMaterial(ctx, imported, &kms.ImportKeyMaterialOptions{
		Token: p.Token, EncryptedMaterial: append(wrap(t, p, kek), wrapped...), NewVersion: true,
	}))
	must(t, k.AddRoot(ctx, root(t, 2)))
	must(t, k.RotateStorageKey(ctx))
	_, err = k.Maintain(ctx)
	must(t, err)
	must(t, k.Export(ctx, io.Discard, root(t, 3)))
	before := count(t, store, "")
	_, err = k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
	want(t, err, kms.ErrUnsupportedAlgorithm)
	_, err = k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4, Origin: kms.OriginExternal})
	want(t, err, kms.ErrUnsupportedAlgorithm)
	if n := count(t, store, ""); n != before {
		t.Error("something was stored")
	}
	// An SM4 key that was made elsewhere does not encrypt here.
	editKey(t, store, key, func(rec *record.Key) {
		rec.Spec = string(kms.KeySpecSM4)
		for i := range rec.Versions {
			rec.Versions[i].Material = rec.Versions[i].Material[:16]
		}
	})
	_, err = open(t, store, nil).Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrUnsupportedAlgorithm)
}
