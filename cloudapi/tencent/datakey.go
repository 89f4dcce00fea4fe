package tencent

import (
	"context"

	"github.com/embedkms/kms/internal/front"
)

const maxRandom = 1024 // bytes of a data key or of random (API pages)

type dataKeyAnswer struct {
	KeyId          string
	Plaintext      []byte
	CiphertextBlob []byte
	identity
}

// Clear implements [front.Clearer].
func (a *dataKeyAnswer) Clear() { clear(a.Plaintext) }

func (s *service) generateDataKey(ctx context.Context, p *front.Params) (answer, error) {
	key, size := s.key(p, "KeyId"), dataKeySize(p)
	aad := encryptionContext(p, "EncryptionContext")
	wrap := readWrapping(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	d, err := s.keys.GenerateDataKey(ctx, key, size, aad)
	if err != nil {
		return nil, err
	}
	plaintext, err := wrap(d.Plaintext)
	if err != nil {
		return nil, err
	}
	return &dataKeyAnswer{
		KeyId: s.keys.There(d.KeyID), Plaintext: plaintext, CiphertextBlob: d.Ciphertext,
	}, nil
}

// dataKeySize reads the size of a data key: NumberOfBytes, or else that of KeySpec.
func dataKeySize(p *front.Params) int {
	spec := p.OptText("KeySpec", "", front.OneOf("", "AES_128", "AES_256"))
	switch {
	case p.Has("NumberOfBytes"):
		return int(p.Int("NumberOfBytes", 1, maxRandom))
	case spec == "AES_128":
		return 16
	case spec == "":
		p.Fail("KeySpec", front.Missing)
	}
	return 32
}

func (s *service) generateRandom(ctx context.Context, p *front.Params) (answer, error) {
	size := p.Int("NumberOfBytes", 1, maxRandom)
	if err := p.Err(); err != nil {
		return nil, err
	}
	random, err := s.keys.GenerateRandom(ctx, int(size))
	if err != nil {
		return nil, err
	}
	return &plaintextAnswer{Plaintext: random}, nil
}
