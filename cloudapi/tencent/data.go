package tencent

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const (
	maxPlaintext  = 4096 // bytes (API page "Encrypt")
	maxCiphertext = kms.Overhead + kms.MaxPlaintext
)

type encryptAnswer struct {
	CiphertextBlob []byte
	KeyId          string
	identity
}

func (s *service) encrypt(ctx context.Context, p *front.Params) (answer, error) {
	key := s.key(p, "KeyId")
	plaintext := p.Base64("Plaintext", 1, maxPlaintext)
	defer clear(plaintext)
	aad := encryptionContext(p, "EncryptionContext")
	if err := p.Err(); err != nil {
		return nil, err
	}
	ciphertext, err := s.keys.Encrypt(ctx, key, plaintext, aad)
	if err != nil {
		return nil, err
	}
	return &encryptAnswer{CiphertextBlob: ciphertext, KeyId: s.keys.There(key)}, nil
}

// A plaintextAnswer has a plaintext, or the ciphertext that a client wants in its
// place.
type plaintextAnswer struct {
	KeyId     string `json:",omitempty"` // of those that have a key
	Plaintext []byte
	identity
}

// Clear implements [front.Clearer].
func (a *plaintextAnswer) Clear() { clear(a.Plaintext) }

func (s *service) decrypt(ctx context.Context, p *front.Params) (answer, error) {
	ciphertext := p.Base64("CiphertextBlob", 1, maxCiphertext)
	aad := encryptionContext(p, "EncryptionContext")
	wrap := readWrapping(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	info, err := kms.ParseCiphertext(ciphertext)
	if err != nil {
		return nil, err
	}
	plaintext, err := s.open(ctx, info.Purpose, ciphertext, aad)
	if err != nil {
		return nil, err
	}
	if plaintext, err = wrap(plaintext); err != nil {
		return nil, err
	}
	return &plaintextAnswer{KeyId: s.keys.There(info.KeyID), Plaintext: plaintext}, nil
}

// open decrypts what Encrypt or GenerateDataKey has encrypted: the API has one
// Decrypt for both.
func (s *service) open(
	ctx context.Context, purpose kms.Purpose, ciphertext []byte, aad kms.AAD,
) ([]byte, error) {
	if purpose != kms.PurposeDataKey {
		return s.keys.Decrypt(ctx, ciphertext, aad)
	}
	d, err := s.keys.DecryptDataKey(ctx, ciphertext, aad)
	if err != nil {
		return nil, err
	}
	return d.Plaintext, nil
}

type reEncryptAnswer struct {
	CiphertextBlob []byte
	KeyId          string
	SourceKeyId    string
	ReEncrypted    bool
	identity
}

// reEncrypt binds no context if none is given for the new ciphertext (guess).
func (s *service) reEncrypt(ctx context.Context, p *front.Params) (answer, error) {
	ciphertext := p.Base64("CiphertextBlob", 1, maxCiphertext)
	opts := &kms.ReEncryptOptions{ChangeAAD: true}
	if p.OptText("DestinationKeyId", "", front.Any) != "" {
		opts.Key = s.key(p, "DestinationKeyId")
	}
	source := encryptionContext(p, "SourceEncryptionContext")
	opts.AAD = encryptionContext(p, "DestinationEncryptionContext")
	if err := p.Err(); err != nil {
		return nil, err
	}
	out, changed, err := s.keys.ReEncrypt(ctx, ciphertext, source, opts)
	if err != nil {
		return nil, err
	}
	old, err := kms.ParseCiphertext(ciphertext)
	if err != nil {
		return nil, err
	}
	now, err := kms.ParseCiphertext(out)
	if err != nil {
		return nil, err
	}
	return &reEncryptAnswer{
		CiphertextBlob: out, KeyId: s.keys.There(now.KeyID),
		SourceKeyId: s.keys.There(old.KeyID), ReEncrypted: changed,
	}, nil
}
