package huawei

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
)

// maxMACMessage is in bytes (huaweicloud-sdk-go-v3 v0.1.207, model_generate_mac_request_body.go).
const maxMACMessage = 4096

// macAlgorithms are those that have a name, and the specs of their keys; not all are here.
var macAlgorithms = map[string]kms.KeySpec{
	string(kms.AlgorithmHMACSHA256): kms.KeySpecHMACSHA256,
	"HMAC_SHA_384":                  "",
	"HMAC_SHA_512":                  "",
	string(kms.AlgorithmHMACSM3):    kms.KeySpecHMACSM3,
}

func isMACAlgorithm(s string) bool { _, ok := macAlgorithms[s]; return ok }

// mac is the answer of generate-mac.
type mac struct {
	KeyID     string        `json:"key_id"`
	Algorithm kms.Algorithm `json:"mac_algorithm"`
	MAC       []byte        `json:"mac"` // in base64 (guess)
}

func generateMac(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	alg := c.p.Text("mac_algorithm", isMACAlgorithm)
	text := c.p.Base64("message", 1, maxMACMessage)
	defer clear(text)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if err := c.hasMAC(ctx, id, alg); err != nil {
		return nil, err
	}
	m, err := c.keys.GenerateMAC(ctx, id, text)
	if err != nil {
		return nil, err
	}
	return &mac{c.keys.There(id), m.Algorithm, m.MAC}, nil
}

// hasMAC returns nil if the algorithm is that of the key, which the library does not ask
// for.
func (c *call) hasMAC(ctx context.Context, id, algorithm string) error {
	key, err := c.describe(ctx, id)
	if err != nil {
		return err
	}
	if key.Usage == kms.KeyUsageGenerateVerifyMAC && key.Spec != macAlgorithms[algorithm] {
		return wrongAlgorithm
	}
	return nil
}

// macVerification is the answer of verify-mac.
type macVerification struct {
	KeyID     string `json:"key_id"`
	Algorithm string `json:"mac_algorithm"`
	Valid     bool   `json:"mac_valid"`
}

// verifyMac verifies a MAC of the newest version of a key.
func verifyMac(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	alg := c.p.Text("mac_algorithm", isMACAlgorithm)
	text := c.p.Base64("message", 1, maxMACMessage)
	defer clear(text)
	m := c.p.Base64("mac", 1, maxSignature)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if err := c.hasMAC(ctx, id, alg); err != nil {
		return nil, err
	}
	err := c.keys.VerifyMAC(ctx, id, 0, text, m)
	if err != nil && !errors.Is(err, kms.ErrInvalidSignature) {
		return nil, err
	}
	return &macVerification{c.keys.There(id), alg, err == nil}, nil
}
