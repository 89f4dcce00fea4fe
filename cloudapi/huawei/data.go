package huawei

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// dataCiphertext is the answer of encrypt-data.
type dataCiphertext struct {
	KeyID      string `json:"key_id"`
	CipherText []byte `json:"cipher_text"` // in base64
}

// encryptData encrypts text. A line break in it is let pass, though the published
// expression ^.{1,4096}$ could be read to exclude it: a PEM has some.
func encryptData(ctx context.Context, c *call) (any, error) {
	key := c.key("key_id")
	plaintext := []byte(c.p.Text("plain_text", front.Size(1, maxPlaintext)))
	defer clear(plaintext)
	alg := c.algorithm("encryption_algorithm")
	aad := c.aad()
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	ciphertext, err := c.encrypt(ctx, key, alg, plaintext, aad)
	if err != nil {
		return nil, err
	}
	return &dataCiphertext{c.keys.There(key), ciphertext}, nil
}

// encrypt encrypts by any algorithm.
func (c *call) encrypt(
	ctx context.Context, key string, alg kms.Algorithm, plaintext []byte, aad kms.AAD,
) ([]byte, error) {
	if alg == kms.AlgorithmSymmetricDefault {
		return c.keys.Encrypt(ctx, key, plaintext, aad)
	}
	if aad != nil {
		return nil, invalidContext // these algorithms bind none, and it must not seem so
	}
	out, err := c.keys.EncryptAsymmetric(ctx, key, alg, plaintext)
	if errors.Is(err, kms.ErrInvalidPlaintext) {
		return nil, plaintextTooLong
	} else if err != nil {
		return nil, err
	}
	return out.Ciphertext, nil
}

// dataPlaintext is the answer of decrypt-data.
type dataPlaintext struct {
	KeyID     string  `json:"key_id"`
	PlainText rawText `json:"plain_text,omitempty"` // if it is UTF-8
	Base64    []byte  `json:"plain_text_base64"`
}

// Clear implements [front.Clearer].
func (a *dataPlaintext) Clear() { clear(a.Base64) }

// decryptData decrypts data. What is not UTF-8, which encrypt-data does not take but the
// library does, and public keys do, is in the answer in base64 only.
func decryptData(ctx context.Context, c *call) (any, error) {
	ciphertext := decodeBase64(c.p.Text("cipher_text", isCiphertext))
	alg := c.algorithm("encryption_algorithm")
	key := c.optKey("key_id")
	aad := c.aad()
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	plaintext, key, err := c.decrypt(ctx, key, alg, ciphertext, aad)
	if err != nil {
		return nil, err
	}
	a := &dataPlaintext{KeyID: c.keys.There(key), Base64: plaintext}
	if utf8.Valid(plaintext) {
		a.PlainText = plaintext
	}
	return a, nil
}

// decrypt decrypts by any algorithm, and returns the key that did. The key is compulsory
// for the asymmetric ones, of which its newest version decrypts, and no other is tried.
// Otherwise it may be "", and if not it must be the ciphertext's.
func (c *call) decrypt(
	ctx context.Context, key string, alg kms.Algorithm, ciphertext []byte, aad kms.AAD,
) ([]byte, string, error) {
	if alg != kms.AlgorithmSymmetricDefault {
		plaintext, err := c.decryptAsymmetric(ctx, key, alg, ciphertext, aad)
		return plaintext, key, err
	}
	info, err := kms.ParseCiphertext(ciphertext)
	if err != nil {
		return nil, "", err
	}
	if key == "" {
		plaintext, err := c.keys.Decrypt(ctx, ciphertext, aad)
		return plaintext, info.KeyID, err
	}
	plaintext, err := c.keys.DecryptWith(ctx, key, ciphertext, aad)
	return plaintext, info.KeyID, err
}

func (c *call) decryptAsymmetric(
	ctx context.Context, key string, alg kms.Algorithm, ciphertext []byte, aad kms.AAD,
) ([]byte, error) {
	switch {
	case key == "":
		return nil, missingParameter
	case aad != nil:
		return nil, invalidContext
	case alg == kms.AlgorithmSM2Encrypt:
		ciphertext = fromASN1(ciphertext)
	}
	return c.keys.DecryptAsymmetric(ctx, key, 0, alg, ciphertext)
}
