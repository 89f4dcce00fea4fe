package kms_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/kmstest"
)

func TestDataKeyPairs(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, under := range specs {
		key := newKey(t, k, under)
		for _, spec := range []kms.KeySpec{kms.KeySpecRSA2048, kms.KeySpecECP256, kms.KeySpecECP384, kms.KeySpecSM2} {
			d, err := k.GenerateDataKeyPair(ctx, key, spec, prod)
			must(t, err)
			if d.KeyID != key || d.KeyVersion != 1 || d.Spec != spec {
				t.Errorf("pair %v", d)
			}
			if spec != kms.KeySpecSM2 {
				checkHalves(t, d)
			}
			info, err := kms.ParseCiphertext(d.PrivateKeyCiphertext)
			if err != nil || info.Purpose != kms.PurposePrivateKey || info.KeyID != key {
				t.Errorf("%+v, %v", info, err)
			}
			_, err = k.RotateKey(ctx, key)
			must(t, err)
			sealed, changed, err := k.ReEncrypt(ctx, d.PrivateKeyCiphertext, prod, nil)
			if err != nil || !changed {
				t.Errorf("re-encrypted: %t, %v", changed, err)
			}
			for _, sealed := range [][]byte{d.PrivateKeyCiphertext, sealed} {
				back, err := k.DecryptDataKeyPair(ctx, sealed, prod)
				must(t, err)
				if !bytes.Equal(back.PrivateKey, d.PrivateKey) || !bytes.Equal(back.PublicKey, d.PublicKey) || back.Spec != spec ||
					!bytes.Equal(back.PrivateKeyCiphertext, sealed) {
					t.Errorf("%s: another pair came back", spec)
				}
				_, err = k.DecryptDataKeyPair(ctx, sealed, nil)
				wantExactly(t, err, kms.ErrInvalidCiphertext, "without its context")
			}
			key = newKey(t, k, under)
		}
	}
}

// checkHalves checks that the halves of a pair are DER, and of one pair.
func checkHalves(t *testing.T, d *kms.DataKeyPair) {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(d.PrivateKey)
	must(t, err)
	public, err := x509.ParsePKIXPublicKey(d.PublicKey)
	must(t, err)
	switch private := private.(type) {
	case *rsa.PrivateKey:
		if !private.PublicKey.Equal(public) {
			t.Error("not one pair")
		}
	case *ecdsa.PrivateKey:
		if !private.PublicKey.Equal(public) {
			t.Error("not one pair")
		}
	default:
		t.Errorf("%T", private)
	}
}

// Data, data keys and private keys never open as each other, and a pair is of a
// spec that has one.
func TestDataKeyPairRefuses(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key, other := newKey(t, k, ""), newKey(t, k, "")
	d, err := k.GenerateDataKeyPairWithoutPlaintext(ctx, key, kms.KeySpecECP256, nil)
	must(t, err)
	if d.PrivateKey != nil || d.PublicKey == nil {
		t.Errorf("a private key of %d bytes", len(d.PrivateKey))
	}
	dek, err := k.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	ct := encrypt(t, k, key, password, nil)
	for name, call := range map[string]func() error{
		"Decrypt":            func() error { _, err := k.Decrypt(ctx, d.PrivateKeyCiphertext, nil); return err },
		"DecryptDataKey":     func() error { _, err := k.DecryptDataKey(ctx, d.PrivateKeyCiphertext, nil); return err },
		"data key as a pair": func() error { _, err := k.DecryptDataKeyPair(ctx, dek.Ciphertext, nil); return err },
		"data as a pair":     func() error { _, err := k.DecryptDataKeyPair(ctx, ct, nil); return err },
		"another key": func() error {
			_, err := k.DecryptDataKeyPairWith(ctx, other, d.PrivateKeyCiphertext, nil)
			return err
		},
	} {
		wantExactly(t, call(), kms.ErrInvalidCiphertext, name)
	}
	if back, err := k.DecryptDataKeyPairWith(ctx, key, d.PrivateKeyCiphertext, nil); err != nil || back.PrivateKey == nil {
		t.Error(err)
	}
	for _, spec := range []kms.KeySpec{"", "EC_P521", kms.KeySpecAES256, kms.KeySpecHMACSM3} {
		_, err := k.GenerateDataKeyPair(ctx, key, spec, nil)
		want(t, err, kms.ErrUnsupportedAlgorithm)
	}
	_, err = k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, kms.EncryptionContext{"": ""})
	want(t, err, kms.ErrInvalidAAD)
}

func TestDataKeyPairIsHidden(t *testing.T) {
	k := kmstest.New(t)
	d, err := k.GenerateDataKeyPair(t.Context(), newKey(t, k, ""), kms.KeySpecECP256, nil)
	must(t, err)
	asJSON, err := json.Marshal(d)
	must(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("pair", "value", *d, "pointer", d)
	secret := d.PrivateKey[36:68]
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %x %d", d, *d, d, d, *d, d), string(asJSON), log.String(), errors.New(d.String()).Error(),
	} {
		for _, form := range []string{string(secret), hex.EncodeToString(secret), strings.Trim(fmt.Sprint(secret), "[]")} {
			if strings.Contains(text, form) {
				t.Errorf("%q shows the private key", text)
			}
		}
	}
	private := d.PrivateKey
	d.Destroy()
	if d.PrivateKey != nil || !bytes.Equal(private, make([]byte, len(private))) {
		t.Error("Destroy has left the private key")
	}
}

// sealAs encrypts a text for a purpose under the material of the first version of a
// key, as others could who have that.
func sealAs(t *testing.T, p suite.Purpose, key string, material, text []byte) []byte {
	t.Helper()
	keys, err := suite.NewKeys(suite.AES256, uuid(t, key), 1, material, gm.Default())
	must(t, err)
	k, err := keys.Key(p)
	must(t, err)
	ct, err := k.Seal(nil, text, suite.Context{Map: prod}, 0)
	must(t, err)
	return ct
}

func uuid(t *testing.T, key string) [16]byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(key, "-", ""))
	must(t, err)
	return [16]byte(b)
}

// A ciphertext that is sound, and of the purpose, and holds no private key, looks
// like any other that does not decrypt.
func TestDataKeyPairOfNoPrivateKey(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newExternalKey(t, k, kms.KeySpecAES256)
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	der := materialsOf(keypair.ECP256)[0]
	sound := sealAs(t, suite.PrivateKey, key, material1, der)
	if d, err := k.DecryptDataKeyPair(ctx, sound, prod); err != nil || !bytes.Equal(d.PrivateKey, der) || d.KeyID != key {
		t.Fatalf("%v, %v", d, err)
	}
	ed25519 := append([]byte("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"), material1...)
	for name, text := range map[string][]byte{
		"a byte": {0}, "a text": password, "a data key": material2, "zeros": make([]byte, len(der)),
		"cut": der[:len(der)-1], "and more": append(bytes.Clone(der), 0), "a scalar": der[36:68],
		"of no spec": ed25519, "too long": make([]byte, 4096),
	} {
		ct := sealAs(t, suite.PrivateKey, key, material1, text)
		d, err := k.DecryptDataKeyPair(ctx, ct, prod)
		if wantExactly(t, err, kms.ErrInvalidCiphertext, name); d != nil {
			t.Errorf("%s: %v", name, d)
		}
		d, err = k.DecryptDataKeyPairWith(ctx, key, ct, prod)
		if wantExactly(t, err, kms.ErrInvalidCiphertext, name); d != nil {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// What a caller gets is its own: changing it changes nothing of what was given, nor
// of what others get.
func TestPairResultsAreCopies(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, usage := range []kms.KeyUsage{kms.KeyUsageSignVerify, kms.KeyUsageEncryptDecrypt} {
		key := newPairKey(t, k, kms.KeySpecRSA2048, usage)
		changed := publicKey(t, k, key)
		der := bytes.Clone(changed.DER)
		clear(changed.DER)
		clear(changed.Algorithms)
		if p := publicKey(t, k, key); !bytes.Equal(p.DER, der) || !slices.Equal(p.Algorithms, offered[kms.KeySpecRSA2048][usage]) {
			t.Errorf("%s: others get %+v", usage, p)
		}
		produced := produce(t, k, key)
		must(t, produced.good(k, 1))
	}
	key := newKey(t, k, "")
	made, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, prod)
	must(t, err)
	given := bytes.Clone(made.PrivateKeyCiphertext)
	for name, decrypt := range map[string]func() (*kms.DataKeyPair, error){
		"DecryptDataKeyPair":     func() (*kms.DataKeyPair, error) { return k.DecryptDataKeyPair(ctx, given, prod) },
		"DecryptDataKeyPairWith": func() (*kms.DataKeyPair, error) { return k.DecryptDataKeyPairWith(ctx, key, given, prod) },
	} {
		first, err := decrypt()
		must(t, err)
		second, err := decrypt()
		must(t, err)
		clear(first.PrivateKeyCiphertext)
		if !bytes.Equal(given, made.PrivateKeyCiphertext) || !bytes.Equal(second.PrivateKeyCiphertext, given) {
			t.Errorf("%s: the ciphertext of a pair is also another's", name)
		}
		clear(given)
		if !bytes.Equal(second.PrivateKeyCiphertext, made.PrivateKeyCiphertext) {
			t.Errorf("%s: the ciphertext of a pair is the caller's", name)
		}
		copy(given, made.PrivateKeyCiphertext)
		clear(first.PrivateKey)
		clear(first.PublicKey)
		if !bytes.Equal(second.PrivateKey, made.PrivateKey) || !bytes.Equal(second.PublicKey, made.PublicKey) {
			t.Errorf("%s: the keys of a pair are also another's", name)
		}
	}
}
