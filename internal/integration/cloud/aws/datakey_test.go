package aws_test

import (
	"bytes"
	"crypto/x509"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/embedkms/kms"
)

var recipient = &types.RecipientInfo{AttestationDocument: hello, KeyEncryptionAlgorithm: types.KeyEncryptionMechanismRsaesOaepSha256}

func generate(t *testing.T, x *world, key string) error {
	return generateBy(t, x, &sdk.GenerateDataKeyInput{KeyId: &key, KeySpec: types.DataKeySpecAes256})
}

func generateBy(t *testing.T, x *world, in *sdk.GenerateDataKeyInput) error {
	if in.KeyId == nil {
		in.KeyId = new(x.key(t, nil))
	}
	return failed(x.client.GenerateDataKey(t.Context(), in))
}

func generateWithout(t *testing.T, x *world, key string) error {
	return failed(x.client.GenerateDataKeyWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyWithoutPlaintextInput{
		KeyId: &key, NumberOfBytes: new(int32(32)),
	}))
}

func generatePair(t *testing.T, x *world, key string) error {
	return failed(x.client.GenerateDataKeyPair(t.Context(), &sdk.GenerateDataKeyPairInput{
		KeyId: &key, KeyPairSpec: types.DataKeyPairSpecEccNistP256,
	}))
}

func generatePairWithout(t *testing.T, x *world, key string) error {
	return failed(x.client.GenerateDataKeyPairWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyPairWithoutPlaintextInput{
		KeyId: &key, KeyPairSpec: types.DataKeyPairSpecEccNistP256,
	}))
}

// checkDataKey checks a data key, of so many bytes, and of the plaintext if it is there.
func (x *world) checkDataKey(t *testing.T, blob, plaintext []byte, size int) {
	t.Helper()
	d, err := x.KMS.DecryptDataKey(t.Context(), blob, about)
	must(t, err)
	if len(d.Plaintext) != size || plaintext != nil && !bytes.Equal(plaintext, d.Plaintext) {
		t.Errorf("%d bytes, want %d", len(d.Plaintext), size)
	}
}

var dataKeyOperations = map[string]operation{
	"GenerateDataKey": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				for _, d := range []struct {
					spec  types.DataKeySpec
					bytes *int32
					size  int
				}{{"AES_256", nil, 32}, {"AES_128", nil, 16}, {"", new(int32(1)), 1}, {"", new(int32(1024)), 1024}} {
					out, err := c.GenerateDataKey(t.Context(), &sdk.GenerateDataKeyInput{
						KeyId: &key, KeySpec: d.spec, NumberOfBytes: d.bytes, EncryptionContext: about, GrantTokens: grants, DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					x.checkDataKey(t, out.CiphertextBlob, out.Plaintext, d.size)
					plain, err := c.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob, EncryptionContext: about})
					must(t, err)
					if !bytes.Equal(plain.Plaintext, out.Plaintext) || *plain.KeyMaterialId != *out.KeyMaterialId || len(out.Plaintext) != d.size {
						t.Error("Decrypt returns another data key")
					}
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, generate), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return generateBy(t, x, &sdk.GenerateDataKeyInput{KeySpec: "AES_256", DryRun: yes})
			}},
			"both sizes": {validation, func(t *testing.T, x *world) error {
				return generateBy(t, x, &sdk.GenerateDataKeyInput{KeySpec: "AES_256", NumberOfBytes: new(int32(32))})
			}},
			"no size": {validation, func(t *testing.T, x *world) error { return generateBy(t, x, &sdk.GenerateDataKeyInput{}) }},
			"too long": {validation, func(t *testing.T, x *world) error {
				return generateBy(t, x, &sdk.GenerateDataKeyInput{NumberOfBytes: new(int32(1025))})
			}},
			"attested recipient": {unsupported, func(t *testing.T, x *world) error {
				return generateBy(t, x, &sdk.GenerateDataKeyInput{KeySpec: "AES_256", Recipient: recipient})
			}},
			"key for signatures": inState(usage, signingKey, stay, generate),
			"asymmetric key":     inState(usage, rsaKey, stay, generate),
		}),
	},
	"GenerateDataKeyWithoutPlaintext": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				for _, in := range []*sdk.GenerateDataKeyWithoutPlaintextInput{{KeySpec: "AES_256"}, {NumberOfBytes: new(int32(32))}} {
					in.KeyId, in.EncryptionContext, in.GrantTokens, in.DryRun = &key, about, grants, new(false)
					out, err := c.GenerateDataKeyWithoutPlaintext(t.Context(), in)
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					x.checkDataKey(t, out.CiphertextBlob, nil, 32)
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, generateWithout), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateDataKeyWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyWithoutPlaintextInput{
					KeyId: new(x.key(t, nil)), KeySpec: "AES_256", DryRun: yes,
				}))
			}},
			"key for signatures": inState(usage, signingKey, stay, generateWithout),
		}),
	},
	"GenerateDataKeyPair": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				for _, spec := range []types.DataKeyPairSpec{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "SM2"} {
					out, err := c.GenerateDataKeyPair(t.Context(), &sdk.GenerateDataKeyPairInput{
						KeyId: &key, KeyPairSpec: spec, EncryptionContext: about, GrantTokens: grants, DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					if _, err := x509.ParsePKIXPublicKey(out.PublicKey); err != nil && spec != "SM2" || out.KeyPairSpec != spec {
						t.Errorf("%s: %s, %v", spec, out.KeyPairSpec, err)
					}
					plain, err := c.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: out.PrivateKeyCiphertextBlob, EncryptionContext: about})
					must(t, err)
					if !bytes.Equal(plain.Plaintext, out.PrivateKeyPlaintext) {
						t.Error("Decrypt returns another private key")
					}
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, generatePair), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateDataKeyPair(t.Context(), &sdk.GenerateDataKeyPairInput{
					KeyId: new(x.key(t, nil)), KeyPairSpec: "SM2", DryRun: yes,
				}))
			}},
			"another curve": {unsupported, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateDataKeyPair(t.Context(), &sdk.GenerateDataKeyPairInput{
					KeyId: new(x.key(t, nil)), KeyPairSpec: types.DataKeyPairSpecEccNistP521,
				}))
			}},
			"attested recipient": {unsupported, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateDataKeyPair(t.Context(), &sdk.GenerateDataKeyPairInput{
					KeyId: new(x.key(t, nil)), KeyPairSpec: "SM2", Recipient: recipient,
				}))
			}},
			"asymmetric key": inState(usage, rsaKey, stay, generatePair),
		}),
	},
	"GenerateDataKeyPairWithoutPlaintext": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.GenerateDataKeyPairWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyPairWithoutPlaintextInput{
					KeyId: &key, KeyPairSpec: "ECC_NIST_P256", EncryptionContext: about, GrantTokens: grants, DryRun: new(false),
				})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				p, err := x.KMS.DecryptDataKeyPair(t.Context(), out.PrivateKeyCiphertextBlob, about)
				must(t, err)
				if !bytes.Equal(p.PublicKey, out.PublicKey) || out.KeyPairSpec != "ECC_NIST_P256" {
					t.Error("another pair")
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, generatePairWithout), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateDataKeyPairWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyPairWithoutPlaintextInput{
					KeyId: new(x.key(t, nil)), KeyPairSpec: "SM2", DryRun: yes,
				}))
			}},
			"asymmetric key": inState(usage, rsaKey, stay, generatePairWithout),
		}),
	},
	"GenerateRandom": {
		prepare: func(t *testing.T, x *world) call {
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{NumberOfBytes: new(int32(1024))})
				if err == nil && len(out.Plaintext) != 1024 {
					t.Errorf("%d bytes", len(out.Plaintext))
				}
				return err
			}
		},
		wrong: map[string]wrong{
			"too long": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{NumberOfBytes: new(int32(1025))}))
			}},
			"no size": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{}))
			}},
			"attested recipient": {unsupported, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{NumberOfBytes: new(int32(1)), Recipient: recipient}))
			}},
			"custom key store": {unsupported, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{NumberOfBytes: new(int32(1)), CustomKeyStoreId: new("cks-1")}))
			}},
		},
	},
}

var signingKey = &kms.CreateKeyOptions{Spec: kms.KeySpecECP256, Usage: kms.KeyUsageSignVerify}
