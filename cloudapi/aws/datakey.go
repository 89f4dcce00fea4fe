package aws

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

type dataKeyAnswer struct {
	CiphertextBlob []byte `json:"CiphertextBlob"`
	KeyID          string `json:"KeyId"`
	KeyMaterialID  string `json:"KeyMaterialId"`
	Plaintext      []byte `json:"Plaintext,omitempty"`
}

// Clear implements [front.Clearer].
func (a *dataKeyAnswer) Clear() { clear(a.Plaintext) }

func generateDataKey(ctx context.Context, c *call) (any, error) {
	c.Refuse("Recipient")
	return dataKey(ctx, c, (*kms.KMS).GenerateDataKey)
}

func generateDataKeyWithoutPlaintext(ctx context.Context, c *call) (any, error) {
	return dataKey(ctx, c, (*kms.KMS).GenerateDataKeyWithoutPlaintext)
}

func dataKey(
	ctx context.Context, c *call,
	generate func(*kms.KMS, context.Context, string, int, kms.AAD) (*kms.DataKey, error),
) (any, error) {
	key, k, aad := c.keyOrAlias("KeyId"), c.view(), c.ContextObject("EncryptionContext")
	c.ignoreGrants()
	size := c.dataKeySize()
	if err := c.Err(); err != nil {
		return nil, err
	}
	d, err := generate(k, ctx, key, size, aad)
	if err != nil {
		return nil, err
	}
	return &dataKeyAnswer{d.Ciphertext, c.keyARN(d.KeyID), materialID(d.KeyID, d.KeyVersion), d.Plaintext}, nil
}

// dataKeySize reads the size of a data key, in bytes, by one of two parameters.
func (c *call) dataKeySize() int {
	spec := c.OptText("KeySpec", "", front.OneOf("AES_256", "AES_128"))
	size := c.OptInt("NumberOfBytes", 0, 1, kms.MaxDataKey)
	switch {
	case spec == "" && !c.Has("NumberOfBytes"):
		c.Fail("NumberOfBytes", front.Missing)
	case spec != "" && c.Has("NumberOfBytes"):
		c.Fail("NumberOfBytes", front.Invalid)
	case spec == "AES_256":
		return 32
	case spec == "AES_128":
		return 16
	}
	return int(size)
}

type dataKeyPairAnswer struct {
	KeyID                    string `json:"KeyId"`
	KeyMaterialID            string `json:"KeyMaterialId"`
	KeyPairSpec              string `json:"KeyPairSpec"`
	PrivateKeyCiphertextBlob []byte `json:"PrivateKeyCiphertextBlob"`
	PrivateKeyPlaintext      []byte `json:"PrivateKeyPlaintext,omitempty"`
	PublicKey                []byte `json:"PublicKey"`
}

// Clear implements [front.Clearer].
func (a *dataKeyPairAnswer) Clear() { clear(a.PrivateKeyPlaintext) }

func generateDataKeyPair(ctx context.Context, c *call) (any, error) {
	c.Refuse("Recipient")
	return dataKeyPair(ctx, c, (*kms.KMS).GenerateDataKeyPair)
}

func generateDataKeyPairWithoutPlaintext(ctx context.Context, c *call) (any, error) {
	return dataKeyPair(ctx, c, (*kms.KMS).GenerateDataKeyPairWithoutPlaintext)
}

func dataKeyPair(
	ctx context.Context, c *call,
	generate func(*kms.KMS, context.Context, string, kms.KeySpec, kms.AAD) (*kms.DataKeyPair, error),
) (any, error) {
	key, k, aad := c.keyOrAlias("KeyId"), c.view(), c.ContextObject("EncryptionContext")
	c.ignoreGrants()
	spec := pairSpecs.read(c, "KeyPairSpec", "")
	if err := c.Err(); err != nil {
		return nil, err
	}
	p, err := generate(k, ctx, key, spec, aad)
	if err != nil {
		return nil, err
	}
	return &dataKeyPairAnswer{
		KeyID:                    c.keyARN(p.KeyID),
		KeyMaterialID:            materialID(p.KeyID, p.KeyVersion),
		KeyPairSpec:              pairSpecs.of(spec),
		PrivateKeyCiphertextBlob: p.PrivateKeyCiphertext,
		PrivateKeyPlaintext:      p.PrivateKey,
		PublicKey:                p.PublicKey,
	}, nil
}

type randomAnswer struct {
	Plaintext []byte `json:"Plaintext"`
}

// Clear implements [front.Clearer].
func (a *randomAnswer) Clear() { clear(a.Plaintext) }

func generateRandom(ctx context.Context, c *call) (any, error) {
	c.Refuse("Recipient", "CustomKeyStoreId")
	size := c.Int("NumberOfBytes", 1, 1024)
	if err := c.Err(); err != nil {
		return nil, err
	}
	random, err := c.keys.GenerateRandom(ctx, int(size))
	if err != nil {
		return nil, err
	}
	return &randomAnswer{random}, nil
}
