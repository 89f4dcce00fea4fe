package huawei

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// reEncrypted is the answer of re-encrypt.
type reEncrypted struct {
	KeyID         string        `json:"key_id"`
	SourceKeyID   string        `json:"source_key_id"`
	SourceAlg     kms.Algorithm `json:"source_encryption_algorithm"`
	DestinationBy kms.Algorithm `json:"destination_encryption_algorithm"`
	CipherText    string        `json:"cipher_text"` // encoded as the one that was sent
}

// A reEncryption is what re-encrypt was asked for.
type reEncryption struct {
	source, destination       string // keys; the source may be ""
	sourceAlg, destinationAlg kms.Algorithm
	sourceAAD, destinationAAD kms.AAD
	ciphertext                []byte
}

// reEncrypt brings a ciphertext under another key or context: one of data in base64, or
// one of a data key in hexadecimal.
func reEncrypt(ctx context.Context, c *call) (any, error) {
	ciphertext, encode := decodeEither(c.p.Text("cipher_text", front.Size(1, maxReEncrypt)))
	r := &reEncryption{
		source:         c.optKey("source_key_id"),
		sourceAlg:      c.algorithm("source_encryption_algorithm"),
		sourceAAD:      c.data("source_" + aadName),
		destination:    c.key("destination_key_id"),
		destinationAlg: c.algorithm("destination_encryption_algorithm"),
		destinationAAD: c.data("destination_" + aadName),
		ciphertext:     ciphertext,
	}
	size := int(c.p.OptInt("datakey_cipher_length", 0, 1, kms.MaxDataKey))
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	out, source, err := c.reEncrypt(ctx, r)
	if err != nil {
		return nil, err
	}
	if info, err := kms.ParseCiphertext(out); size != 0 && (err != nil || info.PlaintextSize != size) {
		return nil, wrongCipherSize
	}
	return &reEncrypted{
		c.keys.There(r.destination), c.keys.There(source), r.sourceAlg, r.destinationAlg, encode(out),
	}, nil
}

// maxReEncrypt is the size in characters of the largest ciphertext of a data key.
const maxReEncrypt = 5648

// reEncrypt returns the new ciphertext, and the key of the old one. From or to asymmetric
// algorithms it takes the rights to decrypt and to encrypt, which are two calls then.
func (c *call) reEncrypt(ctx context.Context, r *reEncryption) ([]byte, string, error) {
	if r.sourceAlg == kms.AlgorithmSymmetricDefault && r.destinationAlg == r.sourceAlg {
		info, err := kms.ParseCiphertext(r.ciphertext)
		if err != nil {
			return nil, "", err
		}
		out, _, err := c.keys.ReEncrypt(ctx, r.ciphertext, r.sourceAAD, &kms.ReEncryptOptions{
			SourceKey: r.source, Key: r.destination, AAD: r.destinationAAD, ChangeAAD: true,
		})
		return out, info.KeyID, err
	}
	plaintext, source, err := c.decrypt(ctx, r.source, r.sourceAlg, r.ciphertext, r.sourceAAD)
	if err != nil {
		return nil, "", err
	}
	defer clear(plaintext)
	out, err := c.encrypt(ctx, r.destination, r.destinationAlg, plaintext, r.destinationAAD)
	return out, source, err
}

// decodeEither decodes hexadecimal or base64, nil if it is neither, and returns how to
// encode likewise. No ciphertext in base64 has hexadecimal digits only.
func decodeEither(text string) ([]byte, func([]byte) string) {
	if b, err := hex.DecodeString(text); err == nil {
		return b, upper
	}
	return decodeBase64(text), base64.StdEncoding.EncodeToString
}
