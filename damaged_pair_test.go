package kms_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore/memstore"
)

// usesOf are the operations that take the material of a key that is a pair or for
// MACs, as everyPairCall names them.
var usesOf = map[kms.KeyUsage][]string{
	kms.KeyUsageEncryptDecrypt:    {"EncryptAsymmetric", "DecryptAsymmetric", "Decrypter", "PublicKey"},
	kms.KeyUsageSignVerify:        {"Sign", "Verify", "Signer", "PublicKey"},
	kms.KeyUsageGenerateVerifyMAC: {"GenerateMAC", "VerifyMAC"},
}

// Stored material that is none of its key's spec is damage, to whatever uses it.
// What is known of the key shows still.
func TestDamagedMaterial(t *testing.T) {
	ctx := t.Context()
	sm2, ec := materialsOf(keypair.SM2), materialsOf(keypair.ECP256)
	for _, c := range []struct {
		spec      kms.KeySpec
		usage     kms.KeyUsage
		materials map[string][]byte
	}{
		{kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt, map[string][]byte{
			"no PKCS #8": []byte("secret 1234"), "of another spec": ec[0], "cut": sm2[0][:len(sm2[0])-1],
		}},
		{kms.KeySpecECP256, kms.KeyUsageSignVerify, map[string][]byte{
			"no PKCS #8": material1, "of another spec": sm2[0], "on another curve": materialsOf(keypair.ECP384)[0],
			"and more": append(bytes.Clone(ec[0]), 0),
		}},
		{kms.KeySpecHMACSHA256, kms.KeyUsageGenerateVerifyMAC, map[string][]byte{
			"a byte": {1}, "16 bytes": material1[:16], "31 bytes": material1[:31],
			"33 bytes": append(bytes.Clone(material1), 1), "64 bytes": bytes.Repeat([]byte{1}, 64),
		}},
		{kms.KeySpecHMACSM3, kms.KeyUsageGenerateVerifyMAC, map[string][]byte{
			"16 bytes": material1[:16], "a private key": sm2[0],
		}},
	} {
		for name, material := range c.materials {
			t.Run(string(c.spec)+"/"+name, func(t *testing.T) {
				store := memstore.New()
				key := newPairKey(t, open(t, store, nil), c.spec, c.usage)
				editKey(t, store, key, func(rec *record.Key) { rec.Versions[0].Material = material })
				k := open(t, store, nil)
				for _, view := range []*kms.KMS{k, k.DryRun(), k} {
					calls := everyPairCall(view, key)
					for _, name := range usesOf[c.usage] {
						err := calls[name](ctx)
						if want(t, err, kms.ErrTampered); bytes.Contains([]byte(err.Error()), material) {
							t.Errorf("%s: %v shows the material", name, err)
						}
					}
				}
				if d := describe(t, k, key); d.Spec != c.spec || d.Usage != c.usage || d.State != kms.KeyStateEnabled {
					t.Errorf("%+v", d)
				}
			})
		}
	}
}

// symmetricUses are the operations that take the material of a symmetric key, as
// everyCallWithKey names them, and RotateKey, which makes more of it.
var symmetricUses = []string{
	"Encrypt", "DecryptWith", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "EncryptDataKey",
	"DecryptDataKeyWith", "RotateKey",
}

// A stored key with a usage that its spec cannot have is of a newer version of the
// module, to whatever uses it. What only manages it does not panic.
func TestStoredUsageOfAnotherSpec(t *testing.T) {
	ctx := t.Context()
	for spec, usage := range map[kms.KeySpec]kms.KeyUsage{
		kms.KeySpecRSA2048:    kms.KeyUsageGenerateVerifyMAC,
		kms.KeySpecECP256:     kms.KeyUsageEncryptDecrypt,
		kms.KeySpecSM2:        kms.KeyUsageGenerateVerifyMAC,
		kms.KeySpecHMACSHA256: kms.KeyUsageSignVerify,
		kms.KeySpecSM4:        kms.KeyUsageSignVerify,
		"ML_KEM_768":          kms.KeyUsageEncryptDecrypt,
		kms.KeySpecAES256:     "KEY_AGREEMENT",
	} {
		t.Run(string(spec)+"/"+string(usage), func(t *testing.T) {
			store := memstore.New()
			maker := open(t, store, nil)
			key, good := newPairKey(t, maker, kms.KeySpecECP256, kms.KeyUsageSignVerify), newKey(t, maker, "")
			ct := forge(encrypt(t, maker, good, password, nil), key)
			editKey(t, store, key, func(rec *record.Key) { rec.Spec, rec.Usage = string(spec), string(usage) })
			k := open(t, store, nil)
			for _, view := range []*kms.KMS{k, k.DryRun()} {
				calls, others := everyPairCall(view, key), everyCallWithKey(view.DryRun(), key)
				for _, name := range symmetricUses {
					calls[name] = everyCallWithKey(view, key)[name]
				}
				calls["Decrypt"] = func(ctx context.Context) error { _, err := view.Decrypt(ctx, ct, nil); return err }
				calls["ReEncrypt"] = func(ctx context.Context) error { _, _, err := view.ReEncrypt(ctx, ct, nil, nil); return err }
				for name, call := range calls {
					t.Run(name, func(t *testing.T) { want(t, call(ctx), kms.ErrFormatTooNew) })
				}
				for name, call := range others {
					if err := call(ctx); err == nil {
						t.Errorf("dry run of %s returned nothing", name)
					}
				}
			}
			for d, err := range k.Keys(ctx, "") {
				must(t, err)
				if d.ID == key && (d.Spec != spec || d.Usage != usage) {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}
