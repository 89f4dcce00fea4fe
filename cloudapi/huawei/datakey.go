package huawei

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// datakeySizes are the sizes of data keys by key_spec, in bytes
// (huaweicloud-sdk-go-v3 v0.1.207, model_create_datakey_request_body.go).
var datakeySizes = map[string]int{
	"AES_256": 32, "AES_128": 16, "SM4": 16,
	"HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64, "HMAC_SM3": 32,
}

// newDatakey is the answer of create-datakey, and without the plaintext of
// create-datakey-without-plaintext.
type newDatakey struct {
	KeyID      string   `json:"key_id"`
	PlainText  upperHex `json:"plain_text,omitempty"`
	CipherText upperHex `json:"cipher_text"`
}

// Clear implements [front.Clearer].
func (a *newDatakey) Clear() { clear(a.PlainText) }

func createDatakey(ctx context.Context, c *call) (any, error) {
	return c.createDatakey(ctx, c.keys.GenerateDataKey)
}

func createHiddenDatakey(ctx context.Context, c *call) (any, error) {
	return c.createDatakey(ctx, c.keys.GenerateDataKeyWithoutPlaintext)
}

// createDatakey makes a data key. Its length in bits comes before its spec; without either
// it is 256.
func (c *call) createDatakey(ctx context.Context, generate generator) (any, error) {
	key := c.key("key_id")
	spec := c.p.OptText("key_spec", "AES_256", func(s string) bool { return datakeySizes[s] != 0 })
	size := datakeySizes[spec]
	if c.p.Has("datakey_length") {
		size = c.bits("datakey_length")
	}
	aad := c.aad()
	c.p.Refuse("pin")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	d, err := generate(ctx, key, size, aad)
	if err != nil {
		return nil, err
	}
	return &newDatakey{c.keys.There(key), d.Plaintext, d.Ciphertext}, nil
}

// A generator makes a data key.
type generator func(ctx context.Context, key string, size int, aad kms.AAD) (*kms.DataKey, error)

// datakeyCiphertext is the answer of encrypt-datakey.
type datakeyCiphertext struct {
	KeyID      string   `json:"key_id"`
	CipherText upperHex `json:"cipher_text"`
	Length     string   `json:"datakey_length"` // in bytes
}

// encryptDatakey encrypts a data key of the client's, which comes with its digest: SHA-256,
// or SM3 under an SM4 key.
func encryptDatakey(ctx context.Context, c *call) (any, error) {
	key := c.key("key_id")
	size := int(c.p.Int("datakey_plain_length", 1, kms.MaxDataKey))
	text := c.p.Text("plain_text", front.Any)
	aad := c.aad()
	c.p.Refuse("pin")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	dek, digest, ok := splitDatakey(text, size)
	defer clear(dek)
	if !ok {
		return nil, invalidDatakey
	}
	d, err := c.keys.EncryptDataKey(ctx, key, dek, digest, aad)
	if err != nil {
		return nil, err
	}
	return &datakeyCiphertext{c.keys.There(key), d.Ciphertext, strconv.Itoa(size)}, nil
}

const digestSize = 32 // bytes, of SHA-256 and of SM3

// splitDatakey decodes a data key of a size and its digest. One blank may stand between
// them, as in the example of the API page "Encrypting a DEK".
func splitDatakey(text string, size int) (dek, digest []byte, ok bool) {
	at := hex.EncodedLen(size)
	if len(text) > at && text[at] == ' ' {
		text = text[:at] + text[at+1:]
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != size+digestSize {
		clear(b)
		return nil, nil, false
	}
	return b[:size], b[size:], true
}

// datakeyPlaintext is the answer of decrypt-datakey.
type datakeyPlaintext struct {
	DataKey upperHex `json:"data_key"`
	Length  string   `json:"datakey_length"` // in bytes
	Digest  upperHex `json:"datakey_dgst"`
}

// Clear implements [front.Clearer].
func (a *datakeyPlaintext) Clear() { clear(a.DataKey) }

// decryptDatakey decrypts a data key. The length that must be given is its own, in bytes,
// whatever the parameter is called.
func decryptDatakey(ctx context.Context, c *call) (any, error) {
	key := c.key("key_id")
	text := c.p.Text("cipher_text", front.Any)
	size := int(c.p.Int("datakey_cipher_length", 1, kms.MaxDataKey))
	aad := c.aad()
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	ciphertext, err := hex.DecodeString(text)
	if err != nil {
		return nil, invalidDatakeyCiphertext
	}
	d, err := c.keys.DecryptDataKeyWith(ctx, key, ciphertext, aad)
	if err != nil {
		return nil, err
	}
	if len(d.Plaintext) != size {
		d.Destroy()
		return nil, wrongCipherSize
	}
	return &datakeyPlaintext{d.Plaintext, strconv.Itoa(size), d.Digest()}, nil
}

// randomData is the answer of gen-random.
type randomData struct {
	Data upperHex `json:"random_data"`
}

// Clear implements [front.Clearer].
func (a *randomData) Clear() { clear(a.Data) }

func genRandom(ctx context.Context, c *call) (any, error) {
	size := c.bits("random_data_length")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	b, err := c.keys.GenerateRandom(ctx, size)
	if err != nil {
		return nil, err
	}
	return &randomData{b}, nil
}

// upper writes upper-case hexadecimal.
func upper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
