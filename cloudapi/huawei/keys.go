package huawei

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// specs are the names of key specs, and what they are here; those that are "" there are
// not. The names of HMAC are those of create-datakey (guess).
var specs = map[string]kms.KeySpec{
	"AES_256":  kms.KeySpecAES256,
	"SM4":      kms.KeySpecSM4,
	"RSA_2048": kms.KeySpecRSA2048, "RSA_3072": kms.KeySpecRSA3072, "RSA_4096": kms.KeySpecRSA4096,
	"EC_P256": kms.KeySpecECP256, "EC_P384": kms.KeySpecECP384, "SECP256K1": "",
	"SM2":      kms.KeySpecSM2,
	"HMAC_256": kms.KeySpecHMACSHA256, "HMAC_384": "", "HMAC_512": "", "HMAC_SM3": kms.KeySpecHMACSM3,
}

// specName returns what a key spec is called.
func specName(spec kms.KeySpec) string {
	for name, s := range specs {
		if s == spec {
			return name
		}
	}
	return string(spec)
}

// isSymmetric reports whether keys of a spec encrypt with the library's own format.
func isSymmetric(spec kms.KeySpec) bool {
	return spec == kms.KeySpecAES256 || spec == kms.KeySpecSM4
}

// isHMAC reports whether keys of a spec are for MACs.
func isHMAC(spec kms.KeySpec) bool {
	return spec == kms.KeySpecHMACSHA256 || spec == kms.KeySpecHMACSM3
}

// newKey is the answer of create-key.
type newKey struct {
	Info newKeyInfo `json:"key_info"`
}

type newKeyInfo struct {
	KeyID    string `json:"key_id"`
	DomainID string `json:"domain_id"`
}

func createKey(ctx context.Context, c *call) (any, error) {
	opts := &kms.CreateKeyOptions{
		Alias:       front.AliasPrefix + c.p.Text("key_alias", isAlias),
		Description: c.p.OptText("key_description", "", isDescription),
		Origin:      kms.OriginKMS,
	}
	name := c.p.OptText("key_spec", "AES_256", func(s string) bool { _, ok := specs[s]; return ok })
	opts.Spec = specs[name]
	opts.Usage = c.usage(opts.Spec)
	if c.p.OptText("origin", "kms", front.OneOf("kms", "external")) == "external" {
		opts.Origin = kms.OriginExternal
	}
	// "0" is the keystore that everybody has; another one, or one virtual machine, would
	// be a place that a key is kept in.
	if c.p.OptText("keystore_id", "0", front.Any) != "0" {
		c.p.Fail("keystore_id", front.Unsupported)
	}
	c.p.Refuse("vm_id")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if opts.Spec == "" {
		return nil, wrongAlgorithm
	}
	key, err := c.keys.CreateKey(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &newKey{newKeyInfo{key.ID, c.project}}, nil
}

// usage reads the usage of a key. Without one, pairs sign (huaweicloud-sdk-go-v3 v0.1.207,
// model_create_key_request_body.go).
func (c *call) usage(spec kms.KeySpec) kms.KeyUsage {
	usage := kms.KeyUsageSignVerify
	switch {
	case isSymmetric(spec):
		usage = kms.KeyUsageEncryptDecrypt
	case isHMAC(spec):
		usage = kms.KeyUsageGenerateVerifyMAC
	}
	return kms.KeyUsage(c.p.OptText("key_usage", string(usage), front.OneOf(
		string(kms.KeyUsageEncryptDecrypt), string(kms.KeyUsageSignVerify),
		string(kms.KeyUsageGenerateVerifyMAC),
	)))
}

// keyDetails describe a key (huaweicloud-sdk-go-v3 v0.1.207, model_key_details.go). Times
// are milliseconds, as in the examples of the API page "Querying the List of Keys", whose
// text says seconds. There are no accounts, regions and enterprise projects: domain_id is
// the project's ID.
type keyDetails struct {
	KeyID               string       `json:"key_id"`
	DomainID            string       `json:"domain_id"`
	Alias               string       `json:"key_alias"`
	Realm               string       `json:"realm"`
	Spec                string       `json:"key_spec"`
	Usage               kms.KeyUsage `json:"key_usage"`
	Description         string       `json:"key_description"`
	CreationDate        string       `json:"creation_date"`
	DeletionDate        string       `json:"scheduled_deletion_date"`
	State               string       `json:"key_state"`
	DefaultKey          string       `json:"default_key_flag"`
	Type                string       `json:"key_type"`
	ExpirationTime      string       `json:"expiration_time"`
	Origin              string       `json:"origin"`
	RotationEnabled     string       `json:"key_rotation_enabled"`
	EnterpriseProjectID string       `json:"sys_enterprise_project_id"`
	KeystoreID          string       `json:"keystore_id"`
}

// details describes a key of which the aliases are known.
func (c *call) details(key *kms.Key, aliases []string) keyDetails {
	d := keyDetails{
		KeyID:               c.keys.There(key.ID),
		DomainID:            c.project,
		Spec:                specName(key.Spec),
		Usage:               key.Usage,
		Description:         key.Description,
		CreationDate:        milliseconds(key.CreatedAt),
		DeletionDate:        milliseconds(key.DeletionDate),
		State:               stateNumber(key.State),
		DefaultKey:          "0",
		Type:                "1",
		Origin:              "kms",
		RotationEnabled:     strconv.FormatBool(key.RotationPeriod > 0),
		EnterpriseProjectID: "0",
		KeystoreID:          "0",
	}
	if len(aliases) > 0 {
		d.Alias = slices.Min(aliases)
	}
	if key.Origin == kms.OriginExternal {
		d.Origin = "external"
	}
	if n := len(key.Versions); n > 0 {
		d.ExpirationTime = milliseconds(key.Versions[n-1].ValidTo)
	}
	return d
}

// milliseconds writes a time, and "" if there is none.
func milliseconds(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// describe returns what is known of a key that is not destroyed.
func (c *call) describe(ctx context.Context, id string) (*kms.Key, error) {
	key, err := c.keys.DescribeKey(ctx, id)
	if err != nil {
		return nil, err
	}
	if key.State == kms.KeyStateDestroyed {
		return nil, kms.ErrKeyNotFound
	}
	return key, nil
}

// described reads a key ID, the only parameter that is left, and describes the key.
func (c *call) described(ctx context.Context) (*kms.Key, error) {
	id := c.key("key_id")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	return c.describe(ctx, id)
}

// describedKey is the answer of describe-key.
type describedKey struct {
	Info keyDetails `json:"key_info"`
}

func describeKey(ctx context.Context, c *call) (any, error) {
	key, err := c.described(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.names(ctx)
	if err != nil {
		return nil, err
	}
	return &describedKey{c.details(key, names[key.ID])}, nil
}

// keyDescription is the answer of update-key-description.
type keyDescription struct {
	Info keyDescriptionInfo `json:"key_info"`
}

type keyDescriptionInfo struct {
	KeyID       string `json:"key_id"`
	Description string `json:"key_description"`
}

func updateKeyDescription(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	description := c.p.Text("key_description", isDescription)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	_, err := c.keys.UpdateKey(ctx, id, &kms.UpdateKeyOptions{Description: &description})
	if err != nil {
		return nil, err
	}
	return &keyDescription{keyDescriptionInfo{c.keys.There(id), description}}, nil
}
