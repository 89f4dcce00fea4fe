package huawei

import (
	"context"
	"errors"
	"strconv"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Sizes in bytes of what is signed (huaweicloud-sdk-go-v3 v0.1.207,
// model_sign_request_body.go: less than 4,096) and of the largest signature, of RSA_4096.
const (
	maxMessage   = 4095
	maxSignature = 512
)

// isSigningAlgorithm is the rule of the algorithms that have a name; not all are here.
var isSigningAlgorithm = front.OneOf(
	string(kms.AlgorithmRSASSAPSSSHA256), string(kms.AlgorithmRSASSAPSSSHA384),
	string(kms.AlgorithmRSASSAPSSSHA512), string(kms.AlgorithmRSASSAPKCS1V15SHA256),
	string(kms.AlgorithmRSASSAPKCS1V15SHA384), string(kms.AlgorithmRSASSAPKCS1V15SHA512),
	string(kms.AlgorithmECDSASHA256), string(kms.AlgorithmECDSASHA384), "ECDSA_SHA_512",
	string(kms.AlgorithmSM2DSASM3),
)

// A message is what is signed, and how.
type message struct {
	key  string
	text []byte
	by   kms.Algorithm
	kind kms.MessageType
}

// message reads what is signed: a digest, unless message_type says RAW.
func (c *call) message() *message {
	return &message{
		key:  c.key("key_id"),
		text: c.p.Base64("message", 1, maxMessage),
		by:   kms.Algorithm(c.p.Text("signing_algorithm", isSigningAlgorithm)),
		kind: kms.MessageType(c.p.OptText("message_type", string(kms.MessageTypeDigest),
			front.OneOf(string(kms.MessageTypeDigest), string(kms.MessageTypeRaw)))),
	}
}

// signature is the answer of sign.
type signature struct {
	KeyID     string `json:"key_id"`
	Signature []byte `json:"signature"`
}

func sign(ctx context.Context, c *call) (any, error) {
	m := c.message()
	defer clear(m.text)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	s, err := c.keys.Sign(ctx, m.key, m.by, m.text, m.kind)
	if err != nil {
		return nil, err
	}
	return &signature{c.keys.There(m.key), s.Signature}, nil
}

// verification is the answer of verify.
type verification struct {
	KeyID string `json:"key_id"`
	Valid string `json:"signature_valid"` // "true" or "false"
}

// verify verifies a signature of the newest version of a key.
func verify(ctx context.Context, c *call) (any, error) {
	m := c.message()
	defer clear(m.text)
	s := c.p.Base64("signature", 1, maxSignature)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	err := c.keys.Verify(ctx, m.key, 0, m.by, m.text, m.kind, s)
	if err != nil && !errors.Is(err, kms.ErrInvalidSignature) {
		return nil, err
	}
	return &verification{c.keys.There(m.key), strconv.FormatBool(err == nil)}, nil
}

// publicKey is the answer of get-publickey.
type publicKey struct {
	KeyID     string `json:"key_id"`
	PublicKey string `json:"public_key"` // PEM (guess)
}

func getPublicKey(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	p, err := c.keys.PublicKey(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	return &publicKey{c.keys.There(id), string(p.PEM())}, nil
}
