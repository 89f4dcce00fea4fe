package alibaba

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// dataKeySizes by KeySpec, in bytes: kms-20160120 v3.2.3, GenerateDataKeyRequest.
var dataKeySizes = map[string]int64{"AES_256": 32, "AES_128": 16}

// dataKeySize reads how many bytes a data key shall have. NumberOfBytes comes before
// KeySpec, and without either it is 32: kms-20160120 v3.2.3, GenerateDataKeyRequest.
func (c *call) dataKeySize() int {
	size := dataKeySizes[c.OptText("KeySpec", "AES_256", nameIn(dataKeySizes))]
	return int(c.OptInt("NumberOfBytes", size, 1, kms.MaxDataKey))
}

// A dataKey is the answer of GenerateDataKey.
type dataKey struct {
	version
	CiphertextBlob blob
	Plaintext      blob
	answer
}

// Clear implements front.Clearer.
func (d *dataKey) Clear() { clear(d.Plaintext) }

func (c *call) generateDataKey(ctx context.Context) (any, error) {
	k, err := c.newDataKey(ctx, c.keys.GenerateDataKey)
	if err != nil {
		return nil, err
	}
	return &dataKey{c.versionOf(k.KeyID, k.KeyVersion), k.Ciphertext, k.Plaintext, c.answer()}, nil
}

func (c *call) generateDataKeyWithoutPlaintext(ctx context.Context) (any, error) {
	k, err := c.newDataKey(ctx, c.keys.GenerateDataKeyWithoutPlaintext)
	if err != nil {
		return nil, err
	}
	return &ciphertext{c.versionOf(k.KeyID, k.KeyVersion), k.Ciphertext, c.answer()}, nil
}

// A generator makes a data key.
type generator func(ctx context.Context, key string, size int, aad kms.AAD) (*kms.DataKey, error)

// newDataKey makes the data key that the parameters say.
func (c *call) newDataKey(ctx context.Context, generate generator) (*kms.DataKey, error) {
	key, aad := c.key("KeyId"), c.Context("EncryptionContext", maxContext)
	size := c.dataKeySize()
	if err := c.Err(); err != nil {
		return nil, err
	}
	return generate(ctx, key, size, aad)
}

// An exportedKey is a data key under a public key of the client's.
type exportedKey struct {
	version
	CiphertextBlob  blob `json:",omitempty" xml:",omitempty"` // of GenerateAndExportDataKey only
	ExportedDataKey blob
	answer
}

func (c *call) generateAndExportDataKey(ctx context.Context) (any, error) {
	key, aad := c.key("KeyId"), c.Context("EncryptionContext", maxContext)
	size, to := c.dataKeySize(), c.exporter()
	if c.Err() == nil && size > to.most {
		c.Fail("NumberOfBytes", front.Invalid)
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	k, err := c.keys.GenerateDataKey(ctx, key, size, aad)
	if err != nil {
		return nil, err
	}
	defer k.Destroy()
	exported, err := to.wrap(k.Plaintext)
	if err != nil {
		return nil, err
	}
	return &exportedKey{c.versionOf(k.KeyID, k.KeyVersion), k.Ciphertext, exported, c.answer()}, nil
}

func (c *call) exportDataKey(ctx context.Context) (any, error) {
	envelope := c.Base64("CiphertextBlob", 1, maxCiphertext)
	aad, to := c.Context("EncryptionContext", maxContext), c.exporter()
	if err := c.Err(); err != nil {
		return nil, err
	}
	info, err := kms.ParseCiphertext(envelope)
	if err != nil {
		return nil, err
	}
	if info.PlaintextSize > to.most {
		return nil, faultInvalid // guess
	}
	key, err := c.open(ctx, envelope, info.Purpose, aad)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	exported, err := to.wrap(key)
	if err != nil {
		return nil, err
	}
	return &exportedKey{c.versionOf(info.KeyID, info.KeyVersion), nil, exported, c.answer()}, nil
}
