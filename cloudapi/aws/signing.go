package aws

import (
	"context"

	"github.com/embedkms/kms"
)

const maxMessage = 4096 // bytes: API reference, Sign and GenerateMac

type signAnswer struct {
	KeyID            string `json:"KeyId"`
	Signature        []byte `json:"Signature"`
	SigningAlgorithm string `json:"SigningAlgorithm"`
}

// signing reads what is signed and how.
func (c *call) signing() (message []byte, mt kms.MessageType, alg kms.Algorithm) {
	message = c.Base64("Message", 1, maxMessage)
	mt = messageTypes.read(c, "MessageType", "RAW")
	alg = readWord(c, "SigningAlgorithm", "", signingAlgorithms)
	c.ignoreGrants()
	return message, mt, alg
}

func sign(ctx context.Context, c *call) (any, error) {
	ref, k := c.keyOrAlias("KeyId"), c.view()
	message, mt, alg := c.signing()
	defer clear(message)
	if err := c.Err(); err != nil {
		return nil, err
	}
	s, err := k.Sign(ctx, ref, alg, message, mt)
	if err != nil {
		return nil, err
	}
	return &signAnswer{c.keyARN(s.KeyID), s.Signature, wordFor(signingAlgorithms, alg)}, nil
}

type verifyAnswer struct {
	KeyID            string `json:"KeyId"`
	SignatureValid   bool   `json:"SignatureValid"`
	SigningAlgorithm string `json:"SigningAlgorithm"`
}

func verify(ctx context.Context, c *call) (any, error) {
	ref, k := c.keyOrAlias("KeyId"), c.view()
	message, mt, alg := c.signing()
	defer clear(message)
	signature := c.Base64("Signature", 1, maxBlob)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := k.Verify(ctx, ref, 0, alg, message, mt, signature); err != nil {
		return nil, err
	}
	return &verifyAnswer{c.nameOf(ctx, ref), true, wordFor(signingAlgorithms, alg)}, nil
}

type publicKeyAnswer struct {
	CustomerMasterKeySpec string   `json:"CustomerMasterKeySpec"`
	EncryptionAlgorithms  []string `json:"EncryptionAlgorithms,omitempty"`
	KeyID                 string   `json:"KeyId"`
	KeySpec               string   `json:"KeySpec"`
	KeyUsage              string   `json:"KeyUsage"`
	PublicKey             []byte   `json:"PublicKey"`
	SigningAlgorithms     []string `json:"SigningAlgorithms,omitempty"`
}

func getPublicKey(ctx context.Context, c *call) (any, error) {
	ref := c.keyOrAlias("KeyId")
	c.ignoreGrants()
	if err := c.Err(); err != nil {
		return nil, err
	}
	p, err := c.keys.PublicKey(ctx, ref, 0)
	if err != nil {
		return nil, err
	}
	answer := &publicKeyAnswer{
		CustomerMasterKeySpec: specWord(p.Spec),
		EncryptionAlgorithms:  algorithmWords(encryptionAlgorithms, p.Algorithms),
		KeyID:                 c.keyARN(p.KeyID),
		KeySpec:               specWord(p.Spec),
		KeyUsage:              "SIGN_VERIFY",
		PublicKey:             p.DER,
		SigningAlgorithms:     algorithmWords(signingAlgorithms, p.Algorithms),
	}
	if len(answer.EncryptionAlgorithms) > 0 {
		answer.KeyUsage = "ENCRYPT_DECRYPT"
	}
	return answer, nil
}
