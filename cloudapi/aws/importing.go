package aws

import (
	"context"
	"math"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// maxValidTo is how long imported material may last: API reference, ImportKeyMaterial.
const maxValidTo = 365 * day

const (
	expires = "KEY_MATERIAL_EXPIRES"
	lasts   = "KEY_MATERIAL_DOES_NOT_EXPIRE"
)

// expirationWord says whether material ends, which is zero for never.
func expirationWord(validTo time.Time) string {
	if validTo.IsZero() {
		return lasts
	}
	return expires
}

// wrappings are under a public key of RSA, of any size, but for that of SM2.
var wrappings = words[kms.WrappingAlgorithm]{
	known: map[string]kms.WrappingAlgorithm{
		"RSAES_OAEP_SHA_256":       kms.WrappingRSAOAEPSHA256,
		"RSA_AES_KEY_WRAP_SHA_256": kms.WrappingRSAAESKeyWrapSHA256,
		"SM2PKE":                   kms.WrappingSM2Encrypt,
	},
	others: []string{"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_1"},
}

// wrapping reads how material is to be wrapped.
func (c *call) wrapping() kms.WrappingAlgorithm {
	alg := wrappings.read(c, "WrappingAlgorithm", "")
	spec := c.Text("WrappingKeySpec", front.OneOf("RSA_2048", "RSA_3072", "RSA_4096", "SM2"))
	if (alg == kms.WrappingSM2Encrypt) != (spec == "SM2") {
		c.Fail("WrappingKeySpec", front.Invalid)
	}
	if spec == "SM2" {
		return alg
	}
	return alg + "/" + kms.WrappingAlgorithm(spec)
}

type importParametersAnswer struct {
	ImportToken       []byte `json:"ImportToken"`
	KeyID             string `json:"KeyId"`
	ParametersValidTo stamp  `json:"ParametersValidTo"`
	PublicKey         []byte `json:"PublicKey"`
}

func getParametersForImport(ctx context.Context, c *call) (any, error) {
	ref, wrapping := c.key("KeyId"), c.wrapping()
	if err := c.Err(); err != nil {
		return nil, err
	}
	p, err := c.keys.ImportParameters(ctx, ref, wrapping)
	if err != nil {
		return nil, err
	}
	return &importParametersAnswer{p.Token, c.keyARN(ref), stamp(p.ExpiresAt), p.PublicKey}, nil
}

// importKeyMaterial makes new material the current one at once, where AWS waits for
// RotateKeyOnDemand.
func importKeyMaterial(ctx context.Context, c *call) (any, error) {
	opts := &kms.ImportKeyMaterialOptions{
		Token:             c.Base64("ImportToken", 1, maxBlob),
		EncryptedMaterial: rawSM2(c.Base64("EncryptedKeyMaterial", 1, maxBlob)),
		ValidTo:           c.validTo(),
	}
	kind := c.OptText("ImportType", "", front.OneOf("NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"))
	opts.NewVersion = kind == "NEW_KEY_MATERIAL"
	c.OptText("KeyMaterialDescription", "", front.Chars(0, 256)) // nobody could read it
	c.Refuse("KeyMaterialId")
	return changeKey(ctx, c, func(ctx context.Context, ref string) error {
		return c.keys.ImportKeyMaterial(ctx, ref, opts)
	})
}

// validTo reads when material ends, zero for never.
func (c *call) validTo() time.Time {
	model := c.OptText("ExpirationModel", expires, front.OneOf(expires, lasts))
	seconds, fraction := math.Modf(c.OptNumber("ValidTo"))
	end := time.Unix(int64(seconds), int64(fraction*1e9))
	if model == lasts {
		if c.Has("ValidTo") {
			c.Fail("ValidTo", front.Invalid)
		}
		return time.Time{}
	}
	if !c.Has("ValidTo") {
		c.Fail("ValidTo", front.Missing)
	}
	if left := end.Sub(c.now()); left <= 0 || left > maxValidTo {
		c.Fail("ValidTo", front.Invalid)
	}
	return end
}

func deleteImportedKeyMaterial(ctx context.Context, c *call) (any, error) {
	c.Refuse("KeyMaterialId")
	return changeKey(ctx, c, c.keys.DeleteImportedKeyMaterial)
}
