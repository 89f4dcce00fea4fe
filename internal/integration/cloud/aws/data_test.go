package aws_test

import (
	"bytes"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/embedkms/kms"
)

const (
	disabled     = "DisabledException"
	invalidState = "KMSInvalidStateException"
	validation   = "ValidationException"
	unsupported  = "UnsupportedOperationException"
	usage        = "InvalidKeyUsageException"
	dryRun       = "DryRunOperationException"
	incorrectKey = "IncorrectKeyException"
	invalidText  = "InvalidCiphertextException"
)

var (
	about  = kms.EncryptionContext{"service": "orders", "ä<&>": "订单"}
	hello  = []byte("hello")
	yes    = new(true)
	grants = []string{"a-token"}
	rsaKey = &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048, Usage: kms.KeyUsageEncryptDecrypt}
	oaep   = types.EncryptionAlgorithmSpecRsaesOaepSha256
	simple = types.EncryptionAlgorithmSpecSymmetricDefault
)

// sealed returns a ciphertext of the library's.
func (x *world) sealed(t *testing.T, key string) []byte {
	t.Helper()
	blob, err := x.KMS.Encrypt(t.Context(), key, hello, about)
	must(t, err)
	return blob
}

// checkOpens checks that the library opens a ciphertext.
func (x *world) checkOpens(t *testing.T, blob []byte, aad kms.AAD) {
	t.Helper()
	if plaintext, err := x.KMS.Decrypt(t.Context(), blob, aad); err != nil || !bytes.Equal(plaintext, hello) {
		t.Errorf("%q, %v", plaintext, err)
	}
}

func encrypt(t *testing.T, x *world, key string) error {
	return failed(x.client.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &key, Plaintext: hello}))
}

func decryptOf(t *testing.T, x *world, in *sdk.DecryptInput) error {
	in.CiphertextBlob = x.sealed(t, x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"}))
	return failed(x.client.Decrypt(t.Context(), in))
}

var dataOperations = map[string]operation{
	"Encrypt": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			return func(t *testing.T, c *sdk.Client) error {
				for _, ref := range []string{key, "alias/a", arn("key/" + key), arn("alias/a")} {
					out, err := c.Encrypt(t.Context(), &sdk.EncryptInput{
						KeyId: &ref, Plaintext: hello, EncryptionContext: about, EncryptionAlgorithm: simple, GrantTokens: grants,
						DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					x.checkOpens(t, out.CiphertextBlob, about)
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, encrypt), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: new(x.key(t, nil)), Plaintext: hello, DryRun: yes}))
			}},
			"dry run of what is denied": {"AccessDeniedException", func(t *testing.T, x *world) error {
				return failed(x.denied.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: new(x.key(t, nil)), Plaintext: hello, DryRun: yes}))
			}},
			"too long": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: new(x.key(t, nil)), Plaintext: make([]byte, 4097)}))
			}},
			"key for signatures": inState(usage, signingKey, stay, encrypt),
			"pending import":     inState(invalidState, &kms.CreateKeyOptions{Origin: kms.OriginExternal}, stay, encrypt),
		}),
	},
	"Decrypt": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			blob := x.sealed(t, key)
			return func(t *testing.T, c *sdk.Client) error {
				for _, ref := range []*string{nil, &key, new("alias/a"), new(arn("key/" + key))} {
					out, err := c.Decrypt(t.Context(), &sdk.DecryptInput{
						KeyId: ref, CiphertextBlob: blob, EncryptionContext: about, EncryptionAlgorithm: simple,
						GrantTokens: grants, DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					if !bytes.Equal(out.Plaintext, hello) || len(*out.KeyMaterialId) != 64 || out.EncryptionAlgorithm != simple {
						t.Errorf("%+v", out)
					}
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, func(t *testing.T, x *world, key string) error {
			return failed(x.client.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: hello, KeyId: &key, EncryptionAlgorithm: oaep}))
		}), map[string]wrong{
			"disabled": {disabled, func(t *testing.T, x *world) error {
				key := x.key(t, nil)
				blob := x.sealed(t, key)
				disable(x.KMS, t, key)
				return failed(x.client.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: about}))
			}},
			"pending deletion": {invalidState, func(t *testing.T, x *world) error {
				key := x.key(t, nil)
				blob := x.sealed(t, key)
				schedule(x.KMS, t, key)
				return failed(x.client.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: about}))
			}},
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{EncryptionContext: about, DryRun: yes})
			}},
			"another context": {invalidText, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{})
			}},
			"rubbish": {invalidText, func(t *testing.T, x *world) error {
				return failed(x.client.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: hello}))
			}},
			"another key": {incorrectKey, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{EncryptionContext: about, KeyId: new(x.key(t, nil))})
			}},
			"another alias": {incorrectKey, func(t *testing.T, x *world) error {
				x.key(t, &kms.CreateKeyOptions{Alias: "alias/b"})
				return decryptOf(t, x, &sdk.DecryptInput{EncryptionContext: about, KeyId: new("alias/b")})
			}},
			"attested recipient": {unsupported, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{EncryptionContext: about, Recipient: &types.RecipientInfo{AttestationDocument: hello}})
			}},
			"dry run without a ciphertext": {unsupported, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{DryRun: yes, DryRunModifiers: []types.DryRunModifierType{"IGNORE_CIPHERTEXT"}})
			}},
			"asymmetric without a key": {validation, func(t *testing.T, x *world) error {
				return decryptOf(t, x, &sdk.DecryptInput{EncryptionAlgorithm: oaep})
			}},
		}),
	},
	"ReEncrypt": {
		prepare: func(t *testing.T, x *world) call {
			from, to := x.key(t, nil), x.key(t, nil)
			pair := x.key(t, rsaKey)
			blob := x.sealed(t, from)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.ReEncrypt(t.Context(), &sdk.ReEncryptInput{
					CiphertextBlob: blob, SourceKeyId: &from, SourceEncryptionContext: about, SourceEncryptionAlgorithm: simple,
					DestinationKeyId: &to, DestinationEncryptionContext: map[string]string{"a": "b"},
					DestinationEncryptionAlgorithm: simple, GrantTokens: grants, DryRun: new(false),
				})
				if err != nil {
					return err
				}
				checkKey(t, out.SourceKeyId, from)
				checkKey(t, out.KeyId, to)
				x.checkOpens(t, out.CiphertextBlob, kms.EncryptionContext{"a": "b"})
				out, err = c.ReEncrypt(t.Context(), &sdk.ReEncryptInput{
					CiphertextBlob: blob, SourceEncryptionContext: about, DestinationKeyId: &pair, DestinationEncryptionAlgorithm: oaep,
				})
				must(t, err)
				plain, err := c.Decrypt(t.Context(), &sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob, KeyId: &pair, EncryptionAlgorithm: oaep})
				must(t, err)
				if !bytes.Equal(plain.Plaintext, hello) {
					t.Errorf("%q", plain.Plaintext)
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, func(t *testing.T, x *world, key string) error {
			return reEncryptOf(t, x, &sdk.ReEncryptInput{DestinationKeyId: &key, SourceEncryptionContext: about})
		}), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return reEncryptOf(t, x, &sdk.ReEncryptInput{DestinationKeyId: new(x.key(t, nil)), SourceEncryptionContext: about, DryRun: yes})
			}},
			"another context": {invalidText, func(t *testing.T, x *world) error {
				return reEncryptOf(t, x, &sdk.ReEncryptInput{DestinationKeyId: new(x.key(t, nil))})
			}},
			"another source key": {incorrectKey, func(t *testing.T, x *world) error {
				key := x.key(t, nil)
				return reEncryptOf(t, x, &sdk.ReEncryptInput{DestinationKeyId: &key, SourceKeyId: &key, SourceEncryptionContext: about})
			}},
			"destination for signatures": {usage, func(t *testing.T, x *world) error {
				return reEncryptOf(t, x, &sdk.ReEncryptInput{DestinationKeyId: new(x.key(t, signingKey)), SourceEncryptionContext: about})
			}},
		}),
	},
}

func reEncryptOf(t *testing.T, x *world, in *sdk.ReEncryptInput) error {
	in.CiphertextBlob = x.sealed(t, x.key(t, nil))
	return failed(x.client.ReEncrypt(t.Context(), in))
}

// Asymmetric encryption goes both ways, and to the algorithms that a key has.
func TestAsymmetric(t *testing.T) {
	x := start(t)
	sm2Key := &kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt}
	for alg, opts := range map[types.EncryptionAlgorithmSpec]*kms.CreateKeyOptions{oaep: rsaKey, "SM2PKE": sm2Key} {
		key := x.key(t, opts)
		out, err := x.client.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &key, Plaintext: hello, EncryptionAlgorithm: alg})
		must(t, err)
		plain, err := x.client.Decrypt(t.Context(), &sdk.DecryptInput{KeyId: &key, CiphertextBlob: out.CiphertextBlob, EncryptionAlgorithm: alg})
		must(t, err)
		if !bytes.Equal(plain.Plaintext, hello) || plain.EncryptionAlgorithm != alg {
			t.Errorf("%+v", plain)
		}
		checkKey(t, plain.KeyId, key)
		checkError(t, failed(x.client.Encrypt(t.Context(), &sdk.EncryptInput{
			KeyId: &key, Plaintext: hello, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha1,
		})), usage)
		checkError(t, failed(x.client.Encrypt(t.Context(), &sdk.EncryptInput{
			KeyId: &key, Plaintext: hello, EncryptionAlgorithm: alg, EncryptionContext: about,
		})), validation)
	}
}
