package tencent

import (
	"context"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const (
	maxValidTo       = 2147443200 // s since 1970: tencentcloud-sdk-go kms v1.0.1000, models.go
	maxToken         = 1024       // bytes
	wrappingKeySpec  = "RSA_2048"
	wrappingKeyBytes = 256
)

type importAnswer struct {
	KeyId             string
	ImportToken       []byte
	PublicKey         []byte // DER, SubjectPublicKeyInfo (guess)
	ParametersValidTo int64
	identity
}

func (s *service) getParametersForImport(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	algorithm := p.Text("WrappingAlgorithm", front.OneOf(wrapOAEP256, wrapOAEP1, wrapPKCS1))
	p.Text("WrappingKeySpec", front.OneOf(wrappingKeySpec))
	if p.Err() == nil && algorithm != wrapOAEP256 {
		p.Fail("WrappingAlgorithm", front.Unsupported)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	const wrapping = kms.WrappingRSAOAEPSHA256 + "/" + wrappingKeySpec
	params, err := s.keys.ImportParameters(ctx, id, wrapping)
	if err != nil {
		return nil, err
	}
	return &importAnswer{
		KeyId: s.keys.There(id), ImportToken: params.Token, PublicKey: params.PublicKey,
		ParametersValidTo: params.ExpiresAt.Unix(),
	}, nil
}

func (s *service) importKeyMaterial(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	opts := &kms.ImportKeyMaterialOptions{
		Token:             p.Base64("ImportToken", 1, maxToken),
		EncryptedMaterial: p.Base64("EncryptedKeyMaterial", 1, wrappingKeyBytes),
	}
	if validTo := p.OptInt("ValidTo", 0, 0, maxValidTo); validTo != 0 {
		opts.ValidTo = time.Unix(validTo, 0)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &identity{}, s.keys.ImportKeyMaterial(ctx, id, opts)
}

func (s *service) deleteImportedKeyMaterial(ctx context.Context, p *front.Params) (answer, error) {
	return s.changeOne(ctx, p, func(ctx context.Context, k *kms.KMS, id string) error {
		return k.DeleteImportedKeyMaterial(ctx, id)
	})
}
