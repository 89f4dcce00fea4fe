package kms_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
	"github.com/embedkms/kms/keystore/memstore"
)

// wrapSM2 wraps material under an SM2 key.
func wrapSM2(tb testing.TB, public, material []byte) []byte {
	tb.Helper()
	point, err := sm2.ParseSPKI(public)
	must(tb, err)
	key, err := sm2.NewPublicKey(gm.Default(), point[:])
	must(tb, err)
	wrapped, err := key.Encrypt(material)
	must(tb, err)
	return wrapped
}

// Material of each kind but RSA is imported under an SM2 key, whether it was
// wrapped by this module's provider or by OpenSSL.
func TestImportUnderSM2(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	wrappers := map[string]func(public, material []byte) []byte{
		"provider": func(public, material []byte) []byte { return wrapSM2(t, public, material) },
		"OpenSSL": func(public, material []byte) []byte {
			wrapped, err := kms.SM2CiphertextFromASN1(d.encrypt(public, material))
			must(t, err)
			return wrapped
		},
	}
	for spec, material := range map[kms.KeySpec][]byte{
		kms.KeySpecAES256: material1, kms.KeySpecSM4: material1[:16],
		kms.KeySpecHMACSHA256: material1, kms.KeySpecHMACSM3: material1,
		kms.KeySpecSM2:    d.privateKey(kms.KeySpecSM2, 0),
		kms.KeySpecECP256: d.privateKey(kms.KeySpecECP256, 0),
		kms.KeySpecECP384: d.privateKey(kms.KeySpecECP384, 0),
	} {
		for name, wrap := range wrappers {
			t.Run(string(spec)+" by "+name, func(t *testing.T) {
				key := newExternalKey(t, k, spec)
				p, err := k.ImportParameters(ctx, key, kms.WrappingSM2Encrypt)
				must(t, err)
				must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
					Token: p.Token, EncryptedMaterial: wrap(p.PublicKey, material),
				}))
				if !d.has(k, key, spec, material) {
					t.Error("the key has another material")
				}
			})
		}
	}
}

// has reports whether the material of a key is this.
func (d *desk) has(k *kms.KMS, key string, spec kms.KeySpec, material []byte) bool {
	d.t.Helper()
	newHash := map[kms.KeySpec]func() hash.Hash{
		kms.KeySpecHMACSHA256: sha256.New, kms.KeySpecHMACSM3: gm.Default().NewSM3,
	}[spec]
	switch {
	case spec == kms.KeySpecAES256 || spec == kms.KeySpecSM4:
		return bytes.Equal(openWith(d.t, spec, material, encrypt(d.t, k, key, password, nil)), password)
	case newHash != nil:
		mac, err := k.GenerateMAC(d.t.Context(), key, password)
		must(d.t, err)
		h := hmac.New(newHash, material)
		h.Write(password)
		return bytes.Equal(mac.MAC, h.Sum(nil))
	}
	return bytes.Equal(publicKey(d.t, k, key).DER, d.publicOf(material))
}

// What does not decrypt under the token's SM2 key is refused with one text, and
// leaves the token in force.
func TestImportUnderSM2Refusals(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, kms.KeySpecSM4)
	p, err := k.ImportParameters(ctx, key, kms.WrappingSM2Encrypt)
	must(t, err)
	other, err := k.ImportParameters(ctx, key, kms.WrappingSM2Encrypt)
	must(t, err)
	good := wrapSM2(t, p.PublicKey, material1[:16])
	der, err := kms.SM2CiphertextToASN1(good)
	must(t, err)
	long := wrapSM2(t, p.PublicKey, make([]byte, 1024))
	texts := map[string]bool{}
	for name, bad := range map[string][]byte{
		"nothing": nil, "one byte": {4}, "not wrapped": material1[:16],
		"point": flipped(good, 64), "hash": flipped(good, 65), "text": flipped(good, len(good)-1),
		"form": flipped(good, 0), "infinity": {0}, "all zero": make([]byte, len(good)),
		"cut": good[:len(good)-1], "no text": good[:97], "and a byte": append(slices.Clone(good), 0),
		"order C1 C2 C3":      slices.Concat(good[:65], good[97:], good[65:97]),
		"DER":                 der,
		"of another token":    wrapSM2(t, other.PublicKey, material1[:16]),
		"twice":               slices.Concat(good, good),
		"more than a message": append(slices.Clone(long), 0), "pieces": slices.Concat(long, long),
	} {
		err := k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: bad})
		if err == nil {
			t.Fatalf("%s: it is taken", name)
		}
		want(t, err, kms.ErrInvalidKeyMaterial)
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("how unwrapping fails shows: %v", texts)
	}
	must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: good}))
}

// An RSA key does not fit into one message of OAEP or SM2, and in several it is
// not put together.
func TestImportRSAInPieces(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	key := newExternalKey(t, k, kms.KeySpecRSA2048)
	for wrapping, size := range map[kms.WrappingAlgorithm]int{fastWrapping: 190, kms.WrappingSM2Encrypt: 1024} {
		p, err := k.ImportParameters(ctx, key, wrapping)
		must(t, err)
		var wrapped []byte
		for piece := range slices.Chunk(d.privateKey(kms.KeySpecRSA2048, 0), size) {
			if wrapping == kms.WrappingSM2Encrypt {
				wrapped = append(wrapped, wrapSM2(t, p.PublicKey, piece)...)
			} else {
				wrapped = append(wrapped, wrap(t, p, piece)...)
			}
			err := k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrapped})
			want(t, err, kms.ErrInvalidKeyMaterial)
		}
	}
}
