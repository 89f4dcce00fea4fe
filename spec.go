package kms

import (
	"fmt"

	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/record"
)

// A KeySpec is the kind of a key's material.
type KeySpec string

const (
	KeySpecAES256 KeySpec = "AES_256" // 32 bytes
	KeySpecSM4    KeySpec = "SM4"     // 16 bytes (GB/T 32907)

	KeySpecRSA2048 KeySpec = keypair.RSA2048 // a pair with a modulus of so many bits (RFC 8017)
	KeySpecRSA3072 KeySpec = keypair.RSA3072
	KeySpecRSA4096 KeySpec = keypair.RSA4096
	KeySpecSM2     KeySpec = keypair.SM2    // a pair on the curve of GB/T 32918.5
	KeySpecECP256  KeySpec = keypair.ECP256 // a pair on NIST P-256 (FIPS 186-5)
	KeySpecECP384  KeySpec = keypair.ECP384 // a pair on NIST P-384

	KeySpecHMACSHA256 KeySpec = "HMAC_SHA256" // 32 bytes
	KeySpecHMACSM3    KeySpec = "HMAC_SM3"    // 32 bytes
)

// A KeyUsage is what a key is for. A key has one.
type KeyUsage string

const (
	// KeyUsageEncryptDecrypt is for Encrypt, Decrypt and data keys under AES_256
	// and SM4, for EncryptAsymmetric and DecryptAsymmetric under RSA and SM2.
	KeyUsageEncryptDecrypt KeyUsage = "ENCRYPT_DECRYPT"

	// KeyUsageSignVerify is for Sign and Verify, under RSA, SM2 and EC.
	KeyUsageSignVerify KeyUsage = "SIGN_VERIFY"

	// KeyUsageGenerateVerifyMAC is for GenerateMAC and VerifyMAC, under HMAC.
	KeyUsageGenerateVerifyMAC KeyUsage = "GENERATE_VERIFY_MAC"
)

// An Algorithm is what a key does, named as the vendors' APIs name it.
type Algorithm string

const (
	// AlgorithmSymmetricDefault is that of Encrypt and Decrypt (docs/envelope.md).
	AlgorithmSymmetricDefault Algorithm = "SYMMETRIC_DEFAULT"

	// AlgorithmRSAESOAEPSHA256 is RSAES-OAEP (RFC 8017) with SHA-256, MGF1 with
	// SHA-256 and no label.
	AlgorithmRSAESOAEPSHA256 Algorithm = "RSAES_OAEP_SHA_256"

	// AlgorithmSM2Encrypt is SM2 encryption (GB/T 32918.4). A ciphertext is
	// 04 ‖ x ‖ y ‖ C3 ‖ C2; SM2CiphertextFromASN1 makes one of what others write.
	AlgorithmSM2Encrypt Algorithm = "SM2_ENCRYPT"

	// RSASSA-PSS (RFC 8017) with MGF1 with the same hash, and a salt as long as it.
	AlgorithmRSASSAPSSSHA256 Algorithm = "RSASSA_PSS_SHA_256"
	AlgorithmRSASSAPSSSHA384 Algorithm = "RSASSA_PSS_SHA_384"
	AlgorithmRSASSAPSSSHA512 Algorithm = "RSASSA_PSS_SHA_512"

	// RSASSA-PKCS1-v1_5 (RFC 8017).
	AlgorithmRSASSAPKCS1V15SHA256 Algorithm = "RSASSA_PKCS1_V1_5_SHA_256"
	AlgorithmRSASSAPKCS1V15SHA384 Algorithm = "RSASSA_PKCS1_V1_5_SHA_384"
	AlgorithmRSASSAPKCS1V15SHA512 Algorithm = "RSASSA_PKCS1_V1_5_SHA_512"

	// ECDSA (FIPS 186-5), under EC_P256 and under EC_P384. A signature is DER,
	// SEQUENCE of r and s (RFC 3279).
	AlgorithmECDSASHA256 Algorithm = "ECDSA_SHA_256"
	AlgorithmECDSASHA384 Algorithm = "ECDSA_SHA_384"

	// AlgorithmSM2DSASM3 is the SM2 signature (GB/T 32918.2) over SM3, of a
	// message with the user ID 1234567812345678. A signature is DER, SEQUENCE of
	// r and s (GM/T 0009).
	AlgorithmSM2DSASM3 Algorithm = "SM2DSA_SM3"

	AlgorithmHMACSHA256 Algorithm = "HMAC_SHA_256" // RFC 2104 over SHA-256
	AlgorithmHMACSM3    Algorithm = "HMAC_SM3"     // RFC 2104 over SM3 (GM/T 0042)
)

// A purpose is a usage that keys of a spec may have, and the algorithms for it.
type purpose struct {
	usage      KeyUsage
	algorithms []Algorithm
}

var (
	envelopePurposes = []purpose{{KeyUsageEncryptDecrypt, []Algorithm{AlgorithmSymmetricDefault}}}

	rsaPurposes = []purpose{
		{KeyUsageEncryptDecrypt, []Algorithm{AlgorithmRSAESOAEPSHA256}},
		{KeyUsageSignVerify, []Algorithm{
			AlgorithmRSASSAPSSSHA256, AlgorithmRSASSAPSSSHA384, AlgorithmRSASSAPSSSHA512,
			AlgorithmRSASSAPKCS1V15SHA256, AlgorithmRSASSAPKCS1V15SHA384, AlgorithmRSASSAPKCS1V15SHA512,
		}},
	}
)

// purposes are what keys of each spec are for. Without a choice it is the first.
var purposes = map[KeySpec][]purpose{
	KeySpecAES256:  envelopePurposes,
	KeySpecSM4:     envelopePurposes,
	KeySpecRSA2048: rsaPurposes,
	KeySpecRSA3072: rsaPurposes,
	KeySpecRSA4096: rsaPurposes,
	KeySpecSM2: {
		{KeyUsageEncryptDecrypt, []Algorithm{AlgorithmSM2Encrypt}},
		{KeyUsageSignVerify, []Algorithm{AlgorithmSM2DSASM3}},
	},
	KeySpecECP256:     {{KeyUsageSignVerify, []Algorithm{AlgorithmECDSASHA256}}},
	KeySpecECP384:     {{KeyUsageSignVerify, []Algorithm{AlgorithmECDSASHA384}}},
	KeySpecHMACSHA256: {{KeyUsageGenerateVerifyMAC, []Algorithm{AlgorithmHMACSHA256}}},
	KeySpecHMACSM3:    {{KeyUsageGenerateVerifyMAC, []Algorithm{AlgorithmHMACSM3}}},
}

// check returns nil if there are keys of the spec.
func (s KeySpec) check() error {
	if purposes[s] == nil {
		return fmt.Errorf("%w: key spec %q", ErrUnsupportedAlgorithm, string(s))
	}
	return nil
}

// defaultUsage is that of a key for which none is chosen: "" for no such spec.
func (s KeySpec) defaultUsage() KeyUsage {
	if p := purposes[s]; p != nil {
		return p[0].usage
	}
	return ""
}

// algorithms returns what keys of the spec do if they have the usage, none if
// they cannot have it.
func (s KeySpec) algorithms(u KeyUsage) []Algorithm {
	for _, p := range purposes[s] {
		if p.usage == u {
			return p.algorithms
		}
	}
	return nil
}

// materialSize is the size of the material in bytes, 0 for a pair.
func (s KeySpec) materialSize() int {
	switch s {
	case KeySpecAES256, KeySpecHMACSHA256, KeySpecHMACSM3:
		return 32
	case KeySpecSM4:
		return 16
	}
	return 0
}

// mostMaterial is the most bytes that the material takes. Of a pair it is DER, and
// of RSA as long as its numbers happen to be, with a public exponent of 31 bits.
func (s KeySpec) mostMaterial() int {
	switch s {
	case KeySpecRSA2048:
		return 1224
	case KeySpecRSA3072:
		return 1800
	case KeySpecRSA4096:
		return 2384
	case KeySpecSM2, KeySpecECP256:
		return 138
	case KeySpecECP384:
		return 185
	}
	return s.materialSize()
}

// isPair returns nil if keys of the spec are pairs of a private and a public key.
func (s KeySpec) isPair() error {
	if s.check() != nil || s.materialSize() != 0 {
		return fmt.Errorf("%w: key spec %q has no public key", ErrUnsupportedAlgorithm, string(s))
	}
	return nil
}

// specOf returns the spec of a stored key. One that there is not, or not with the
// key's usage, is of a newer version of this module.
func specOf(key *record.Key) (KeySpec, error) {
	s := KeySpec(key.Spec)
	if s.algorithms(KeyUsage(key.Usage)) == nil {
		return "", fmt.Errorf("%w: key spec %q with usage %q", ErrFormatTooNew, key.Spec, key.Usage)
	}
	return s, nil
}

// symmetric reports whether keys of the spec make the library's own ciphertexts,
// which say which version they are of.
func (s KeySpec) symmetric() bool { return s == KeySpecAES256 || s == KeySpecSM4 }

// check returns nil if there are keys of the usage.
func (u KeyUsage) check() error {
	switch u {
	case KeyUsageEncryptDecrypt, KeyUsageSignVerify, KeyUsageGenerateVerifyMAC:
		return nil
	}
	return fmt.Errorf("%w: key usage %q", ErrInvalidArgument, string(u))
}
