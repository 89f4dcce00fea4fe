package alibaba

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Sizes in bytes, and of contexts in characters.
const (
	maxPlaintext  = 6 << 10 // API page "Encrypt"
	maxCiphertext = kms.MaxPlaintext + kms.Overhead
	maxContext    = 8192 // API page "EncryptionContext"
)

// A version names the key version that something was done with.
type version struct {
	KeyVersionID string `json:"KeyVersionId" xml:"KeyVersionId"`
	KeyID        string `json:"KeyId" xml:"KeyId"`
}

// versionOf returns the names of a key version here.
func (c *call) versionOf(id string, v uint32) version {
	return version{versionID(id, v), c.api.keys.There(id)}
}

// A ciphertext is the answer of what encrypts.
type ciphertext struct {
	version
	CiphertextBlob blob
	answer
}

// ciphertextOf returns the answer with an envelope of the library.
func (c *call) ciphertextOf(envelope []byte) (*ciphertext, error) {
	info, err := kms.ParseCiphertext(envelope)
	if err != nil {
		return nil, err
	}
	return &ciphertext{c.versionOf(info.KeyID, info.KeyVersion), envelope, c.answer()}, nil
}

// A plaintext is the answer of what decrypts.
type plaintext struct {
	version
	Plaintext blob
	answer
}

// Clear implements front.Clearer.
func (p *plaintext) Clear() { clear(p.Plaintext) }

func (c *call) encrypt(ctx context.Context) (any, error) {
	key, aad := c.key("KeyId"), c.Context("EncryptionContext", maxContext)
	message := c.Base64("Plaintext", 1, maxPlaintext)
	defer clear(message)
	if err := c.Err(); err != nil {
		return nil, err
	}
	envelope, err := c.keys.Encrypt(ctx, key, message, aad)
	if err != nil {
		return nil, err
	}
	return c.ciphertextOf(envelope)
}

func (c *call) decrypt(ctx context.Context) (any, error) {
	envelope := c.Base64("CiphertextBlob", 1, maxCiphertext)
	aad := c.Context("EncryptionContext", maxContext)
	if err := c.Err(); err != nil {
		return nil, err
	}
	info, err := kms.ParseCiphertext(envelope)
	if err != nil {
		return nil, err
	}
	message, err := c.open(ctx, envelope, info.Purpose, aad)
	if err != nil {
		return nil, err
	}
	return &plaintext{c.versionOf(info.KeyID, info.KeyVersion), message, c.answer()}, nil
}

// open decrypts an envelope of data or of a data key, which the vendor does not tell apart.
func (c *call) open(
	ctx context.Context, envelope []byte, purpose kms.Purpose, aad kms.AAD,
) ([]byte, error) {
	switch purpose {
	case kms.PurposeData:
		return c.keys.Decrypt(ctx, envelope, aad)
	case kms.PurposeDataKey:
		key, err := c.keys.DecryptDataKey(ctx, envelope, aad)
		if err != nil {
			return nil, err
		}
		return key.Plaintext, nil
	}
	return nil, kms.ErrInvalidCiphertext
}

// reEncrypt answers which key the ciphertext was under: kms-20160120 v3.2.3,
// ReEncryptResponseBody.
func (c *call) reEncrypt(ctx context.Context) (any, error) {
	to := c.key("DestinationKeyId")
	aad := c.Context("DestinationEncryptionContext", maxContext)
	if c.Has("SourceEncryptionAlgorithm") {
		return c.reEncryptAsymmetric(ctx, to, aad)
	}
	envelope := c.Base64("CiphertextBlob", 1, maxCiphertext)
	opts := &kms.ReEncryptOptions{
		SourceKey: c.optKey("SourceKeyId"), Key: to, AAD: aad, ChangeAAD: true,
	}
	from := c.Context("SourceEncryptionContext", maxContext)
	sourceVersion := c.OptText("SourceKeyVersionId", "", isID)
	if err := c.Err(); err != nil {
		return nil, err
	}
	info, err := kms.ParseCiphertext(envelope)
	if err != nil {
		return nil, err
	}
	source := c.versionOf(info.KeyID, info.KeyVersion)
	if sourceVersion != "" && sourceVersion != source.KeyVersionID {
		return nil, kms.ErrInvalidCiphertext
	}
	envelope, _, err = c.keys.ReEncrypt(ctx, envelope, from, opts)
	if err != nil {
		return nil, err
	}
	return &ciphertext{source, envelope, c.answer()}, nil
}

// reEncryptAsymmetric is reEncrypt of what was encrypted under a public key.
func (c *call) reEncryptAsymmetric(ctx context.Context, to string, aad kms.AAD) (any, error) {
	from := c.target("SourceKeyId", "SourceKeyVersionId")
	algorithm := c.algorithm("SourceEncryptionAlgorithm", encryptionAlgorithms)
	in := c.publicCiphertext(algorithm)
	if err := c.Err(); err != nil {
		return nil, err
	}
	id, v, err := c.find(ctx, from)
	if err != nil {
		return nil, err
	}
	message, err := c.keys.DecryptAsymmetric(ctx, id, v, algorithm, in)
	if front.Is(err, kms.ErrDryRun) {
		message, err = []byte{0}, nil // whatever it is: the other key has to be tried too
	}
	if err != nil {
		return nil, err
	}
	defer clear(message)
	envelope, err := c.keys.Encrypt(ctx, to, message, aad)
	if err != nil {
		return nil, err
	}
	return &ciphertext{c.versionOf(id, v), envelope, c.answer()}, nil
}
