package aws

import (
	"maps"
	"slices"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Words of the protocol and what they are here: aws-sdk-go-v2/service/kms v1.62.3,
// types/enums.go. Words that have no meaning here stand behind.
var (
	pairSpecs = words[kms.KeySpec]{
		known: map[string]kms.KeySpec{
			"RSA_2048":      kms.KeySpecRSA2048,
			"RSA_3072":      kms.KeySpecRSA3072,
			"RSA_4096":      kms.KeySpecRSA4096,
			"ECC_NIST_P256": kms.KeySpecECP256,
			"ECC_NIST_P384": kms.KeySpecECP384,
			"SM2":           kms.KeySpecSM2,
		},
		others: []string{
			"ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519",
			"ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
		},
	}
	keySpecs = pairSpecs.and(words[kms.KeySpec]{
		known: map[string]kms.KeySpec{
			"SYMMETRIC_DEFAULT": kms.KeySpecAES256,
			"HMAC_256":          kms.KeySpecHMACSHA256,
		},
		others: []string{"HMAC_224", "HMAC_384", "HMAC_512", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"},
	})
	keyUsages = words[kms.KeyUsage]{
		known: map[string]kms.KeyUsage{
			"ENCRYPT_DECRYPT":     kms.KeyUsageEncryptDecrypt,
			"SIGN_VERIFY":         kms.KeyUsageSignVerify,
			"GENERATE_VERIFY_MAC": kms.KeyUsageGenerateVerifyMAC,
		},
		others: []string{"KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"},
	}
	origins = words[kms.Origin]{
		known:  map[string]kms.Origin{"AWS_KMS": kms.OriginKMS, "EXTERNAL": kms.OriginExternal},
		others: []string{"AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"},
	}
	messageTypes = words[kms.MessageType]{
		known:  map[string]kms.MessageType{"RAW": kms.MessageTypeRaw, "DIGEST": kms.MessageTypeDigest},
		others: []string{"EXTERNAL_MU"},
	}
)

// Algorithms that have no meaning here have their own word as their name, so that
// the library refuses them, as those that do not fit a key.
var (
	encryptionAlgorithms = map[string]kms.Algorithm{
		"SYMMETRIC_DEFAULT":  kms.AlgorithmSymmetricDefault,
		"RSAES_OAEP_SHA_256": kms.AlgorithmRSAESOAEPSHA256,
		"RSAES_OAEP_SHA_1":   "RSAES_OAEP_SHA_1",
		"SM2PKE":             kms.AlgorithmSM2Encrypt,
	}
	signingAlgorithms = map[string]kms.Algorithm{
		"RSASSA_PSS_SHA_256":        kms.AlgorithmRSASSAPSSSHA256,
		"RSASSA_PSS_SHA_384":        kms.AlgorithmRSASSAPSSSHA384,
		"RSASSA_PSS_SHA_512":        kms.AlgorithmRSASSAPSSSHA512,
		"RSASSA_PKCS1_V1_5_SHA_256": kms.AlgorithmRSASSAPKCS1V15SHA256,
		"RSASSA_PKCS1_V1_5_SHA_384": kms.AlgorithmRSASSAPKCS1V15SHA384,
		"RSASSA_PKCS1_V1_5_SHA_512": kms.AlgorithmRSASSAPKCS1V15SHA512,
		"ECDSA_SHA_256":             kms.AlgorithmECDSASHA256,
		"ECDSA_SHA_384":             kms.AlgorithmECDSASHA384,
		"ECDSA_SHA_512":             "ECDSA_SHA_512",
		"SM2DSA":                    kms.AlgorithmSM2DSASM3,
		"ML_DSA_SHAKE_256":          "ML_DSA_SHAKE_256",
		"ED25519_SHA_512":           "ED25519_SHA_512",
		"ED25519_PH_SHA_512":        "ED25519_PH_SHA_512",
	}
	macAlgorithms = map[string]kms.Algorithm{
		"HMAC_SHA_224": "HMAC_SHA_224",
		"HMAC_SHA_256": kms.AlgorithmHMACSHA256,
		"HMAC_SHA_384": "HMAC_SHA_384",
		"HMAC_SHA_512": "HMAC_SHA_512",
	}
)

// words are what a parameter may be.
type words[T ~string] struct {
	known  map[string]T
	others []string // not supported here
}

// and returns the words of both.
func (w words[T]) and(more words[T]) words[T] {
	known := maps.Clone(w.known)
	maps.Copy(known, more.known)
	return words[T]{known, slices.Concat(w.others, more.others)}
}

// of returns the word for v, or v itself if there is none.
func (w words[T]) of(v T) string { return wordFor(w.known, v) }

// wordFor returns the word of known for v, or v itself if there is none.
func wordFor[T ~string](known map[string]T, v T) string {
	for word, meaning := range known {
		if meaning == v {
			return word
		}
	}
	return string(v)
}

// read reads a parameter, or the word absent if it is not there.
func (w words[T]) read(c *call, name, absent string) T {
	if slices.Contains(w.others, c.OptText(name, absent, front.Any)) {
		c.Fail(name, front.Unsupported)
	}
	return readWord(c, name, absent, w.known)
}

// readWord reads a parameter that is a word of known, or the word absent if it is
// not there. With no such word it must be there.
func readWord[T ~string](c *call, name, absent string, known map[string]T) T {
	isKnown := func(s string) bool { _, ok := known[s]; return ok }
	if absent == "" {
		return known[c.Text(name, isKnown)]
	}
	return known[c.OptText(name, absent, isKnown)]
}

// specWord returns the word for a key spec. A symmetric key of another cipher is one
// as well: API page "CreateKey" has SM4 in China.
func specWord(spec kms.KeySpec) string {
	if spec == kms.KeySpecSM4 {
		spec = kms.KeySpecAES256
	}
	return keySpecs.of(spec)
}

// algorithmWords returns the words for what a key does by one of known.
func algorithmWords(known map[string]kms.Algorithm, algorithms []kms.Algorithm) (found []string) {
	for _, word := range slices.Sorted(maps.Keys(known)) {
		if slices.Contains(algorithms, known[word]) {
			found = append(found, word)
		}
	}
	return found
}

// algorithmsOf returns the algorithms of a key.
func algorithmsOf(spec kms.KeySpec, usage kms.KeyUsage) []kms.Algorithm {
	switch spec {
	case kms.KeySpecAES256, kms.KeySpecSM4:
		return []kms.Algorithm{kms.AlgorithmSymmetricDefault}
	case kms.KeySpecHMACSHA256:
		return []kms.Algorithm{kms.AlgorithmHMACSHA256}
	case kms.KeySpecECP256:
		return []kms.Algorithm{kms.AlgorithmECDSASHA256}
	case kms.KeySpecECP384:
		return []kms.Algorithm{kms.AlgorithmECDSASHA384}
	case kms.KeySpecSM2:
		if usage == kms.KeyUsageSignVerify {
			return []kms.Algorithm{kms.AlgorithmSM2DSASM3}
		}
		return []kms.Algorithm{kms.AlgorithmSM2Encrypt}
	case kms.KeySpecRSA2048, kms.KeySpecRSA3072, kms.KeySpecRSA4096:
		if usage == kms.KeyUsageEncryptDecrypt {
			return []kms.Algorithm{kms.AlgorithmRSAESOAEPSHA256}
		}
		return []kms.Algorithm{
			kms.AlgorithmRSASSAPSSSHA256, kms.AlgorithmRSASSAPSSSHA384, kms.AlgorithmRSASSAPSSSHA512,
			kms.AlgorithmRSASSAPKCS1V15SHA256, kms.AlgorithmRSASSAPKCS1V15SHA384, kms.AlgorithmRSASSAPKCS1V15SHA512,
		}
	}
	return nil // of a key that AWS does not have
}

// isSymmetric reports whether a key encrypts and can be rotated.
func isSymmetric(spec kms.KeySpec) bool { return spec == kms.KeySpecAES256 || spec == kms.KeySpecSM4 }
