package tencent

import (
	"strings"

	"github.com/embedkms/kms"
)

const usageSymmetric = "ENCRYPT_DECRYPT"

// A usage is a KeyUsage of the API in the library's words.
type usage struct {
	spec  kms.KeySpec
	usage kms.KeyUsage
}

// usages are those of tencentcloud-sdk-go kms v1.0.1000, models.go. The cloud has
// keys of SM4 under ENCRYPT_DECRYPT in some regions; here it is always AES.
var usages = map[string]usage{
	usageSymmetric:                    {kms.KeySpecAES256, kms.KeyUsageEncryptDecrypt},
	"ASYMMETRIC_DECRYPT_RSA_2048":     {kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt},
	"ASYMMETRIC_DECRYPT_SM2":          {kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt},
	"ASYMMETRIC_SIGN_VERIFY_RSA_2048": {kms.KeySpecRSA2048, kms.KeyUsageSignVerify},
	"ASYMMETRIC_SIGN_VERIFY_SM2":      {kms.KeySpecSM2, kms.KeyUsageSignVerify},
	"ASYMMETRIC_SIGN_VERIFY_ECC":      {kms.KeySpecECP256, kms.KeyUsageSignVerify},
}

// usageECDSA384 is of the same source, which does not name the algorithm that such a
// key signs with.
const usageECDSA384 = "ASYMMETRIC_SIGN_VERIFY_ECDSA384"

// isUsage is the rule of KeyUsage; the empty one is the default.
func isUsage(name string) bool {
	_, ok := usages[name]
	return ok || name == "" || name == usageECDSA384
}

// usageOf returns the KeyUsage of a key. Those that the API cannot make have names
// of the same pattern, or the library's.
func usageOf(key *kms.Key) string {
	switch {
	case key.Spec == kms.KeySpecECP256:
		return "ASYMMETRIC_SIGN_VERIFY_ECC"
	case key.Spec == kms.KeySpecECP384:
		return usageECDSA384
	case !isPair(key.Spec):
		return string(key.Usage)
	case key.Usage == kms.KeyUsageSignVerify:
		return "ASYMMETRIC_SIGN_VERIFY_" + string(key.Spec)
	}
	return "ASYMMETRIC_DECRYPT_" + string(key.Spec)
}

func isPair(spec kms.KeySpec) bool {
	return spec == kms.KeySpecSM2 || strings.HasPrefix(string(spec), "RSA_")
}
