package aws

import (
	"context"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const maxDescription = 8192 // characters: API reference, CreateKey

// keyMetadata is what there is to know of a key: SDK, types.KeyMetadata.
type keyMetadata struct {
	AccountID             string   `json:"AWSAccountId"`
	ARN                   string   `json:"Arn"`
	CreationDate          stamp    `json:"CreationDate"`
	CurrentKeyMaterialID  string   `json:"CurrentKeyMaterialId,omitempty"` // of a symmetric key
	CustomerMasterKeySpec string   `json:"CustomerMasterKeySpec"`
	DeletionDate          *stamp   `json:"DeletionDate,omitempty"`
	Description           string   `json:"Description"`
	Enabled               bool     `json:"Enabled"`
	EncryptionAlgorithms  []string `json:"EncryptionAlgorithms,omitempty"`
	ExpirationModel       string   `json:"ExpirationModel,omitempty"` // of imported material
	KeyID                 string   `json:"KeyId"`
	KeyManager            string   `json:"KeyManager"`
	KeySpec               string   `json:"KeySpec"`
	KeyState              string   `json:"KeyState"`
	KeyUsage              string   `json:"KeyUsage"`
	MACAlgorithms         []string `json:"MacAlgorithms,omitempty"`
	MultiRegion           bool     `json:"MultiRegion"`
	Origin                string   `json:"Origin"`
	SigningAlgorithms     []string `json:"SigningAlgorithms,omitempty"`
	ValidTo               *stamp   `json:"ValidTo,omitempty"` // of imported material
}

type keyAnswer struct {
	KeyMetadata *keyMetadata `json:"KeyMetadata"`
}

// metadata returns what clients know of a key.
func (a *api) metadata(key *kms.Key) *keyMetadata {
	spec, algorithms := specWord(key.Spec), algorithmsOf(key.Spec, key.Usage)
	m := &keyMetadata{
		AccountID:             a.account,
		ARN:                   a.keyARN(key.ID),
		CreationDate:          stamp(key.CreatedAt),
		CustomerMasterKeySpec: spec,
		DeletionDate:          optStamp(key.DeletionDate),
		Description:           key.Description,
		Enabled:               key.State == kms.KeyStateEnabled,
		EncryptionAlgorithms:  algorithmWords(encryptionAlgorithms, algorithms),
		KeyID:                 a.keys.There(key.ID),
		KeyManager:            "CUSTOMER",
		KeySpec:               spec,
		KeyState:              stateWord(key.State),
		KeyUsage:              keyUsages.of(key.Usage),
		MACAlgorithms:         algorithmWords(macAlgorithms, algorithms),
		Origin:                origins.of(key.Origin),
		SigningAlgorithms:     algorithmWords(signingAlgorithms, algorithms),
	}
	if isSymmetric(key.Spec) && key.PrimaryVersion > 0 {
		m.CurrentKeyMaterialID = materialID(key.ID, key.PrimaryVersion)
	}
	if key.Origin == kms.OriginExternal && key.State != kms.KeyStatePendingImport {
		validTo := earliestEnd(key.Versions)
		m.ValidTo, m.ExpirationModel = optStamp(validTo), expirationWord(validTo)
	}
	return m
}

// stateWord returns the word for a state. There is none for a key that only decrypts.
func stateWord(s kms.KeyState) string {
	if s == kms.KeyStateArchived {
		s = kms.KeyStateDisabled
	}
	return string(s) // the others are the same words
}

// earliestEnd returns when imported material begins to end, zero for never.
func earliestEnd(versions []kms.KeyVersion) (end time.Time) {
	for _, v := range versions {
		if !v.ValidTo.IsZero() && (end.IsZero() || v.ValidTo.Before(end)) {
			end = v.ValidTo
		}
	}
	return end
}

func createKey(ctx context.Context, c *call) (any, error) {
	c.Refuse("Policy", "CustomKeyStoreId", "XksKeyId")
	if c.Bool("MultiRegion") {
		c.Fail("MultiRegion", front.Unsupported)
	}
	c.Bool("BypassPolicyLockoutSafetyCheck") // there is no policy that could lock out
	opts := &kms.CreateKeyOptions{
		Spec:        c.createdSpec(),
		Description: c.OptText("Description", "", front.Chars(0, maxDescription)),
		Tags:        c.tags(),
		Origin:      origins.read(c, "Origin", "AWS_KMS"),
	}
	usage := ""
	if opts.Spec == kms.KeySpecAES256 {
		usage = "ENCRYPT_DECRYPT"
	}
	opts.Usage = keyUsages.read(c, "KeyUsage", usage)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := checkTags(opts.Tags); err != nil {
		return nil, err
	}
	key, err := c.keys.CreateKey(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &keyAnswer{c.metadata(key)}, nil
}

// createdSpec reads the spec of a new key, by the one name of it or the other.
func (c *call) createdSpec() kms.KeySpec {
	name := "KeySpec"
	if c.Has("CustomerMasterKeySpec") {
		if c.Has(name) {
			c.Fail("CustomerMasterKeySpec", front.Invalid) // guess
		}
		name = "CustomerMasterKeySpec"
	}
	return keySpecs.read(c, name, "SYMMETRIC_DEFAULT")
}

func describeKey(ctx context.Context, c *call) (any, error) {
	ref := c.keyOrAlias("KeyId")
	c.ignoreGrants()
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := c.describe(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &keyAnswer{c.metadata(key)}, nil
}

// describe returns what is known of a key that clients can see.
func (c *call) describe(ctx context.Context, ref string) (*kms.Key, error) {
	key, err := c.keys.DescribeKey(ctx, ref)
	if err == nil && key.State == kms.KeyStateDestroyed {
		err = kms.ErrKeyNotFound
	}
	return key, err
}

type keyEntry struct {
	KeyARN string `json:"KeyArn"`
	KeyID  string `json:"KeyId"`
}

type keysAnswer struct {
	Keys []keyEntry `json:"Keys"`
	more
}

func listKeys(ctx context.Context, c *call) (any, error) {
	p := c.page(100, 1000)
	if err := c.Err(); err != nil {
		return nil, err
	}
	answer, last := &keysAnswer{Keys: []keyEntry{}}, ""
	for key, err := range c.keys.Keys(ctx, p.marker) {
		if key == nil {
			return nil, err
		}
		if err != nil {
			continue // a damaged record, which the library's Check is there to find
		}
		if len(answer.Keys) == p.limit {
			answer.more = more{last, true}
			break
		}
		answer.Keys, last = append(answer.Keys, keyEntry{c.keyARN(key.ID), c.keys.There(key.ID)}), key.ID
	}
	return answer, nil
}

func updateKeyDescription(ctx context.Context, c *call) (any, error) {
	ref := c.key("KeyId")
	description := c.Text("Description", front.Chars(0, maxDescription))
	if err := c.Err(); err != nil {
		return nil, err
	}
	_, err := c.keys.UpdateKey(ctx, ref, &kms.UpdateKeyOptions{Description: &description})
	return nil, err
}
