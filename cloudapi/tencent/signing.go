package tencent

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits of tencentcloud-sdk-go kms v1.0.1000, models.go, but for the last (guess).
const (
	maxMessage   = 4096 // bytes of a message
	digestSize   = 32   // bytes of a digest
	maxSignature = 512  // bytes
)

// An algorithm is one that signs, of the keys of a KeyUsage.
type algorithm struct {
	KeyUsage  string
	Algorithm string
	here      kms.Algorithm
}

// signAlgorithms are those of tencentcloud-sdk-go kms v1.0.1000, models.go. That
// SM2DSA and ECC_P256_R1 write DER is a guess.
var signAlgorithms = []algorithm{
	{"ASYMMETRIC_SIGN_VERIFY_SM2", "SM2DSA", kms.AlgorithmSM2DSASM3},
	{"ASYMMETRIC_SIGN_VERIFY_ECC", "ECC_P256_R1", kms.AlgorithmECDSASHA256},
	{"ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PSS_SHA_256", kms.AlgorithmRSASSAPSSSHA256},
	{"ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PKCS1_SHA_256", kms.AlgorithmRSASSAPKCS1V15SHA256},
}

// readAlgorithm reads the algorithm of a signature.
func readAlgorithm(p *front.Params) (here kms.Algorithm) {
	p.Text("Algorithm", func(name string) bool {
		for _, a := range signAlgorithms {
			if a.Algorithm == name {
				here = a.here
			}
		}
		return here != ""
	})
	return here
}

// readMessage reads what is signed: a message, or its digest.
func readMessage(p *front.Params) ([]byte, kms.MessageType) {
	t := kms.MessageType(p.OptText("MessageType", "RAW", front.OneOf("", "RAW", "DIGEST")))
	if t == kms.MessageTypeDigest {
		return p.Base64("Message", digestSize, digestSize), t
	}
	return p.Base64("Message", 1, maxMessage), kms.MessageTypeRaw
}

type signAnswer struct {
	Signature []byte
	identity
}

func (s *service) signByAsymmetricKey(ctx context.Context, p *front.Params) (answer, error) {
	id, algorithm := s.key(p, "KeyId"), readAlgorithm(p)
	message, kind := readMessage(p)
	defer clear(message)
	if err := p.Err(); err != nil {
		return nil, err
	}
	signature, err := s.keys.Sign(ctx, id, algorithm, message, kind)
	if err != nil {
		return nil, err
	}
	return &signAnswer{Signature: signature.Signature}, nil
}

type verifyAnswer struct {
	SignatureValid bool
	identity
}

func (s *service) verifyByAsymmetricKey(ctx context.Context, p *front.Params) (answer, error) {
	id, algorithm := s.key(p, "KeyId"), readAlgorithm(p)
	message, kind := readMessage(p)
	defer clear(message)
	signature := p.Base64("SignatureValue", 1, maxSignature)
	if err := p.Err(); err != nil {
		return nil, err
	}
	err := s.keys.Verify(ctx, id, 0, algorithm, message, kind, signature)
	if err != nil && !errors.Is(err, kms.ErrInvalidSignature) {
		return nil, err
	}
	return &verifyAnswer{SignatureValid: err == nil}, nil
}

type algorithmsAnswer struct {
	SymmetricAlgorithms            []algorithm
	AsymmetricAlgorithms           []algorithm
	AsymmetricSignVerifyAlgorithms []algorithm
	identity
}

// listAlgorithms tells what keys can be created for. The names of those that do not
// sign are a guess.
func (s *service) listAlgorithms(context.Context, *front.Params) (answer, error) {
	return &algorithmsAnswer{
		SymmetricAlgorithms: []algorithm{{KeyUsage: usageSymmetric, Algorithm: "AES_256"}},
		AsymmetricAlgorithms: []algorithm{
			{KeyUsage: "ASYMMETRIC_DECRYPT_RSA_2048", Algorithm: "RSA_2048"},
			{KeyUsage: "ASYMMETRIC_DECRYPT_SM2", Algorithm: "SM2"},
		},
		AsymmetricSignVerifyAlgorithms: signAlgorithms,
	}, nil
}
