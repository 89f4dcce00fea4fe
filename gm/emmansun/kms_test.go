package emmansun_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

var (
	message = []byte("what one writes, the other reads")
	bound   = kms.EncryptionContext{"to": "both"}
)

// A store that is used with one provider works with the other, and what was
// encrypted, signed or generated under the one is good under the other.
func TestKMS(t *testing.T) {
	skipEnforced(t)
	store := memstore.New()
	for _, c := range directions {
		t.Run(c.name, func(t *testing.T) {
			from, to := openKMS(t, store, c.from), openKMS(t, store, c.to)
			testEnvelopes(t, from, to)
			testPairs(t, from, to)
			testImport(t, from, to)
		})
	}
}

func openKMS(tb testing.TB, store kms.KeyStore, p gm.Provider) *kms.KMS {
	root, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	must(tb, err)
	k, err := kms.Open(context.Background(), store, root, &kms.Options{GM: p})
	must(tb, err)
	tb.Cleanup(func() { k.Close() })
	return k
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newKey(tb testing.TB, k *kms.KMS, spec kms.KeySpec, usage kms.KeyUsage) string {
	tb.Helper()
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Spec: spec, Usage: usage})
	must(tb, err)
	return key.ID
}

func testEnvelopes(t *testing.T, from, to *kms.KMS) {
	ctx, key := t.Context(), newKey(t, from, kms.KeySpecSM4, "")
	for size := 1; size < 200; size += 7 {
		plaintext := bytes.Repeat([]byte{byte(size)}, size)
		sealed, err := from.Encrypt(ctx, key, plaintext, bound)
		must(t, err)
		if got, err := to.Decrypt(ctx, sealed, bound); err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("%d bytes: %x, %v", size, got, err)
		}
	}
	dek, err := from.GenerateDataKey(ctx, key, 16, bound)
	must(t, err)
	back, err := to.DecryptDataKey(ctx, dek.Ciphertext, bound)
	must(t, err)
	if !bytes.Equal(back.Digest(), dek.Digest()) {
		t.Error("another data key came back")
	}
	pair, err := from.GenerateDataKeyPair(ctx, key, kms.KeySpecSM2, bound)
	must(t, err)
	private, err := to.DecryptDataKeyPair(ctx, pair.PrivateKeyCiphertext, bound)
	must(t, err)
	if !bytes.Equal(private.PrivateKey, pair.PrivateKey) || !bytes.Equal(private.PublicKey, pair.PublicKey) {
		t.Error("another pair came back")
	}
}

func testPairs(t *testing.T, from, to *kms.KMS) {
	ctx := t.Context()
	key := newKey(t, from, kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt)
	out, err := from.EncryptAsymmetric(ctx, key, kms.AlgorithmSM2Encrypt, message)
	must(t, err)
	got, err := to.DecryptAsymmetric(ctx, key, out.KeyVersion, out.Algorithm, out.Ciphertext)
	if err != nil || !bytes.Equal(got, message) {
		t.Errorf("decrypted %q, %v", got, err)
	}
	key = newKey(t, from, kms.KeySpecSM2, kms.KeyUsageSignVerify)
	sig, err := from.Sign(ctx, key, kms.AlgorithmSM2DSASM3, message, kms.MessageTypeRaw)
	must(t, err)
	must(t, to.Verify(ctx, key, 1, sig.Algorithm, message, kms.MessageTypeRaw, sig.Signature))
	a, err := from.PublicKey(ctx, key, 0)
	must(t, err)
	b, err := to.PublicKey(ctx, key, 0)
	must(t, err)
	if !bytes.Equal(a.DER, b.DER) {
		t.Errorf("public keys %x and %x", a.DER, b.DER)
	}
	key = newKey(t, from, kms.KeySpecHMACSM3, "")
	mac, err := from.GenerateMAC(ctx, key, message)
	must(t, err)
	must(t, to.VerifyMAC(ctx, key, 1, message, mac.MAC))
}

// An import that one begins, the other completes.
func testImport(t *testing.T, from, to *kms.KMS) {
	ctx := t.Context()
	key, err := from.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4, Origin: kms.OriginExternal})
	must(t, err)
	p, err := from.ImportParameters(ctx, key.ID, kms.WrappingSM2Encrypt)
	must(t, err)
	public, err := smx509.ParsePKIXPublicKey(p.PublicKey)
	must(t, err)
	wrapped, err := sm2.Encrypt(rand.Reader, public.(*ecdsa.PublicKey), message[:16], nil)
	must(t, err)
	must(t, to.ImportKeyMaterial(ctx, key.ID, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrapped}))
	sealed, err := to.Encrypt(ctx, key.ID, message, nil)
	must(t, err)
	if got, err := from.Decrypt(ctx, sealed, nil); err != nil || !bytes.Equal(got, message) {
		t.Errorf("decrypted %q, %v", got, err)
	}
}
