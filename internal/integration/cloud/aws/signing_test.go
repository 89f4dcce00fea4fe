package aws_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/embedkms/kms"
)

var (
	ecdsa  = types.SigningAlgorithmSpecEcdsaSha256
	hmac   = types.MacAlgorithmSpecHmacSha256
	macKey = &kms.CreateKeyOptions{Spec: kms.KeySpecHMACSHA256, Alias: "alias/mac"}
)

func sign(t *testing.T, x *world, key string) error {
	return failed(x.client.Sign(t.Context(), &sdk.SignInput{KeyId: &key, Message: hello, SigningAlgorithm: ecdsa}))
}

func verify(t *testing.T, x *world, key string) error {
	return failed(x.client.Verify(t.Context(), &sdk.VerifyInput{KeyId: &key, Message: hello, Signature: hello, SigningAlgorithm: ecdsa}))
}

func generateMAC(t *testing.T, x *world, key string) error {
	return failed(x.client.GenerateMac(t.Context(), &sdk.GenerateMacInput{KeyId: &key, Message: hello, MacAlgorithm: hmac}))
}

func verifyMAC(t *testing.T, x *world, key string) error {
	return failed(x.client.VerifyMac(t.Context(), &sdk.VerifyMacInput{KeyId: &key, Message: hello, Mac: hello, MacAlgorithm: hmac}))
}

var signingOperations = map[string]operation{
	"Sign": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, signingKey)
			return func(t *testing.T, c *sdk.Client) error {
				digest := sha256.Sum256(hello)
				for mt, message := range map[types.MessageType][]byte{"": hello, "RAW": hello, "DIGEST": digest[:]} {
					out, err := c.Sign(t.Context(), &sdk.SignInput{
						KeyId: &key, Message: message, MessageType: mt, SigningAlgorithm: ecdsa, GrantTokens: grants, DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					must(t, x.KMS.Verify(t.Context(), key, 0, kms.AlgorithmECDSASHA256, hello, kms.MessageTypeRaw, out.Signature))
				}
				return nil
			}
		},
		wrong: and(usual(signingKey, disabled, invalidState, sign), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.Sign(t.Context(), &sdk.SignInput{
					KeyId: new(x.key(t, signingKey)), Message: hello, SigningAlgorithm: ecdsa, DryRun: yes,
				}))
			}},
			"another algorithm": {usage, func(t *testing.T, x *world) error {
				return failed(x.client.Sign(t.Context(), &sdk.SignInput{
					KeyId: new(x.key(t, signingKey)), Message: hello, SigningAlgorithm: types.SigningAlgorithmSpecSm2dsa,
				}))
			}},
			"digest of another size": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.Sign(t.Context(), &sdk.SignInput{
					KeyId: new(x.key(t, signingKey)), Message: hello, MessageType: "DIGEST", SigningAlgorithm: ecdsa,
				}))
			}},
			"too long": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.Sign(t.Context(), &sdk.SignInput{
					KeyId: new(x.key(t, signingKey)), Message: make([]byte, 4097), SigningAlgorithm: ecdsa,
				}))
			}},
			"key that encrypts": inState(usage, nil, stay, sign),
		}),
	},
	"Verify": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, signingKey)
			s, err := x.KMS.Sign(t.Context(), key, kms.AlgorithmECDSASHA256, hello, kms.MessageTypeRaw)
			must(t, err)
			must(t, x.KMS.CreateAlias(t.Context(), "alias/a", key))
			return func(t *testing.T, c *sdk.Client) error {
				for _, ref := range []string{key, "alias/a", arn("alias/a")} {
					out, err := c.Verify(t.Context(), &sdk.VerifyInput{
						KeyId: &ref, Message: hello, MessageType: "RAW", Signature: s.Signature, SigningAlgorithm: ecdsa,
						GrantTokens: grants, DryRun: new(false),
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					if !out.SignatureValid || out.SigningAlgorithm != ecdsa {
						t.Errorf("%+v", out)
					}
				}
				return nil
			}
		},
		wrong: and(usual(signingKey, disabled, invalidState, verify), map[string]wrong{
			"another signature": inState("KMSInvalidSignatureException", signingKey, stay, verify),
			"key that encrypts": inState(usage, nil, stay, verify),
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.Verify(t.Context(), &sdk.VerifyInput{
					KeyId: new(x.key(t, signingKey)), Message: hello, Signature: hello, SigningAlgorithm: ecdsa, DryRun: yes,
				}))
			}},
		}),
	},
	"GetPublicKey": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, signingKey)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.GetPublicKey(t.Context(), &sdk.GetPublicKeyInput{KeyId: &key, GrantTokens: grants})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				p, err := x.KMS.PublicKey(t.Context(), key, 0)
				must(t, err)
				if !bytes.Equal(p.DER, out.PublicKey) || out.KeySpec != "ECC_NIST_P256" || out.KeyUsage != "SIGN_VERIFY" || out.SigningAlgorithms[0] != ecdsa {
					t.Errorf("%+v", out)
				}
				return nil
			}
		},
		wrong: and(usual(signingKey, disabled, invalidState, publicKey), map[string]wrong{
			"symmetric key": inState(unsupported, nil, stay, publicKey),
			"malformed ARN": {"InvalidArnException", func(t *testing.T, x *world) error { return publicKey(t, x, "arn:aws:kms") }},
		}),
	},
	"GenerateMac": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, macKey)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.GenerateMac(t.Context(), &sdk.GenerateMacInput{
					KeyId: new("alias/mac"), Message: hello, MacAlgorithm: hmac, GrantTokens: grants, DryRun: new(false),
				})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				return x.KMS.VerifyMAC(t.Context(), key, 0, hello, out.Mac)
			}
		},
		wrong: and(usual(macKey, disabled, invalidState, generateMAC), map[string]wrong{
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateMac(t.Context(), &sdk.GenerateMacInput{
					KeyId: new(x.key(t, macKey)), Message: hello, MacAlgorithm: hmac, DryRun: yes,
				}))
			}},
			"another algorithm": {usage, func(t *testing.T, x *world) error {
				return failed(x.client.GenerateMac(t.Context(), &sdk.GenerateMacInput{
					KeyId: new(x.key(t, macKey)), Message: hello, MacAlgorithm: types.MacAlgorithmSpecHmacSha512,
				}))
			}},
			"key that encrypts": inState(usage, nil, stay, generateMAC),
		}),
	},
	"VerifyMac": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, macKey)
			mac, err := x.KMS.GenerateMAC(t.Context(), key, hello)
			must(t, err)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.VerifyMac(t.Context(), &sdk.VerifyMacInput{
					KeyId: new("alias/mac"), Message: hello, Mac: mac.MAC, MacAlgorithm: hmac, GrantTokens: grants, DryRun: new(false),
				})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				if !out.MacValid || out.MacAlgorithm != hmac {
					t.Errorf("%+v", out)
				}
				return nil
			}
		},
		wrong: and(usual(macKey, disabled, invalidState, verifyMAC), map[string]wrong{
			"another MAC":       inState("KMSInvalidMacException", macKey, stay, verifyMAC),
			"key that encrypts": inState(usage, nil, stay, verifyMAC),
			"dry run": {dryRun, func(t *testing.T, x *world) error {
				return failed(x.client.VerifyMac(t.Context(), &sdk.VerifyMacInput{
					KeyId: new(x.key(t, macKey)), Message: hello, Mac: hello, MacAlgorithm: hmac, DryRun: yes,
				}))
			}},
		}),
	},
}

func publicKey(t *testing.T, x *world, key string) error {
	return failed(x.client.GetPublicKey(t.Context(), &sdk.GetPublicKeyInput{KeyId: &key}))
}
