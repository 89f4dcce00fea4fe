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
	"strings"
	"testing"

	"github.com/embedkms/kms"
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
