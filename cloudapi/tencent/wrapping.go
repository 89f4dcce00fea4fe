package tencent

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/sm2"
)

// A wrapping makes of a plaintext what the answer shows of it, and clears the
// plaintext if that is anything else.
type wrapping func(plaintext []byte) ([]byte, error)

// Algorithms of EncryptionAlgorithm: tencentcloud-sdk-go kms v1.0.1000, models.go.
const (
	wrapSM2     = "SM2" // 04 ‖ x ‖ y ‖ C3 ‖ C2; the order is of the source, the 04 a guess
	wrapSM2DER  = "SM2_C1C3C2_ASN1"
	wrapOAEP256 = "RSAES_OAEP_SHA_256"
	wrapOAEP1   = "RSAES_OAEP_SHA_1"
	wrapPKCS1   = "RSAES_PKCS1_V1_5"
)

const maxPEM = 1024 // bytes: more than an RSA key of 2,048 bits takes

// readWrapping reads a public key of the client that its answer is encrypted under.
// Whoever asks for that never gets a plaintext: an algorithm without a key is
// refused as well.
func readWrapping(p *front.Params) wrapping {
	algorithm := p.OptText("EncryptionAlgorithm", "",
		front.OneOf("", wrapSM2, wrapSM2DER, wrapOAEP256, wrapOAEP1, wrapPKCS1))
	text := p.OptText("EncryptionPublicKey", "", front.Size(0, maxPEM))
	switch {
	case p.Err() != nil || text == "" && algorithm == "":
		return func(plaintext []byte) ([]byte, error) { return plaintext, nil }
	case algorithm == wrapOAEP1 || algorithm == wrapPKCS1:
		p.Fail("EncryptionAlgorithm", front.Unsupported)
		return nil
	case text == "":
		p.Fail("EncryptionPublicKey", front.Missing)
		return nil
	}
	encrypt, err := publicKey(text, algorithm)
	switch {
	case errors.Is(err, kms.ErrUnsupportedAlgorithm):
		p.Fail("EncryptionAlgorithm", front.Unsupported)
	case err != nil:
		p.Fail("EncryptionPublicKey", front.Invalid)
	}
	return wrapWith(encrypt)
}

// wrapWith returns a wrapping that encrypts.
func wrapWith(encrypt wrapping) wrapping {
	return func(plaintext []byte) ([]byte, error) {
		defer clear(plaintext)
		ciphertext, err := encrypt(plaintext)
		if err != nil {
			return nil, faultWrapping // that it is too long, as a rule
		}
		return ciphertext, nil
	}
}

var errPublicKey = errors.New("public key is invalid")

// publicKey returns what encrypts under a public key.
func publicKey(text, algorithm string) (wrapping, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		return nil, errPublicKey
	}
	if algorithm == wrapOAEP256 {
		return rsaKey(block.Bytes)
	}
	encrypt, err := sm2Key(block.Bytes)
	if err != nil || algorithm != wrapSM2DER {
		return encrypt, err
	}
	return func(plaintext []byte) ([]byte, error) {
		c1c3c2, err := encrypt(plaintext)
		if err != nil {
			return nil, err
		}
		return kms.SM2CiphertextToASN1(c1c3c2)
	}, nil
}

// rsaKey takes RSA_2048, as the source of the algorithms says.
func rsaKey(der []byte) (wrapping, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || key.N.BitLen() != 2048 {
		return nil, errPublicKey
	}
	return keypair.RSAPublic{Key: key}.Encrypt, nil
}

func sm2Key(der []byte) (wrapping, error) {
	point, err := sm2.ParseSPKI(der)
	if err != nil {
		return nil, errPublicKey
	}
	key, err := sm2.NewPublicKey(gm.Default(), point[:])
	if err != nil {
		return nil, err
	}
	return key.Encrypt, nil
}
