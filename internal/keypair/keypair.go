// Package keypair is what asymmetric keys are made of: for each key spec its
// material, and what each algorithm does with it. Which key may be used for
// what is decided above.
package keypair

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/algorithm"
	"github.com/embedkms/kms/internal/pkcs8"
	"github.com/embedkms/kms/internal/sm2"
)

// The specs of pairs.
const (
	RSA2048 = "RSA_2048"
	RSA3072 = "RSA_3072"
	RSA4096 = "RSA_4096"
	ECP256  = "EC_P256"
	ECP384  = "EC_P384"
	SM2     = "SM2"
)

// MaxPKCS8 is the most bytes that a private key may have, whatever its spec.
const MaxPKCS8 = 4096

// ErrInvalidKey says that bytes are not a private key of the spec.
var ErrInvalidKey = errors.New("private key is invalid")

// ErrInvalidCiphertext is the one answer to a ciphertext that does not decrypt.
var ErrInvalidCiphertext = errors.New("ciphertext does not decrypt")

// A Pair is a private key with its public one. It never changes and is safe for
// concurrent use.
type Pair interface {
	Spec() string

	// Public returns an *rsa.PublicKey or an *ecdsa.PublicKey, which is the
	// caller's to change.
	Public() crypto.PublicKey

	// SPKI returns the public key as DER, SubjectPublicKeyInfo (RFC 5280).
	SPKI() ([]byte, error)

	// PKCS8 returns the private key as DER (RFC 5208), in the one form that a
	// key has here, whatever the form it was read from.
	PKCS8() ([]byte, error)
}

// A Decrypter is a pair that encrypts and decrypts.
type Decrypter interface {
	Pair

	// MaxPlaintext is the most bytes that Encrypt takes.
	MaxPlaintext() int

	// Encrypt encrypts under the public key.
	Encrypt(plaintext []byte) ([]byte, error)

	// Decrypt returns ErrInvalidCiphertext and nothing else if it fails.
	Decrypt(ciphertext []byte) ([]byte, error)
}

// A Signer is a pair that signs and verifies. Its algorithms are named as in
// package kms; one that is not of the pair's is a programmer's error.
type Signer interface {
	Pair

	// Digest returns what of a message is signed, and DigestSize its bytes.
	Digest(algorithm string, message []byte) ([]byte, error)
	DigestSize(algorithm string) int

	Sign(algorithm string, digest []byte) ([]byte, error)
	Verify(algorithm string, digest, signature []byte) bool
}

// Generate returns a new pair. An RSA pair takes long: a tenth of a second, and of
// 4,096 bits a second or more. p serves SM2.
func Generate(spec string, p gm.Provider) (Pair, error) {
	switch spec {
	case RSA2048, RSA3072, RSA4096:
		return generateRSA(spec)
	case ECP256, ECP384:
		return generateEC(spec)
	case SM2:
		return generateSM2(p)
	}
	return nil, fmt.Errorf("%w: key spec %q", algorithm.ErrUnsupported, spec)
}

// Parse returns the pair of a private key: DER, PKCS #8 (RFC 5208), at most
// MaxPKCS8 bytes. What is none of a spec, or is one that is not sound, is
// ErrInvalidKey. p serves SM2.
func Parse(der []byte, p gm.Provider) (Pair, error) {
	if len(der) > MaxPKCS8 {
		return nil, ErrInvalidKey
	}
	if d, public, err := sm2.ParsePKCS8(der); err == nil {
		return parseSM2(d, public, p)
	}
	algorithm, key, ok := pkcs8.Parse(der)
	if !ok {
		return nil, ErrInvalidKey
	}
	switch string(algorithm) {
	case rsaEncryption, rsaWithoutNull:
		return parseRSA(key)
	case ecOnP256:
		return parseEC(ECP256, p256, key)
	case ecOnP384:
		return parseEC(ECP384, p384, key)
	}
	return nil, ErrInvalidKey
}

// The algorithms of private keys, each in the one encoding that DER has for it.
const (
	rsaEncryption  = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00" // RFC 8017
	rsaWithoutNull = "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"         // as some software has it
	ecPublicKey    = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"                         // RFC 5480
	p256           = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
	p384           = "\x06\x05\x2b\x81\x04\x00\x22"
	ecOnP256       = "\x30\x13" + ecPublicKey + p256
	ecOnP384       = "\x30\x10" + ecPublicKey + p384
)
