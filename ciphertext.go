package kms

import "github.com/embedkms/kms/internal/suite"

// Overhead is the size in bytes of a ciphertext less that of its plaintext.
const Overhead = suite.Overhead

// Limits of a plaintext in bytes; the least is 1.
const (
	MaxPlaintext = suite.MaxData    // of Encrypt
	MaxDataKey   = suite.MaxDataKey // of a data key
)

// A Suite is the set of algorithms of a ciphertext.
type Suite uint8

const (
	SuiteAES256 = Suite(suite.AES256) // XAES-256-GCM (C2SP), HKDF-SHA256
	SuiteSM4    = Suite(suite.SM4)    // the same shape over SM4-GCM (RFC 8998) and SM3
)

// String returns "AES_256" or "SM4".
func (s Suite) String() string {
	switch s {
	case SuiteAES256:
		return string(KeySpecAES256)
	case SuiteSM4:
		return string(KeySpecSM4)
	}
	return "unknown suite"
}

// A Purpose is what a ciphertext holds. One kind never opens as another.
type Purpose uint8

const (
	PurposeData       = Purpose(suite.Data)       // of Encrypt
	PurposeDataKey    = Purpose(suite.DataKey)    // of GenerateDataKey and EncryptDataKey
	PurposePrivateKey = Purpose(suite.PrivateKey) // the private half of a data key pair
)

// String returns "data", "data key" or "private key".
func (p Purpose) String() string {
	switch p {
	case PurposeData:
		return "data"
	case PurposeDataKey:
		return "data key"
	case PurposePrivateKey:
		return "private key"
	}
	return "unknown purpose"
}

// A CiphertextInfo is what a ciphertext says of itself in clear.
type CiphertextInfo struct {
	Suite         Suite
	Purpose       Purpose
	KeyID         string
	KeyVersion    uint32
	PlaintextSize int // in bytes
}

// ParseCiphertext reads the header of a ciphertext, for instance to find those
// that a rotated key should encrypt again. It needs no key and proves nothing:
// only decryption shows whether a ciphertext is what it says. Anything that
// has not the form of one is ErrInvalidCiphertext.
func ParseCiphertext(ciphertext []byte) (CiphertextInfo, error) {
	e, err := suite.Parse(ciphertext)
	if err != nil {
		return CiphertextInfo{}, &Error{Op: "ParseCiphertext", Err: ErrInvalidCiphertext}
	}
	return CiphertextInfo{
		Suite:         Suite(e.Suite()),
		Purpose:       Purpose(e.Purpose()),
		KeyID:         keyID(e.KeyID()).String(),
		KeyVersion:    e.Version(),
		PlaintextSize: e.PlaintextSize(),
	}, nil
}
