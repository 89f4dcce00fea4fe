package aws_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/embedkms/kms"
)

const day = 24 * time.Hour

var external = &kms.CreateKeyOptions{Origin: kms.OriginExternal}

func enableRotation(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.EnableKeyRotation(t.Context(), &sdk.EnableKeyRotationInput{KeyId: &key, RotationPeriodInDays: new(int32(90))}))
}

func disableRotation(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.DisableKeyRotation(t.Context(), &sdk.DisableKeyRotationInput{KeyId: &key}))
}

func rotationStatus(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.GetKeyRotationStatus(t.Context(), &sdk.GetKeyRotationStatusInput{KeyId: &key}))
}

func rotate(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.RotateKeyOnDemand(t.Context(), &sdk.RotateKeyOnDemandInput{KeyId: &key}))
}

func rotations(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.ListKeyRotations(t.Context(), &sdk.ListKeyRotationsInput{KeyId: &key}))
}

// unrotatable are what goes wrong with the types of keys that are not rotated.
func unrotatable(do func(t *testing.T, c *sdk.Client, key string) error) map[string]wrong {
	return and(misnamed(by(do)), map[string]wrong{
		"key for signatures": inState(unsupported, signingKey, stay, by(do)),
		"key for MACs":       inState(unsupported, macKey, stay, by(do)),
	})
}

func enableRotationFor(days int32) wrong {
	return wrong{validation, func(t *testing.T, x *world) error {
		return failed(x.client.EnableKeyRotation(t.Context(), &sdk.EnableKeyRotationInput{KeyId: new(x.key(t, nil)), RotationPeriodInDays: &days}))
	}}
}

var rotationOperations = map[string]operation{
	"EnableKeyRotation": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				for days, want := range map[*int32]time.Duration{nil: 365 * day, new(int32(90)): 90 * day, new(int32(2560)): 2560 * day} {
					if err := failed(c.EnableKeyRotation(t.Context(), &sdk.EnableKeyRotationInput{KeyId: &key, RotationPeriodInDays: days})); err != nil {
						return err
					}
					if k, err := x.KMS.DescribeKey(t.Context(), key); err != nil || k.RotationPeriod != want {
						t.Errorf("%+v, %v, want %s", k, err, want)
					}
				}
				return nil
			}
		},
		wrong: and(and(usual(nil, disabled, invalidState, by(enableRotation)), unrotatable(enableRotation)), map[string]wrong{
			"too often":         enableRotationFor(89),
			"too rarely":        enableRotationFor(2561),
			"imported material": inState(unsupported, external, stay, by(enableRotation)),
		}),
	},
	"DisableKeyRotation": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{RotationPeriod: 90 * day})
			return func(t *testing.T, c *sdk.Client) error {
				if err := disableRotation(t, c, key); err != nil {
					return err
				}
				if k, err := x.KMS.DescribeKey(t.Context(), key); err != nil || k.RotationPeriod != 0 {
					t.Errorf("%+v, %v", k, err)
				}
				return nil
			}
		},
		wrong: and(usual(nil, disabled, invalidState, by(disableRotation)), unrotatable(disableRotation)),
	},
	"GetKeyRotationStatus": {
		prepare: func(t *testing.T, x *world) call {
			key, still := x.key(t, &kms.CreateKeyOptions{RotationPeriod: 90 * day}), x.key(t, nil)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.GetKeyRotationStatus(t.Context(), &sdk.GetKeyRotationStatusInput{KeyId: &key})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				if left := time.Until(*out.NextRotationDate); !out.KeyRotationEnabled || *out.RotationPeriodInDays != 90 || left < 89*day || left > 91*day {
					t.Errorf("%+v", out)
				}
				out, err = c.GetKeyRotationStatus(t.Context(), &sdk.GetKeyRotationStatusInput{KeyId: &still})
				if out.KeyRotationEnabled || out.RotationPeriodInDays != nil || out.NextRotationDate != nil {
					t.Errorf("%+v", out)
				}
				return err
			}
		},
		wrong: and(usual(nil, "", "", by(rotationStatus)), unrotatable(rotationStatus)),
	},
	"RotateKeyOnDemand": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			blob := x.sealed(t, key)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.RotateKeyOnDemand(t.Context(), &sdk.RotateKeyOnDemandInput{KeyId: &key})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				if k, err := x.KMS.DescribeKey(t.Context(), key); err != nil || k.PrimaryVersion != 2 {
					t.Errorf("%+v, %v", k, err)
				}
				x.checkOpens(t, blob, about)
				return nil
			}
		},
		wrong: and(and(usual(nil, disabled, invalidState, by(rotate)), unrotatable(rotate)), map[string]wrong{
			"imported material": inState(invalidState, external, stay, by(rotate)),
		}),
	},
	"ListKeyRotations": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, nil)
			for range 2 {
				_, err := x.KMS.RotateKey(t.Context(), key)
				must(t, err)
			}
			return func(t *testing.T, c *sdk.Client) error {
				for include, want := range map[types.IncludeKeyMaterial]int{"": 2, "ROTATIONS_ONLY": 2, "ALL_KEY_MATERIAL": 3} {
					var all []types.RotationsListEntry
					p := sdk.NewListKeyRotationsPaginator(c, &sdk.ListKeyRotationsInput{KeyId: &key, IncludeKeyMaterial: include, Limit: new(int32(1))})
					for p.HasMorePages() {
						out, err := p.NextPage(t.Context())
						if err != nil {
							return err
						}
						all = append(all, out.Rotations...)
					}
					last := all[len(all)-1]
					if len(all) != want || *last.KeyId != key || last.KeyMaterialState != "CURRENT" || last.RotationDate == nil || all[0].KeyMaterialState != "NON_CURRENT" {
						t.Errorf("%s: %+v", include, all)
					}
				}
				return nil
			}
		},
		wrong: and(and(usual(nil, "", "", by(rotations)), unrotatable(rotations)), map[string]wrong{
			"marker": {"InvalidMarkerException", func(t *testing.T, x *world) error {
				return failed(x.client.ListKeyRotations(t.Context(), &sdk.ListKeyRotationsInput{KeyId: new(x.key(t, nil)), Marker: new("a")}))
			}},
		}),
	},
}

func importParameters(t *testing.T, x *world, key string) error {
	return failed(x.client.GetParametersForImport(t.Context(), &sdk.GetParametersForImportInput{
		KeyId: &key, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048",
	}))
}

// imports imports material, as in says.
func imports(t *testing.T, x *world, c *sdk.Client, key, material string, in sdk.ImportKeyMaterialInput) (*sdk.ImportKeyMaterialOutput, error) {
	t.Helper()
	p, err := x.client.GetParametersForImport(t.Context(), &sdk.GetParametersForImportInput{
		KeyId: &key, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048",
	})
	must(t, err)
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	must(t, err)
	in.EncryptedKeyMaterial, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), []byte(material), nil)
	must(t, err)
	in.KeyId = &key
	if in.ImportToken == nil {
		in.ImportToken = p.ImportToken
	}
	return c.ImportKeyMaterial(t.Context(), &in)
}

const (
	material = "0123456789abcdef0123456789abcdef"
	lasts    = types.ExpirationModelTypeKeyMaterialDoesNotExpire
)

func importWrongly(code, material string, in sdk.ImportKeyMaterialInput) wrong {
	return wrong{code, func(t *testing.T, x *world) error {
		return failed(imports(t, x, x.client, x.key(t, external), material, in))
	}}
}

func deleteMaterial(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.DeleteImportedKeyMaterial(t.Context(), &sdk.DeleteImportedKeyMaterialInput{KeyId: &key}))
}

func parametersBy(code string, alg types.AlgorithmSpec, spec types.WrappingKeySpec) wrong {
	return wrong{code, func(t *testing.T, x *world) error {
		return failed(x.client.GetParametersForImport(t.Context(), &sdk.GetParametersForImportInput{
			KeyId: new(x.key(t, external)), WrappingAlgorithm: alg, WrappingKeySpec: spec,
		}))
	}}
}

var importOperations = map[string]operation{
	"GetParametersForImport": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, external)
			return func(t *testing.T, c *sdk.Client) error {
				for spec, alg := range map[types.WrappingKeySpec]types.AlgorithmSpec{
					"RSA_2048": "RSAES_OAEP_SHA_256", "RSA_3072": "RSA_AES_KEY_WRAP_SHA_256", "SM2": "SM2PKE",
				} {
					out, err := c.GetParametersForImport(t.Context(), &sdk.GetParametersForImportInput{
						KeyId: &key, WrappingAlgorithm: alg, WrappingKeySpec: spec,
					})
					if err != nil {
						return err
					}
					checkKey(t, out.KeyId, key)
					if left := time.Until(*out.ParametersValidTo); len(out.ImportToken) == 0 || len(out.PublicKey) == 0 || left < 23*time.Hour || left > 25*time.Hour {
						t.Errorf("%+v", out)
					}
				}
				return nil
			}
		},
		wrong: and(and(usual(external, "", invalidState, importParameters), misnamed(importParameters)), map[string]wrong{
			"material of its own": inState(unsupported, nil, stay, importParameters),
			"SHA-1":               parametersBy(unsupported, "RSAES_OAEP_SHA_1", "RSA_2048"),
			"PKCS #1":             parametersBy(unsupported, "RSAES_PKCS1_V1_5", "RSA_2048"),
			"do not fit":          parametersBy(validation, "RSAES_OAEP_SHA_256", "SM2"),
		}),
	},
	"ImportKeyMaterial": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, external)
			return func(t *testing.T, c *sdk.Client) error {
				end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
				out, err := imports(t, x, c, key, material, sdk.ImportKeyMaterialInput{
					ValidTo: &end, ExpirationModel: "KEY_MATERIAL_EXPIRES", ImportType: "NEW_KEY_MATERIAL", KeyMaterialDescription: new("first"),
				})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				d, err := c.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: &key})
				must(t, err)
				if m := d.KeyMetadata; m.KeyState != "Enabled" || m.Origin != "EXTERNAL" || m.ExpirationModel != "KEY_MATERIAL_EXPIRES" || m.ValidTo.Sub(end).Abs() > time.Millisecond {
					t.Errorf("%+v, want until %s", m, end)
				}
				_, err = imports(t, x, c, key, material, sdk.ImportKeyMaterialInput{ExpirationModel: lasts, ImportType: "EXISTING_KEY_MATERIAL"})
				return err
			}
		},
		wrong: map[string]wrong{
			"another token":      importWrongly("InvalidImportTokenException", material, sdk.ImportKeyMaterialInput{ExpirationModel: lasts, ImportToken: hello}),
			"of another size":    importWrongly("IncorrectKeyMaterialException", "short", sdk.ImportKeyMaterialInput{ExpirationModel: lasts}),
			"no end":             importWrongly(validation, material, sdk.ImportKeyMaterialInput{}),
			"an end too many":    importWrongly(validation, material, sdk.ImportKeyMaterialInput{ExpirationModel: lasts, ValidTo: new(time.Now().Add(time.Hour))}),
			"ended":              importWrongly(validation, material, sdk.ImportKeyMaterialInput{ValidTo: new(time.Now().Add(-time.Hour))}),
			"too long":           importWrongly(validation, material, sdk.ImportKeyMaterialInput{ValidTo: new(time.Now().Add(366 * day))}),
			"by ID":              importWrongly(unsupported, material, sdk.ImportKeyMaterialInput{ExpirationModel: lasts, KeyMaterialId: new("a")}),
			"no such key":        {notFound, func(t *testing.T, x *world) error { return importRubbish(t, x, nowhere) }},
			"another key's":      inState("InvalidImportTokenException", external, stay, importRubbish),
			"not for such a key": inState("InvalidImportTokenException", external, stay, importRubbish),
		},
	},
	"DeleteImportedKeyMaterial": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, external)
			_, err := imports(t, x, x.client, key, material, sdk.ImportKeyMaterialInput{ExpirationModel: lasts})
			must(t, err)
			return func(t *testing.T, c *sdk.Client) error {
				out, err := c.DeleteImportedKeyMaterial(t.Context(), &sdk.DeleteImportedKeyMaterialInput{KeyId: &key})
				if err != nil {
					return err
				}
				checkKey(t, out.KeyId, key)
				x.checkState(t, key, kms.KeyStatePendingImport)
				return nil
			}
		},
		wrong: and(and(usual(external, "", invalidState, by(deleteMaterial)), misnamed(by(deleteMaterial))), map[string]wrong{
			"material of its own": inState(unsupported, nil, stay, by(deleteMaterial)),
			"by ID": {unsupported, func(t *testing.T, x *world) error {
				return failed(x.client.DeleteImportedKeyMaterial(t.Context(), &sdk.DeleteImportedKeyMaterialInput{KeyId: new(x.key(t, external)), KeyMaterialId: new("a")}))
			}},
		}),
	},
}

func importRubbish(t *testing.T, x *world, key string) error {
	return failed(x.client.ImportKeyMaterial(t.Context(), &sdk.ImportKeyMaterialInput{
		KeyId: &key, ImportToken: hello, EncryptedKeyMaterial: hello, ExpirationModel: lasts,
	}))
}
