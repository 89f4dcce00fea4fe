package alibaba

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Specs and usages by the vendor's names: kms-20160120 v3.2.3, CreateKeyRequest and
// ListKeysRequest. An empty one is not offered here.
var (
	keySpecs = map[string]kms.KeySpec{
		"Aliyun_AES_256": kms.KeySpecAES256,
		"Aliyun_SM4":     kms.KeySpecSM4,
		"RSA_2048":       kms.KeySpecRSA2048,
		"RSA_3072":       kms.KeySpecRSA3072,
		"RSA_4096":       kms.KeySpecRSA4096,
		"EC_P256":        kms.KeySpecECP256,
		"EC_SM2":         kms.KeySpecSM2,
		"EC_P256K":       "",
		"Aliyun_AES_128": "",
		"Aliyun_AES_192": "",
	}
	keyUsages = map[string]kms.KeyUsage{
		"ENCRYPT/DECRYPT": kms.KeyUsageEncryptDecrypt,
		"SIGN/VERIFY":     kms.KeyUsageSignVerify,
	}
)

const maxDescription = 8192 // characters; the library's limit is as many bytes

// A keyAnswer is the answer of CreateKey and DescribeKey.
type keyAnswer struct {
	KeyMetadata *metadata
	answer
}

func (c *call) keyAnswer(key *kms.Key, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return &keyAnswer{c.api.metadata(key), c.answer()}, nil
}

func (c *call) createKey(ctx context.Context) (any, error) {
	c.Refuse("DKMSInstanceId", "Policy")
	opts := &kms.CreateKeyOptions{
		Spec:        c.spec(),
		Usage:       keyUsages[c.OptText("KeyUsage", "", nameIn(keyUsages))],
		Description: c.OptText("Description", "", front.Chars(0, maxDescription)),
		Tags:        c.tags("Tags"),

		RotationPeriod: c.rotationPeriod(),
	}
	if opts.Usage == "" {
		opts.Usage = defaultUsage(opts.Spec)
	}
	if c.OptText("Origin", "Aliyun_KMS", front.OneOf("Aliyun_KMS", "EXTERNAL")) == "EXTERNAL" {
		opts.Origin = kms.OriginExternal
	}
	level := c.OptText("ProtectionLevel", "SOFTWARE", front.OneOf("SOFTWARE", "HSM"))
	if err := c.Err(); err != nil {
		return nil, err
	}
	if level != "SOFTWARE" {
		return nil, faultLevel
	}
	return c.keyAnswer(c.keys.CreateKey(ctx, opts))
}

// spec reads a KeySpec.
func (c *call) spec() kms.KeySpec {
	spec := keySpecs[c.OptText("KeySpec", "Aliyun_AES_256", nameIn(keySpecs))]
	if spec == "" {
		c.unsupported("KeySpec")
	}
	return spec
}

// nameIn is the rule of the names that a table has.
func nameIn[V any](table map[string]V) front.Rule {
	return func(s string) bool {
		_, ok := table[s]
		return ok
	}
}

// unsupported says that a parameter's value has a meaning, but none here.
func (c *call) unsupported(name string) { c.Fail(name, front.Unsupported) }

// defaultUsage: kms-20160120 v3.2.3, CreateKeyRequest: SIGN/VERIFY if the key can.
func defaultUsage(spec kms.KeySpec) kms.KeyUsage {
	switch spec {
	case kms.KeySpecAES256, kms.KeySpecSM4:
		return kms.KeyUsageEncryptDecrypt
	}
	return kms.KeyUsageSignVerify
}

func (c *call) describeKey(ctx context.Context) (any, error) {
	key := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c.keyAnswer(describe(ctx, c.keys, key))
}

// describe describes a key that is not destroyed.
func describe(ctx context.Context, keys *front.Keys, ref string) (*kms.Key, error) {
	key, err := keys.DescribeKey(ctx, ref)
	if err == nil && key.State == kms.KeyStateDestroyed {
		return nil, kms.ErrKeyNotFound
	}
	return key, err
}

func (c *call) updateKeyDescription(ctx context.Context) (any, error) {
	text := c.Text("Description", front.Chars(0, maxDescription))
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		_, err := c.keys.UpdateKey(ctx, key, &kms.UpdateKeyOptions{Description: &text})
		return err
	})
}

// A region is where keys are.
type region struct {
	RegionID string `json:"RegionId" xml:"RegionId"`
}

// A regionsAnswer is the answer of DescribeRegions.
type regionsAnswer struct {
	Regions struct{ Region []region }
	answer
}

func (c *call) describeRegions(context.Context) (any, error) {
	a := &regionsAnswer{answer: c.answer()}
	a.Regions.Region = []region{{c.api.region}}
	return a, nil
}
