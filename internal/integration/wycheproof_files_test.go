package integration_test

import (
	"crypto/elliptic"
	"crypto/sha256"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// wantVectors are those in files, wantGMVectors those in gmFiles, and allVectors
// those of Wycheproof.
const (
	wantVectors   = 13055
	wantGMVectors = 278
	allVectors    = 143436
)

var (
	ecdsaP256  = ecdsaDER(elliptic.P256(), keypair.ECP256, "ECDSA_SHA_256")
	ecdsaP384  = ecdsaDER(elliptic.P384(), keypair.ECP384, "ECDSA_SHA_384")
	hmacSHA256 = hmacOf(gm.Default(), kms.KeySpecHMACSHA256, sha256.New)
)

// A file is one of vectors, by name, and what comes of them.
type file struct {
	name   string
	family family
	want   counts
}

// files are those with vectors of an algorithm that keys have here, whatever
// their parameters, in the version of Wycheproof that go.mod requires.
var files = append([]file{
	{"rsa_oaep_2048_sha1_mgf1sha1", rsaOAEP, counts{otherOAEP: 36}},
	{"rsa_oaep_2048_sha224_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_2048_sha224_mgf1sha224", rsaOAEP, counts{otherOAEP: 35}},
	{"rsa_oaep_2048_sha256_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_2048_sha256_mgf1sha256", rsaOAEP, counts{ran: 29, withLabel: 8}},
	{"rsa_oaep_2048_sha384_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_2048_sha384_mgf1sha384", rsaOAEP, counts{otherOAEP: 34}},
	{"rsa_oaep_2048_sha512_224_mgf1sha1", rsaOAEP, counts{otherOAEP: 32}},
	{"rsa_oaep_2048_sha512_224_mgf1sha512_224", rsaOAEP, counts{otherOAEP: 35}},
	{"rsa_oaep_2048_sha512_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_2048_sha512_mgf1sha512", rsaOAEP, counts{otherOAEP: 33}},
	{"rsa_oaep_3072_sha256_mgf1sha1", rsaOAEP, counts{otherOAEP: 32}},
	{"rsa_oaep_3072_sha256_mgf1sha256", rsaOAEP, counts{ran: 29, withLabel: 8}},
	{"rsa_oaep_3072_sha512_256_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_3072_sha512_256_mgf1sha512_256", rsaOAEP, counts{otherOAEP: 37}},
	{"rsa_oaep_3072_sha512_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_3072_sha512_mgf1sha512", rsaOAEP, counts{otherOAEP: 33}},
	{"rsa_oaep_4096_sha256_mgf1sha1", rsaOAEP, counts{otherOAEP: 32}},
	{"rsa_oaep_4096_sha256_mgf1sha256", rsaOAEP, counts{ran: 29, withLabel: 8}},
	{"rsa_oaep_4096_sha512_mgf1sha1", rsaOAEP, counts{otherOAEP: 31}},
	{"rsa_oaep_4096_sha512_mgf1sha512", rsaOAEP, counts{otherOAEP: 36}},
	{"rsa_oaep_misc", rsaOAEP, counts{ran: 9, badKey: 185, otherOAEP: 201}},
	{"rsa_three_primes_oaep_2048_sha1_mgf1sha1", rsaOAEP, counts{badKey: 36}},
	{"rsa_three_primes_oaep_3072_sha224_mgf1sha224", rsaOAEP, counts{badKey: 38}},
	{"rsa_three_primes_oaep_4096_sha256_mgf1sha256", rsaOAEP, counts{badKey: 36}},
	{"rsa_pss_2048_sha1_mgf1_20_params", rsaPSS, counts{noHash: 88}},
	{"rsa_pss_2048_sha1_mgf1_20", rsaPSS, counts{noHash: 88}},
	{"rsa_pss_2048_sha256_mgf1_0_params", rsaPSS, counts{ourSalt: 1, otherSalt: 102}},
	{"rsa_pss_2048_sha256_mgf1_0", rsaPSS, counts{ourSalt: 1, otherSalt: 102}},
	{"rsa_pss_2048_sha256_mgf1_32_params", rsaPSS, counts{ran: 108}},
	{"rsa_pss_2048_sha256_mgf1_32", rsaPSS, counts{ran: 108}},
	{"rsa_pss_2048_sha256_mgf1sha1_20", rsaPSS, counts{otherMGF: 108}},
	{"rsa_pss_2048_sha384_mgf1_48", rsaPSS, counts{ran: 141}},
	{"rsa_pss_2048_sha512_224_mgf1_28", rsaPSS, counts{noHash: 100}},
	{"rsa_pss_2048_sha512_256_mgf1_32", rsaPSS, counts{noHash: 115}},
	{"rsa_pss_2048_sha512_mgf1sha256_32_params", rsaPSS, counts{otherMGF: 178}},
	{"rsa_pss_2048_shake128", rsaPSS, counts{noHash: 114}},
	{"rsa_pss_2048_shake256", rsaPSS, counts{noHash: 184}},
	{"rsa_pss_3072_sha256_mgf1_32_params", rsaPSS, counts{ran: 108}},
	{"rsa_pss_3072_sha256_mgf1_32", rsaPSS, counts{ran: 108}},
	{"rsa_pss_3072_shake128", rsaPSS, counts{noHash: 114}},
	{"rsa_pss_3072_shake256", rsaPSS, counts{noHash: 184}},
	{"rsa_pss_4096_sha256_mgf1_32", rsaPSS, counts{ran: 108}},
	{"rsa_pss_4096_sha384_mgf1_48", rsaPSS, counts{ran: 141}},
	{"rsa_pss_4096_sha512_mgf1_32_params", rsaPSS, counts{otherSalt: 177}},
	{"rsa_pss_4096_sha512_mgf1_32", rsaPSS, counts{otherSalt: 177}},
	{"rsa_pss_4096_sha512_mgf1_64_params", rsaPSS, counts{ran: 179}},
	{"rsa_pss_4096_sha512_mgf1_64", rsaPSS, counts{ran: 179}},
	{"rsa_pss_4096_shake256", rsaPSS, counts{noHash: 184}},
	{"rsa_pss_misc_params", rsaPSS, counts{ran: 3, noHash: 60, otherMGF: 72, otherSalt: 15}},
	{"rsa_pss_misc", rsaPSS, counts{ran: 3, noHash: 60, otherMGF: 72, otherSalt: 15}},
	{"rsa_signature_2048_sha224", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_2048_sha256", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_2048_sha384", rsaPKCS1, counts{ran: 257, acceptable: 1}},
	{"rsa_signature_2048_sha3_224", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_2048_sha3_256", rsaPKCS1, counts{noHash: 257}},
	{"rsa_signature_2048_sha3_384", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_2048_sha3_512", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_2048_sha512_224", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_2048_sha512_256", rsaPKCS1, counts{noHash: 257}},
	{"rsa_signature_2048_sha512", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_3072_sha256", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_3072_sha384", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_3072_sha3_256", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_3072_sha3_384", rsaPKCS1, counts{noHash: 259}},
	{"rsa_signature_3072_sha3_512", rsaPKCS1, counts{noHash: 259}},
	{"rsa_signature_3072_sha512_256", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_3072_sha512", rsaPKCS1, counts{ran: 259, acceptable: 1}},
	{"rsa_signature_4096_sha256", rsaPKCS1, counts{ran: 257, acceptable: 1}},
	{"rsa_signature_4096_sha384", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_4096_sha512_256", rsaPKCS1, counts{noHash: 258}},
	{"rsa_signature_4096_sha512", rsaPKCS1, counts{ran: 258, acceptable: 1}},
	{"rsa_signature_8192_sha256", rsaPKCS1, counts{noSpec: 258}},
	{"rsa_signature_8192_sha384", rsaPKCS1, counts{noSpec: 259}},
	{"rsa_signature_8192_sha512", rsaPKCS1, counts{noSpec: 259}},
	{"rsa_pkcs1_1024_sig_gen", rsaPKCS1Sign, counts{badKey: 33}},
	{"rsa_pkcs1_1536_sig_gen", rsaPKCS1Sign, counts{badKey: 32}},
	{"rsa_pkcs1_2048_sig_gen", rsaPKCS1Sign, counts{ran: 24, badKey: 3, noHash: 16}},
	{"rsa_pkcs1_3072_sig_gen", rsaPKCS1Sign, counts{ran: 24, badKey: 2}},
	{"rsa_pkcs1_4096_sig_gen", rsaPKCS1Sign, counts{ran: 24}},
	{"ecdsa_secp256r1_sha256", ecdsaP256, counts{ran: 474}},
	{"ecdsa_secp384r1_sha384", ecdsaP384, counts{ran: 494}},
	{"hmac_sha256", hmacSHA256, counts{ran: 81, noKeySize: 12, truncated: 81}},
	{"aes_gcm", aesGCM, counts{ran: 66, noIVSize: 39, noKeySize: 211}},
	{"aes_kwp", keyWrap, counts{ran: 254}},
}, gmFiles(gm.Default())...)

// gmFiles are those with vectors of algorithms that p does.
func gmFiles(p gm.Provider) []file {
	return []file{
		{"hmac_sm3", hmacOf(p, kms.KeySpecHMACSM3, p.NewSM3), counts{ran: 81, noKeySize: 12, truncated: 81}},
		{"sm4_gcm", sm4GCM(p), counts{ran: 65, noIVSize: 39}},
	}
}

// notOurs are the other files. The first entry that has a file counts it.
var notOurs = []notOur{
	{"ECDSA signatures r ‖ s; ours are DER", 28, 7343, []string{"ecdsa_*_p1363"}},
	{"ECDSA with another hash than the key spec's", 9, 4626, []string{"ecdsa_secp256r1_*", "ecdsa_secp384r1_*"}},
	{"ECDSA on a curve of no key spec", 34, 16546, []string{"ecdsa_*"}},
	{"RSAES-PKCS1-v1_5, with which nothing decrypts here", 3, 201, []string{"rsa_pkcs1_[234]*"}},
	{"HMAC over a hash of no key spec", 10, 1732, []string{"hmac_*"}},
	{"AES in modes other than GCM and KWP", 35, 61093, []string{"aes_*", "aead_aes_*", "a[0-9]*cbc_*"}},
	{"SM4 in a mode other than GCM", 1, 184, []string{"sm4_*"}},
	{"derivation of keys, which is the standard library's", 24, 1897, []string{"hkdf_*", "pbkdf2_*", "pbes2_*"}},
	{"algorithms of no key spec, and no part of one", 105, 36759, []string{
		"aegis*", "aria_*", "ascon*", "camellia_*", "*chacha20_*", "dsa_*", "ec_*", "ecdh_*", "ed*", "json_*",
		"kmac*", "mldsa_*", "mlkem_*", "morus*", "primality", "seed_*", "siphash*", "vmac_*", "x25519*", "x448*",
	}},
}
