package alibaba

import (
	"context"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// wrappings by WrappingKeySpec and WrappingAlgorithm: API page
// "GetParametersForImport". An empty one is not offered here.
var wrappings = map[[2]string]kms.WrappingAlgorithm{
	{"RSA_2048", "RSAES_OAEP_SHA_256"}: kms.WrappingRSAOAEPSHA256 + "/RSA_2048",
	{"RSA_2048", "RSAES_OAEP_SHA_1"}:   "",
	{"RSA_2048", "RSAES_PKCS1_V1_5"}:   "",
	{"EC_SM2", "SM2PKE"}:               kms.WrappingSM2Encrypt,
}

// maxImport is the most bytes of what is wrapped, and of a token.
const maxImport = 8192

// An importAnswer is the answer of GetParametersForImport.
type importAnswer struct {
	KeyID           string `json:"KeyId" xml:"KeyId"`
	ImportToken     blob
	PublicKey       blob // DER
	TokenExpireTime string
	answer
}

func (c *call) getParametersForImport(ctx context.Context) (any, error) {
	key, wrapping := c.key("KeyId"), c.wrapping()
	if err := c.Err(); err != nil {
		return nil, err
	}
	id, err := c.resolve(ctx, key)
	if err != nil {
		return nil, err
	}
	p, err := c.keys.ImportParameters(ctx, id, wrapping)
	if err != nil {
		return nil, err
	}
	return &importAnswer{
		c.api.keys.There(id), p.Token, p.PublicKey, date(p.ExpiresAt), c.answer(),
	}, nil
}

// wrapping reads how the material is going to be wrapped.
func (c *call) wrapping() kms.WrappingAlgorithm {
	spec := c.Text("WrappingKeySpec", front.OneOf("RSA_2048", "EC_SM2"))
	alg := c.Text("WrappingAlgorithm",
		front.OneOf("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "RSAES_PKCS1_V1_5", "SM2PKE"))
	wrapping, ok := wrappings[[2]string{spec, alg}]
	switch {
	case !ok:
		c.Fail("WrappingAlgorithm", front.Invalid)
	case wrapping == "":
		c.unsupported("WrappingAlgorithm")
	}
	return wrapping
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

func (c *call) importKeyMaterial(ctx context.Context) (any, error) {
	opts := &kms.ImportKeyMaterialOptions{
		Token:             c.Base64("ImportToken", 1, maxImport),
		EncryptedMaterial: c.Base64("EncryptedKeyMaterial", 1, maxImport),
	}
	// 0 is never: kms-20160120 v3.2.3, ImportKeyMaterialRequest.
	if at := c.Int("KeyMaterialExpireUnix", 0, maxUnix); at != 0 {
		opts.ValidTo = time.Unix(at, 0)
	}
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		return c.keys.ImportKeyMaterial(ctx, key, opts)
	})
}

func (c *call) deleteKeyMaterial(ctx context.Context) (any, error) {
	return c.onKey(ctx, c.keys.DeleteImportedKeyMaterial)
}
