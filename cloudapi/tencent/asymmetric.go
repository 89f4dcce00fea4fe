package tencent

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const (
	maxRSACiphertext = 512 // bytes: RSA_4096
	maxSM2Ciphertext = 256 // bytes of DER: tencentcloud-sdk-go kms v1.0.1000, models.go
)

type publicKeyAnswer struct {
	KeyId        string
	PublicKey    []byte // DER, SubjectPublicKeyInfo (guess)
	PublicKeyPem string
	identity
}

func (s *service) getPublicKey(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	key, err := s.keys.PublicKey(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	return &publicKeyAnswer{
		KeyId: s.keys.There(key.KeyID), PublicKey: key.DER, PublicKeyPem: string(key.PEM()),
	}, nil
}

func (s *service) asymmetricRsaDecrypt(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	ciphertext := p.Base64("Ciphertext", 1, maxRSACiphertext)
	algorithm := p.Text("Algorithm", front.OneOf(wrapOAEP256, wrapOAEP1, wrapPKCS1))
	if p.Err() == nil && algorithm != wrapOAEP256 {
		p.Fail("Algorithm", front.Unsupported)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return s.decryptAsymmetric(ctx, id, kms.AlgorithmRSAESOAEPSHA256, ciphertext)
}

func (s *service) asymmetricSm2Decrypt(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	der := p.Base64("Ciphertext", 1, maxSM2Ciphertext)
	if err := p.Err(); err != nil {
		return nil, err
	}
	ciphertext, err := kms.SM2CiphertextFromASN1(der)
	if err != nil {
		// Decryption says so, but not to those who may not decrypt.
		ciphertext = der
	}
	return s.decryptAsymmetric(ctx, id, kms.AlgorithmSM2Encrypt, ciphertext)
}

func (s *service) decryptAsymmetric(
	ctx context.Context, id string, alg kms.Algorithm, ciphertext []byte,
) (answer, error) {
	plaintext, err := s.keys.DecryptAsymmetric(ctx, id, 0, alg, ciphertext)
	if err != nil {
		return nil, err
	}
	return &plaintextAnswer{KeyId: s.keys.There(id), Plaintext: plaintext}, nil
}
