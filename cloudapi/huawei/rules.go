package huawei

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"regexp"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits and forms of the API pages "Encrypting Data" and "Encrypting a DEK", and of
// huaweicloud-sdk-go-v3 v0.1.207, services/kms/v2/model.
const (
	sequenceSize   = 36   // bytes
	maxPlaintext   = 4096 // bytes
	maxAAD         = 128  // bytes
	maxContext     = 8192 // characters of JSON
	maxBits        = 8192 // of a data key or of random data
	maxDescription = 255  // characters

	aadName = "additional_authenticated_data"
)

// isKeyID is the form of a key ID, which is not one of hexadecimal digits only.
var isKeyID = regexp.MustCompile(`\A[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}\z`).MatchString

// isCiphertext is the published size of the ciphertext of data; its characters are those of
// base64, which are checked when it is decoded.
var isCiphertext = front.Size(128, 5648)

// key reads a key ID, and returns that of the key here.
func (c *call) key(name string) string { return c.keys.Here(c.p.Text(name, isKeyID)) }

// optKey reads a key ID that may be left out.
func (c *call) optKey(name string) string { return c.keys.Here(c.p.OptText(name, "", isKeyID)) }

// aad reads what a ciphertext is bound to: additional_authenticated_data, as the SDK and
// the newer pages have it, or encryption_context, as the older ones have. Both at once are
// refused (guess): there is no telling which of them a client means.
func (c *call) aad() kms.AAD {
	context := c.p.Context("encryption_context", maxContext)
	if c.p.Has("encryption_context") {
		if c.p.Has(aadName) {
			c.p.Fail(aadName, front.Invalid)
		}
		return context
	}
	return c.data(aadName)
}

// data reads additional data under a name.
func (c *call) data(name string) kms.AAD {
	if text := c.p.OptText(name, "", front.Size(0, maxAAD)); text != "" {
		return kms.AdditionalData(text)
	}
	return nil
}

// algorithm reads an algorithm of encryption.
func (c *call) algorithm(name string) kms.Algorithm {
	return kms.Algorithm(c.p.OptText(name, string(kms.AlgorithmSymmetricDefault), front.OneOf(
		string(kms.AlgorithmSymmetricDefault), string(kms.AlgorithmRSAESOAEPSHA256),
		string(kms.AlgorithmSM2Encrypt), "RSAES_OAEP_SHA_1",
	)))
}

// bits reads a length in bits, as a text of digits, and returns it in bytes.
func (c *call) bits(name string) int {
	n := c.p.Int(name, 8, maxBits)
	if n%8 != 0 {
		c.p.Fail(name, front.Invalid)
	}
	return int(n / 8)
}

// upperHex is written as upper-case hexadecimal, as in the examples of most pages.
type upperHex []byte

// MarshalText implements [encoding.TextMarshaler].
func (h upperHex) MarshalText() ([]byte, error) {
	text := hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(h))), h)
	return bytes.ToUpper(text), nil
}

// rawText is UTF-8 that is written as it is.
type rawText []byte

// MarshalText implements [encoding.TextMarshaler].
func (t rawText) MarshalText() ([]byte, error) { return t, nil }

// decodeBase64 decodes text that is of base64 characters; what is not is nil.
func decodeBase64(text string) []byte {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

// fromASN1 returns an SM2 ciphertext in the library's form, if it is in that of GM/T 0009,
// and any other as it is.
func fromASN1(ciphertext []byte) []byte {
	if raw, err := kms.SM2CiphertextFromASN1(ciphertext); err == nil {
		return raw
	}
	return ciphertext
}
