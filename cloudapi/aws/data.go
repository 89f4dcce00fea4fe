package aws

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits in bytes: API reference, Encrypt and Decrypt.
const (
	maxPlaintext = 4096
	maxBlob      = 6144 // of a ciphertext, a signature or a MAC
)

type encryptAnswer struct {
	CiphertextBlob      []byte `json:"CiphertextBlob"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
	KeyID               string `json:"KeyId"`
}

func encrypt(ctx context.Context, c *call) (any, error) {
	key, k := c.keyOrAlias("KeyId"), c.view()
	alg, aad := c.encryption("EncryptionAlgorithm", "EncryptionContext")
	c.ignoreGrants()
	plaintext := c.Base64("Plaintext", 1, maxPlaintext)
	defer clear(plaintext)
	if err := c.Err(); err != nil {
		return nil, err
	}
	out, err := seal(ctx, k, key, alg, plaintext, aad)
	if err != nil {
		return nil, err
	}
	return &encryptAnswer{out.blob, wordFor(encryptionAlgorithms, alg), c.keyARN(out.key)}, nil
}

type decryptAnswer struct {
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
	KeyID               string `json:"KeyId"`
	KeyMaterialID       string `json:"KeyMaterialId,omitempty"` // of a symmetric key
	Plaintext           []byte `json:"Plaintext"`
}

// Clear implements [front.Clearer].
func (a *decryptAnswer) Clear() { clear(a.Plaintext) }

func decrypt(ctx context.Context, c *call) (any, error) {
	k := c.view()
	from := c.source("KeyId", "EncryptionAlgorithm", "EncryptionContext")
	c.ignoreGrants()
	c.Refuse("Recipient", "DryRunModifiers")
	if err := c.Err(); err != nil {
		return nil, err
	}
	plaintext, err := from.open(ctx, k)
	if err != nil {
		return nil, c.checkKey(ctx, from, err)
	}
	return &decryptAnswer{
		EncryptionAlgorithm: wordFor(encryptionAlgorithms, from.alg),
		KeyID:               c.sourceARN(ctx, from),
		KeyMaterialID:       from.materialID(),
		Plaintext:           plaintext,
	}, nil
}

type reEncryptAnswer struct {
	CiphertextBlob                 []byte `json:"CiphertextBlob"`
	DestinationEncryptionAlgorithm string `json:"DestinationEncryptionAlgorithm"`
	DestinationKeyMaterialID       string `json:"DestinationKeyMaterialId,omitempty"` // of a symmetric key
	KeyID                          string `json:"KeyId"`
	SourceEncryptionAlgorithm      string `json:"SourceEncryptionAlgorithm"`
	SourceKeyID                    string `json:"SourceKeyId"`
	SourceKeyMaterialID            string `json:"SourceKeyMaterialId,omitempty"` // of a symmetric key
}

func reEncrypt(ctx context.Context, c *call) (any, error) {
	k := c.view()
	from := c.source("SourceKeyId", "SourceEncryptionAlgorithm", "SourceEncryptionContext")
	key := c.keyOrAlias("DestinationKeyId")
	alg, aad := c.encryption("DestinationEncryptionAlgorithm", "DestinationEncryptionContext")
	c.ignoreGrants()
	c.Refuse("DryRunModifiers")
	if err := c.Err(); err != nil {
		return nil, err
	}
	move := from.reSeal
	if from.symmetric() && alg == kms.AlgorithmSymmetricDefault {
		move = from.reEncrypt
	}
	out, err := move(ctx, k, key, alg, aad)
	if err != nil {
		return nil, c.checkKey(ctx, from, err)
	}
	return &reEncryptAnswer{
		CiphertextBlob:                 out.blob,
		DestinationEncryptionAlgorithm: wordFor(encryptionAlgorithms, alg),
		DestinationKeyMaterialID:       out.materialID(),
		KeyID:                          c.keyARN(out.key),
		SourceEncryptionAlgorithm:      wordFor(encryptionAlgorithms, from.alg),
		SourceKeyID:                    c.sourceARN(ctx, from),
		SourceKeyMaterialID:            from.materialID(),
	}, nil
}

// encryption reads an algorithm, and a context, which only the symmetric one binds.
func (c *call) encryption(algorithm, encryptionContext string) (kms.Algorithm, kms.AAD) {
	alg := readWord(c, algorithm, "SYMMETRIC_DEFAULT", encryptionAlgorithms)
	aad := c.ContextObject(encryptionContext)
	if aad != nil && alg != kms.AlgorithmSymmetricDefault {
		c.Fail(encryptionContext, front.Invalid)
	}
	return alg, aad
}

// source reads what to decrypt.
func (c *call) source(key, algorithm, encryptionContext string) *source {
	s := &source{key: c.optKeyOrAlias(key)}
	s.alg, s.aad = c.encryption(algorithm, encryptionContext)
	if s.key == "" && !s.symmetric() {
		c.Fail(key, front.Missing) // such a ciphertext does not say
	}
	s.blob = c.Base64("CiphertextBlob", 1, maxBlob)
	s.info, _ = kms.ParseCiphertext(s.blob) // what is none is for the library to refuse
	return s
}

// checkKey returns errIncorrectKey for an error of a ciphertext that is of another
// key than the one named, and else err. Under an alias it takes the right to describe
// the key to tell.
func (c *call) checkKey(ctx context.Context, s *source, err error) error {
	if s.key == "" || s.info.KeyID == "" || !errors.Is(err, kms.ErrInvalidCiphertext) {
		return err
	}
	id, unknown := c.idOf(ctx, s.key)
	if unknown == nil && id != s.info.KeyID {
		return errIncorrectKey
	}
	return err
}

// sourceARN returns the ARN of the key that has decrypted.
func (c *call) sourceARN(ctx context.Context, s *source) string {
	if s.symmetric() {
		return c.keyARN(s.info.KeyID)
	}
	return c.nameOf(ctx, s.key)
}

// idOf returns the ID of a key by what it is named.
func (c *call) idOf(ctx context.Context, ref string) (string, error) {
	if !isAlias(ref) {
		return ref, nil
	}
	key, err := c.keys.DescribeKey(ctx, ref)
	if err != nil {
		return "", err
	}
	return key.ID, nil
}

// nameOf returns the ARN of a key by what it is named, where the library does not say
// which key it was: of an alias whose key the caller may not describe, its own.
func (c *call) nameOf(ctx context.Context, ref string) string {
	id, err := c.idOf(ctx, ref)
	if err != nil {
		return c.arn(ref)
	}
	return c.keyARN(id)
}
