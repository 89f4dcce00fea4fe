package aws_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/embedkms/kms"
)

const (
	notFound   = "NotFoundException"
	invalidARN = "InvalidArnException"
)

func createBy(in sdk.CreateKeyInput) func(t *testing.T, x *world) error {
	return func(t *testing.T, x *world) error { return failed(x.client.CreateKey(t.Context(), &in)) }
}

func tagged(kv ...string) (tags []types.Tag) {
	for i := 0; i < len(kv); i += 2 {
		tags = append(tags, types.Tag{TagKey: &kv[i], TagValue: &kv[i+1]})
	}
	return tags
}

// state returns the state of a key, as the library has it.
func (x *world) state(t *testing.T, key string) kms.KeyState {
	t.Helper()
	k, err := x.KMS.DescribeKey(t.Context(), key)
	must(t, err)
	return k.State
}

func (x *world) checkState(t *testing.T, key string, want kms.KeyState) {
	t.Helper()
	if got := x.state(t, key); got != want {
		t.Errorf("state %s, want %s", got, want)
	}
}

// onKey makes calls that take a key only. The key's state is then as said.
func onKey(create func(t *testing.T, x *world) string, want kms.KeyState, do func(t *testing.T, c *sdk.Client, key string) error) func(t *testing.T, x *world) call {
	return func(t *testing.T, x *world) call {
		key := create(t, x)
		return func(t *testing.T, c *sdk.Client) error {
			if err := do(t, c, arn("key/"+key)); err != nil {
				return err
			}
			x.checkState(t, key, want)
			return nil
		}
	}
}

func fresh(t *testing.T, x *world) string { return x.key(t, nil) }

func disabledKey(t *testing.T, x *world) string {
	key := x.key(t, nil)
	disable(x.KMS, t, key)
	return key
}

func scheduledKey(t *testing.T, x *world) string {
	key := x.key(t, nil)
	schedule(x.KMS, t, key)
	return key
}

func enable(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.EnableKey(t.Context(), &sdk.EnableKeyInput{KeyId: &key}))
}

func disableBy(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.DisableKey(t.Context(), &sdk.DisableKeyInput{KeyId: &key}))
}

func scheduleBy(t *testing.T, c *sdk.Client, key string) error {
	out, err := c.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: new(int32(7))})
	if err != nil {
		return err
	}
	days := time.Until(*out.DeletionDate).Hours() / 24
	if *out.KeyId != key || out.KeyState != "PendingDeletion" || *out.PendingWindowInDays != 7 || days < 6 || days > 8 {
		t.Errorf("%+v", out)
	}
	return nil
}

func cancel(t *testing.T, c *sdk.Client, key string) error {
	out, err := c.CancelKeyDeletion(t.Context(), &sdk.CancelKeyDeletionInput{KeyId: &key})
	if err == nil && *out.KeyId != key {
		t.Error(*out.KeyId)
	}
	return err
}

func updateDescription(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.UpdateKeyDescription(t.Context(), &sdk.UpdateKeyDescriptionInput{KeyId: &key, Description: new("another <&> 说明")}))
}

func describe(t *testing.T, x *world, key string) error {
	return failed(x.client.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: &key}))
}

// by makes a call as the others are.
func by(do func(t *testing.T, c *sdk.Client, key string) error) func(t *testing.T, x *world, key string) error {
	return func(t *testing.T, x *world, key string) error { return do(t, x.client, key) }
}

// misnamed are what goes wrong with all names of a key, where no alias may be.
func misnamed(do func(t *testing.T, x *world, key string) error) map[string]wrong {
	named := func(name string) func(t *testing.T, x *world) error {
		return func(t *testing.T, x *world) error {
			x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			return do(t, x, name)
		}
	}
	return map[string]wrong{
		"malformed ARN":   {invalidARN, named("arn:aws:kms:nowhere")},
		"another account": {notFound, named("arn:aws:kms:" + region + ":111122223333:key/" + nowhere)},
		"alias":           {notFound, named("alias/a")},
		"alias ARN":       {notFound, named(arn("alias/a"))},
	}
}

var keyOperations = map[string]operation{
	"CreateKey": {
		prepare: func(t *testing.T, x *world) call {
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.CreateKey(t.Context(), &sdk.CreateKeyInput{
					Description: new("of orders"), KeySpec: "ECC_NIST_P384", KeyUsage: "SIGN_VERIFY", Origin: "AWS_KMS",
					MultiRegion: new(false), BypassPolicyLockoutSafetyCheck: true, Tags: tagged("a", "b", "c", ""),
				})
				if err != nil {
					return err
				}
				m := out.KeyMetadata
				k, err := x.KMS.DescribeKey(t.Context(), *m.KeyId)
				must(t, err)
				if k.Description != "of orders" || k.Spec != kms.KeySpecECP384 || k.Usage != kms.KeyUsageSignVerify || k.Tags["a"] != "b" || len(k.Tags) != 2 {
					t.Errorf("%+v", k)
				}
				checkKey(t, m.Arn, k.ID)
				if *m.AWSAccountId != "000000000000" || !m.Enabled || m.KeyState != "Enabled" || m.KeyManager != "CUSTOMER" || *m.MultiRegion ||
					m.SigningAlgorithms[0] != "ECDSA_SHA_384" || m.Origin != "AWS_KMS" || time.Since(*m.CreationDate).Abs() > time.Minute {
					t.Errorf("%+v", m)
				}
				//lint:ignore SA1019 others may still use it
				_, err = c.CreateKey(t.Context(), &sdk.CreateKeyInput{CustomerMasterKeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT"})
				must(t, err)
				_, err = c.CreateKey(t.Context(), &sdk.CreateKeyInput{})
				return err
			}
		},
		wrong: map[string]wrong{
			"policy":               {unsupported, createBy(sdk.CreateKeyInput{Policy: new("{}")})},
			"several regions":      {unsupported, createBy(sdk.CreateKeyInput{MultiRegion: yes})},
			"custom key store":     {unsupported, createBy(sdk.CreateKeyInput{CustomKeyStoreId: new("cks-1")})},
			"external key":         {unsupported, createBy(sdk.CreateKeyInput{XksKeyId: new("x")})},
			"another curve":        {unsupported, createBy(sdk.CreateKeyInput{KeySpec: "ECC_NIST_P521", KeyUsage: "SIGN_VERIFY"})},
			"another origin":       {unsupported, createBy(sdk.CreateKeyInput{Origin: "AWS_CLOUDHSM"})},
			"key agreement":        {unsupported, createBy(sdk.CreateKeyInput{KeySpec: "SM2", KeyUsage: "KEY_AGREEMENT"})},
			"no such spec":         {validation, createBy(sdk.CreateKeyInput{KeySpec: "NO_SUCH"})},
			"usage does not fit":   {validation, createBy(sdk.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "SIGN_VERIFY"})},
			"no usage":             {validation, createBy(sdk.CreateKeyInput{KeySpec: "RSA_2048"})},
			"description too long": {validation, createBy(sdk.CreateKeyInput{Description: new(strings.Repeat("a", 8193))})},
			"reserved tag":         {"TagException", createBy(sdk.CreateKeyInput{Tags: tagged("aws:a", "b")})},
		},
	},
	"DescribeKey": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{Alias: "alias/a", Description: "d"})
			schedule(x.KMS, t, key)
			return func(t *testing.T, c *sdk.Client) error {
				for _, ref := range []string{key, "alias/a", arn("key/" + key), arn("alias/a")} {
					out, err := c.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: &ref, GrantTokens: grants})
					if err != nil {
						return err
					}
					m := out.KeyMetadata
					if *m.KeyId != key || m.KeyState != "PendingDeletion" || m.DeletionDate == nil || m.Enabled || *m.Description != "d" ||
						m.KeySpec != "SYMMETRIC_DEFAULT" || m.KeyUsage != "ENCRYPT_DECRYPT" || m.EncryptionAlgorithms[0] != simple || len(*m.CurrentKeyMaterialId) != 64 {
						t.Errorf("%+v", m)
					}
				}
				return nil
			}
		},
		wrong: and(usual(nil, "", "", describe), map[string]wrong{
			"no such alias": {notFound, func(t *testing.T, x *world) error { return describe(t, x, "alias/no") }},
			"malformed ARN": {invalidARN, func(t *testing.T, x *world) error { return describe(t, x, "arn:x") }},
		}),
	},
	"ListKeys": {
		prepare: func(t *testing.T, x *world) call {
			keys := map[string]bool{}
			for range 5 {
				keys[x.key(t, nil)] = true
			}
			return func(t *testing.T, c *sdk.Client) error {
				p := sdk.NewListKeysPaginator(c, &sdk.ListKeysInput{Limit: new(int32(2))})
				for p.HasMorePages() {
					out, err := p.NextPage(t.Context())
					if err != nil {
						return err
					}
					for _, k := range out.Keys {
						checkKey(t, k.KeyArn, *k.KeyId)
						delete(keys, *k.KeyId)
					}
				}
				if len(keys) > 0 {
					t.Errorf("%v are not in the list", keys)
				}
				return nil
			}
		},
		wrong: map[string]wrong{
			"limit": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.ListKeys(t.Context(), &sdk.ListKeysInput{Limit: new(int32(1001))}))
			}},
			"marker": {"InvalidMarkerException", func(t *testing.T, x *world) error {
				return failed(x.client.ListKeys(t.Context(), &sdk.ListKeysInput{Marker: new("a")}))
			}},
		},
	},
	"UpdateKeyDescription": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				if err := updateDescription(t, c, key); err != nil {
					return err
				}
				if k, err := x.KMS.DescribeKey(t.Context(), key); err != nil || k.Description != "another <&> 说明" {
					t.Errorf("%+v, %v", k, err)
				}
				return nil
			}
		},
		wrong: and(usual(nil, "", "", by(updateDescription)), misnamed(by(updateDescription))),
	},
	"EnableKey": {
		prepare: onKey(disabledKey, kms.KeyStateEnabled, enable),
		wrong:   and(usual(nil, "", invalidState, by(enable)), misnamed(by(enable))),
	},
	"DisableKey": {
		prepare: onKey(fresh, kms.KeyStateDisabled, disableBy),
		wrong:   and(usual(nil, "", invalidState, by(disableBy)), misnamed(by(disableBy))),
	},
	"ScheduleKeyDeletion": {
		prepare: onKey(fresh, kms.KeyStatePendingDeletion, scheduleBy),
		wrong: and(and(usual(nil, "", invalidState, by(scheduleBy)), misnamed(by(scheduleBy))), map[string]wrong{
			"window too short": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{
					KeyId: new(x.key(t, nil)), PendingWindowInDays: new(int32(6)),
				}))
			}},
			"window too long": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{
					KeyId: new(x.key(t, nil)), PendingWindowInDays: new(int32(31)),
				}))
			}},
		}),
	},
	"CancelKeyDeletion": {
		prepare: onKey(scheduledKey, kms.KeyStateDisabled, cancel),
		wrong: and(and(usual(nil, invalidState, "", by(cancel)), misnamed(by(cancel))), map[string]wrong{
			"not scheduled": inState(invalidState, nil, stay, by(cancel)),
		}),
	},
}

func createAlias(t *testing.T, x *world, key string) error {
	return failed(x.client.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: new("alias/new"), TargetKeyId: &key}))
}

func updateAlias(t *testing.T, x *world, key string) error {
	x.key(t, &kms.CreateKeyOptions{Alias: "alias/old"})
	return failed(x.client.UpdateAlias(t.Context(), &sdk.UpdateAliasInput{AliasName: new("alias/old"), TargetKeyId: &key}))
}

func createAliasOf(name string) func(t *testing.T, x *world) error {
	return func(t *testing.T, x *world) error {
		key := x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
		return failed(x.client.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: &name, TargetKeyId: &key}))
	}
}

func (x *world) checkAlias(t *testing.T, alias, key string) {
	t.Helper()
	if k, err := x.KMS.DescribeKey(t.Context(), alias); err != nil || k.ID != key {
		t.Errorf("%s is not of %s: %v", alias, key, err)
	}
}

var aliasOperations = map[string]operation{
	"CreateAlias": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				if err := failed(c.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: new("alias/x/y"), TargetKeyId: new(arn("key/" + key))})); err != nil {
					return err
				}
				x.checkAlias(t, "alias/x/y", key)
				return nil
			}
		},
		wrong: and(usual(nil, "", invalidState, createAlias), map[string]wrong{
			"taken":         {"AlreadyExistsException", createAliasOf("alias/a")},
			"reserved":      {"InvalidAliasNameException", createAliasOf("alias/aws/a")},
			"two slashes":   {"InvalidAliasNameException", createAliasOf("alias/a//b")},
			"pattern":       {validation, createAliasOf("alias/a b")},
			"no prefix":     {validation, createAliasOf("a")},
			"target is one": {notFound, func(t *testing.T, x *world) error { fresh(t, x); return createAlias(t, x, "alias/a") }},
		}),
	},
	"UpdateAlias": {
		prepare: func(t *testing.T, x *world) call {
			x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				if err := failed(c.UpdateAlias(t.Context(), &sdk.UpdateAliasInput{AliasName: new("alias/a"), TargetKeyId: &key})); err != nil {
					return err
				}
				x.checkAlias(t, "alias/a", key)
				return nil
			}
		},
		wrong: and(usual(nil, "", invalidState, updateAlias), map[string]wrong{
			"no such alias": {notFound, func(t *testing.T, x *world) error {
				return failed(x.client.UpdateAlias(t.Context(), &sdk.UpdateAliasInput{AliasName: new("alias/no"), TargetKeyId: new(x.key(t, nil))}))
			}},
		}),
	},
	"DeleteAlias": {
		prepare: func(t *testing.T, x *world) call {
			x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			return func(t *testing.T, c *sdk.Client) error {
				return failed(c.DeleteAlias(t.Context(), &sdk.DeleteAliasInput{AliasName: new("alias/a")}))
			}
		},
		wrong: map[string]wrong{
			"no such alias": {notFound, func(t *testing.T, x *world) error {
				return failed(x.client.DeleteAlias(t.Context(), &sdk.DeleteAliasInput{AliasName: new("alias/no")}))
			}},
		},
	},
	"ListAliases": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
			must(t, x.KMS.CreateAlias(t.Context(), "alias/b", key))
			x.key(t, &kms.CreateKeyOptions{Alias: "alias/c"})
			return func(t *testing.T, c *sdk.Client) error {
				for of, want := range map[*string]string{nil: "alias/a alias/b alias/c ", &key: "alias/a alias/b "} {
					names := ""
					p := sdk.NewListAliasesPaginator(c, &sdk.ListAliasesInput{KeyId: of, Limit: new(int32(1))})
					for p.HasMorePages() {
						out, err := p.NextPage(t.Context())
						if err != nil {
							return err
						}
						for _, a := range out.Aliases {
							names += *a.AliasName + " "
							if *a.AliasArn != arn(*a.AliasName) || *a.AliasName != "alias/c" && *a.TargetKeyId != key || a.CreationDate == nil {
								t.Errorf("%+v", a)
							}
						}
					}
					if names != want {
						t.Errorf("%s, want %s", names, want)
					}
				}
				return nil
			}
		},
		wrong: map[string]wrong{
			"no such key": {notFound, func(t *testing.T, x *world) error {
				return failed(x.client.ListAliases(t.Context(), &sdk.ListAliasesInput{KeyId: new(nowhere)}))
			}},
			"marker": {"InvalidMarkerException", func(t *testing.T, x *world) error {
				return failed(x.client.ListAliases(t.Context(), &sdk.ListAliasesInput{Marker: new("a")}))
			}},
			"limit": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.ListAliases(t.Context(), &sdk.ListAliasesInput{Limit: new(int32(101))}))
			}},
		},
	},
}
