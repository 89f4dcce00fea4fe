package alibaba

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
)

// Algorithms by the vendor's names: API pages "AsymmetricEncrypt" and "AsymmetricSign".
// An empty one is not offered here.
var (
	encryptionAlgorithms = map[string]kms.Algorithm{
		"RSAES_OAEP_SHA_256": kms.AlgorithmRSAESOAEPSHA256,
		"RSAES_OAEP_SHA_1":   "",
		"SM2PKE":             kms.AlgorithmSM2Encrypt,
	}
	signatureAlgorithms = map[string]kms.Algorithm{
		"RSA_PSS_SHA_256":   kms.AlgorithmRSASSAPSSSHA256,
		"RSA_PKCS1_SHA_256": kms.AlgorithmRSASSAPKCS1V15SHA256,
		"ECDSA_SHA_256":     kms.AlgorithmECDSASHA256,
		"SM2DSA":            kms.AlgorithmSM2DSASM3,
	}
)

// Sizes in bytes, above all that a key here makes or takes.
const (
	maxPublicCiphertext = 2048
	maxDigest           = 64
	maxSignature        = 1024
)

// algorithm reads one of those.
func (c *call) algorithm(name string, known map[string]kms.Algorithm) kms.Algorithm {
	alg := known[c.Text(name, nameIn(known))]
	if alg == "" {
		c.unsupported(name)
	}
	return alg
}

// publicCiphertext reads what was encrypted under a public key. That of SM2 is
// 04 ‖ x ‖ y ‖ C3 ‖ C2, from the vendor's limits (6,144 bytes, 6,047 of plaintext), or
// DER of GM/T 0009; both guesses.
func (c *call) publicCiphertext(alg kms.Algorithm) []byte {
	in := c.Base64("CiphertextBlob", 1, maxPublicCiphertext)
	if alg == kms.AlgorithmSM2Encrypt && len(in) > 0 && in[0] == 0x30 {
		if raw, err := kms.SM2CiphertextFromASN1(in); err == nil {
			return raw
		}
	}
	return in
}

func (c *call) asymmetricEncrypt(ctx context.Context) (any, error) {
	to, alg := c.target("KeyId", "KeyVersionId"), c.algorithm("Algorithm", encryptionAlgorithms)
	message := c.Base64("Plaintext", 1, maxPlaintext)
	defer clear(message)
	if err := c.Err(); err != nil {
		return nil, err
	}
	out, err := c.keys.EncryptAsymmetric(ctx, to.key, alg, message)
	if err != nil {
		return nil, err
	}
	if err := to.isPrimary(out.KeyID, out.KeyVersion); err != nil {
		return nil, err
	}
	return &ciphertext{c.versionOf(out.KeyID, out.KeyVersion), out.Ciphertext, c.answer()}, nil
}

// isPrimary returns nil if t is the primary version of a key, by which alone the library
// encrypts and signs.
func (t target) isPrimary(id string, primary uint32) error {
	switch v := versionOf(id, t.version); {
	case v > primary:
		return kms.ErrVersionNotFound
	case v < primary:
		return faultUnsupported
	}
	return nil
}

func (c *call) asymmetricDecrypt(ctx context.Context) (any, error) {
	from, alg := c.target("KeyId", "KeyVersionId"), c.algorithm("Algorithm", encryptionAlgorithms)
	in := c.publicCiphertext(alg)
	if err := c.Err(); err != nil {
		return nil, err
	}
	id, v, err := c.find(ctx, from)
	if err != nil {
		return nil, err
	}
	message, err := c.keys.DecryptAsymmetric(ctx, id, v, alg, in)
	if err != nil {
		return nil, err
	}
	return &plaintext{c.versionOf(id, v), message, c.answer()}, nil
}

// A signature is the answer of AsymmetricSign.
type signature struct {
	version
	Value blob
	answer
}

func (c *call) asymmetricSign(ctx context.Context) (any, error) {
	by, alg := c.target("KeyId", "KeyVersionId"), c.algorithm("Algorithm", signatureAlgorithms)
	digest := c.Base64("Digest", 1, maxDigest)
	if err := c.Err(); err != nil {
		return nil, err
	}
	out, err := c.keys.Sign(ctx, by.key, alg, digest, kms.MessageTypeDigest)
	if err != nil {
		return nil, err
	}
	if err := by.isPrimary(out.KeyID, out.KeyVersion); err != nil {
		return nil, err
	}
	return &signature{c.versionOf(out.KeyID, out.KeyVersion), out.Signature, c.answer()}, nil
}

// A verdict is the answer of AsymmetricVerify.
type verdict struct {
	version
	Value bool
	answer
}

func (c *call) asymmetricVerify(ctx context.Context) (any, error) {
	by, alg := c.target("KeyId", "KeyVersionId"), c.algorithm("Algorithm", signatureAlgorithms)
	digest, sig := c.Base64("Digest", 1, maxDigest), c.Base64("Value", 1, maxSignature)
	if err := c.Err(); err != nil {
		return nil, err
	}
	id, v, err := c.find(ctx, by)
	if err != nil {
		return nil, err
	}
	err = c.keys.Verify(ctx, id, v, alg, digest, kms.MessageTypeDigest, sig)
	if err != nil && !errors.Is(err, kms.ErrInvalidSignature) {
		return nil, err
	}
	return &verdict{c.versionOf(id, v), err == nil, c.answer()}, nil
}

// A publicKey is the answer of GetPublicKey, with PEM.
type publicKey struct {
	version
	PublicKey string
	answer
}

func (c *call) getPublicKey(ctx context.Context) (any, error) {
	of := c.target("KeyId", "KeyVersionId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	id, v, err := c.find(ctx, of)
	if err != nil {
		return nil, err
	}
	out, err := c.keys.PublicKey(ctx, id, v)
	if err != nil {
		return nil, err
	}
	return &publicKey{c.versionOf(id, v), string(out.PEM()), c.answer()}, nil
}
