package huawei

import (
	"context"
	"slices"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const maxImport = 6144 // characters of a token or of wrapped material in base64

// importParameters are the answer of get-parameters-for-import.
type importParameters struct {
	KeyID          string `json:"key_id"`
	ImportToken    []byte `json:"import_token"`
	ExpirationTime int64  `json:"expiration_time"` // Unix time
	PublicKey      []byte `json:"public_key"`      // SubjectPublicKeyInfo
}

// getParametersForImport begins an import. The RSA key has 2,048 bits: that is what the
// published length of encrypted_key_material, 344 characters, goes with.
func getParametersForImport(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	wrapping := kms.WrappingAlgorithm(c.p.Text("wrapping_algorithm", front.OneOf(
		string(kms.WrappingRSAOAEPSHA256), string(kms.WrappingSM2Encrypt), "RSAES_OAEP_SHA_1",
	)))
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	key, err := c.importable(ctx, id)
	if err != nil {
		return nil, err
	}
	if wrapping, err = wrappingOf(wrapping, key.Spec); err != nil {
		return nil, err
	}
	p, err := c.keys.ImportParameters(ctx, id, wrapping)
	if err != nil {
		return nil, err
	}
	return &importParameters{c.keys.There(id), p.Token, p.ExpiresAt.Unix(), p.PublicKey}, nil
}

// wrappingOf returns how the library calls a wrapping. The private key of a pair comes
// under a key of its own, which is what is wrapped: by AES then, and not by SM2.
func wrappingOf(wrapping kms.WrappingAlgorithm, spec kms.KeySpec) (kms.WrappingAlgorithm, error) {
	isPair := !isSymmetric(spec) && !isHMAC(spec)
	switch {
	case wrapping == kms.WrappingRSAOAEPSHA256 && isPair:
		return kms.WrappingRSAAESKeyWrapSHA256 + "/RSA_2048", nil
	case wrapping == kms.WrappingRSAOAEPSHA256:
		return wrapping + "/RSA_2048", nil
	case wrapping == kms.WrappingSM2Encrypt && !isPair:
		return wrapping, nil
	}
	return "", wrongAlgorithm
}

// importable describes a key that waits for its material. That others are refused, and
// how, is from the API page "Error Code"; the library takes the same material again.
func (c *call) importable(ctx context.Context, id string) (*kms.Key, error) {
	key, err := c.describe(ctx, id)
	if err == nil && key.Origin != kms.OriginExternal {
		err = notExternal
	}
	if err != nil {
		return nil, err
	}
	return key, inState(key, notPendingImport, kms.KeyStatePendingImport)
}

// importKeyMaterial completes an import. The published lengths of what comes are not
// enforced: tokens of the library are shorter, and so is material under SM2.
func importKeyMaterial(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	opts := &kms.ImportKeyMaterialOptions{
		Token:             c.p.Base64("import_token", 1, maxImport),
		EncryptedMaterial: c.p.Base64("encrypted_key_material", 1, maxImport),
	}
	if private := c.p.OptBase64("encrypted_privatekey", 1, maxImport); private != nil {
		opts.EncryptedMaterial = slices.Concat(opts.EncryptedMaterial, private)
	} else {
		opts.EncryptedMaterial = fromASN1(opts.EncryptedMaterial)
	}
	if c.p.Has("expiration_time") {
		opts.ValidTo = time.Unix(c.p.Int("expiration_time", 0, maxTime), 0)
	}
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if _, err := c.importable(ctx, id); err != nil {
		return nil, err
	}
	return none{}, c.keys.ImportKeyMaterial(ctx, id, opts)
}

const maxTime = 253402300799 // the end of the year 9999, as Unix time

func deleteImportedKeyMaterial(ctx context.Context, c *call) (any, error) {
	key, err := c.inState(ctx, nothingImported,
		kms.KeyStateEnabled, kms.KeyStateDisabled, kms.KeyStateArchived)
	if err != nil {
		return nil, err
	}
	return none{}, c.keys.DeleteImportedKeyMaterial(ctx, key.ID)
}
