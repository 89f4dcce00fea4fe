package aws

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
)

// A sealed is a ciphertext, and what it is of.
type sealed struct {
	blob    []byte
	key     string
	version uint32 // 0 if it is asymmetric
}

func (s *sealed) materialID() string {
	if s.version == 0 {
		return ""
	}
	return materialID(s.key, s.version)
}

// inEnvelope returns what a symmetric ciphertext says of itself.
func inEnvelope(blob []byte, err error) (*sealed, error) {
	if err != nil {
		return nil, err
	}
	info, err := kms.ParseCiphertext(blob)
	return &sealed{blob, info.KeyID, info.KeyVersion}, err
}

// seal encrypts by any algorithm.
func seal(ctx context.Context, k *kms.KMS, key string, alg kms.Algorithm, plaintext []byte, aad kms.AAD) (*sealed, error) {
	if alg == kms.AlgorithmSymmetricDefault {
		return inEnvelope(k.Encrypt(ctx, key, plaintext, aad))
	}
	out, err := k.EncryptAsymmetric(ctx, key, alg, plaintext)
	if err != nil {
		return nil, err
	}
	blob := out.Ciphertext
	if alg == kms.AlgorithmSM2Encrypt {
		blob, err = kms.SM2CiphertextToASN1(blob) // guess: API documents name no form
	}
	return &sealed{blob: blob, key: out.KeyID}, err
}

// A source is a ciphertext to decrypt.
type source struct {
	key  string // what the request names, or ""
	alg  kms.Algorithm
	aad  kms.AAD
	blob []byte
	info kms.CiphertextInfo // zero if it is asymmetric, or none
}

func (s *source) symmetric() bool { return s.alg == kms.AlgorithmSymmetricDefault }

func (s *source) materialID() string {
	if !s.symmetric() {
		return ""
	}
	return materialID(s.info.KeyID, s.info.KeyVersion)
}

// open decrypts. AWS has one kind of ciphertexts, where the library has three.
func (s *source) open(ctx context.Context, k *kms.KMS) ([]byte, error) {
	switch {
	case !s.symmetric():
		return k.DecryptAsymmetric(ctx, s.key, 0, s.alg, s.asymmetric())
	case s.info.Purpose == kms.PurposeDataKey:
		return s.openDataKey(ctx, k)
	case s.info.Purpose == kms.PurposePrivateKey:
		return s.openPrivateKey(ctx, k)
	case s.key != "":
		return k.DecryptWith(ctx, s.key, s.blob, s.aad)
	}
	return k.Decrypt(ctx, s.blob, s.aad)
}

func (s *source) openDataKey(ctx context.Context, k *kms.KMS) ([]byte, error) {
	var d *kms.DataKey
	var err error
	if s.key != "" {
		d, err = k.DecryptDataKeyWith(ctx, s.key, s.blob, s.aad)
	} else {
		d, err = k.DecryptDataKey(ctx, s.blob, s.aad)
	}
	if err != nil {
		return nil, err
	}
	return d.Plaintext, nil
}

func (s *source) openPrivateKey(ctx context.Context, k *kms.KMS) ([]byte, error) {
	var p *kms.DataKeyPair
	var err error
	if s.key != "" {
		p, err = k.DecryptDataKeyPairWith(ctx, s.key, s.blob, s.aad)
	} else {
		p, err = k.DecryptDataKeyPair(ctx, s.blob, s.aad)
	}
	if err != nil {
		return nil, err
	}
	return p.PrivateKey, nil
}

// asymmetric returns the ciphertext as the library takes it.
func (s *source) asymmetric() []byte {
	if s.alg == kms.AlgorithmSM2Encrypt {
		return rawSM2(s.blob)
	}
	return s.blob
}

// rawSM2 returns an SM2 ciphertext of either form as the library takes it. One that
// is in neither stays as it is.
func rawSM2(blob []byte) []byte {
	if raw, err := kms.SM2CiphertextFromASN1(blob); err == nil {
		return raw
	}
	return blob
}

// reEncrypt encrypts anew without a plaintext here.
func (s *source) reEncrypt(ctx context.Context, k *kms.KMS, key string, _ kms.Algorithm, aad kms.AAD) (*sealed, error) {
	blob, _, err := k.ReEncrypt(ctx, s.blob, s.aad, &kms.ReEncryptOptions{
		SourceKey: s.key, Key: key, AAD: aad, ChangeAAD: true,
	})
	return inEnvelope(blob, err)
}

// reSeal is reEncrypt where an algorithm is asymmetric, which the library leaves to
// its callers: it takes the rights to decrypt and to encrypt.
func (s *source) reSeal(ctx context.Context, k *kms.KMS, key string, alg kms.Algorithm, aad kms.AAD) (*sealed, error) {
	plaintext, err := s.open(ctx, k)
	defer clear(plaintext)
	if errors.Is(err, kms.ErrDryRun) {
		plaintext, err = make([]byte, 1), nil // whether one is too long, nobody knows
	}
	if err != nil {
		return nil, err
	}
	return seal(ctx, k, key, alg, plaintext, aad)
}
