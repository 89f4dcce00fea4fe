package alibaba_test

import (
	"strconv"
	"strings"

	"github.com/embedkms/kms"
)

func long(n int) string { return strings.Repeat("a", n) }

// tagList returns so many tags.
func tagList(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = `{"TagKey":"k` + strconv.Itoa(i) + `","TagValue":"v"}`
	}
	return "[" + strings.Join(items, ",") + "]"
}

// actions are all operations.
var actions = map[string]action{
	"Encrypt": {aKey("Plaintext", "SGVsbG8gd29ybGQ=", "EncryptionContext", `{"Example":"Example"}`),
		onKey(base64Param("Plaintext", 6144), contextParam("EncryptionContext"))},
	"Decrypt": {func(s *server) params { return params{"CiphertextBlob": s.encrypted(s.aes())} },
		[]param{base64Param("CiphertextBlob", 7000), contextParam("EncryptionContext")}},
	"ReEncrypt": {func(s *server) params {
		id := s.aes()
		return params{"CiphertextBlob": s.encrypted(id), "DestinationKeyId": s.aes(), "SourceKeyId": id,
			"SourceKeyVersionId": first(id)}
	}, []param{base64Param("CiphertextBlob",
		7000), keyParam("DestinationKeyId"), contextParam("SourceEncryptionContext"),
		contextParam("DestinationEncryptionContext"), opt(param{name: "SourceKeyVersionId",
			bad: values("", "", "*", "0d0466b0-e727-4d9c-b35d-f84bb474a37f")}),
		opt(param{name: "SourceKeyId", bad: values("", "", "*")})}},
	"GenerateDataKey":                 {aKey("KeySpec", "AES_256"), dataKeyParams()},
	"GenerateDataKeyWithoutPlaintext": {aKey("NumberOfBytes", "64"), dataKeyParams()},
	"GenerateAndExportDataKey": {func(s *server) params { return with(exported(s), "KeyId", s.aes()) },
		dataKeyParams(append(wrapping, opt(intParam("NumberOfBytes", "0", "191")))...)},
	"ExportDataKey": {func(s *server) params {
		return with(exported(s), "CiphertextBlob",
			s.encrypted(s.aes()))
	},
		append([]param{base64Param("CiphertextBlob", 7000), contextParam("EncryptionContext")},
			wrapping...)},

	"AsymmetricEncrypt": {aPair(kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt, "Algorithm", "SM2PKE",
		"Plaintext", "QUJD"),
		onKey(versionParam("KeyVersionId"), encryptionAlgorithm, base64Param("Plaintext", 1024))},
	"AsymmetricDecrypt": {func(s *server) params {
		id := s.pair(kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt)
		out, err := s.kms.EncryptAsymmetric(ctx, id, kms.AlgorithmSM2Encrypt, []byte("message"))
		must(s.t, err)
		return params{"KeyId": id, "KeyVersionId": first(id), "Algorithm": "SM2PKE",
			"CiphertextBlob": b64(out.Ciphertext)}
	}, onKey(versionParam("KeyVersionId"), encryptionAlgorithm, base64Param("CiphertextBlob", 2048))},
	"AsymmetricSign": {aPair(kms.KeySpecECP256, kms.KeyUsageSignVerify, "Algorithm", "ECDSA_SHA_256",
		"Digest", b64(sum[:])),
		onKey(versionParam("KeyVersionId"), signatureAlgorithm, base64Param("Digest", 32))},
	"AsymmetricVerify": {aPair(kms.KeySpecECP256, kms.KeyUsageSignVerify, "Algorithm", "ECDSA_SHA_256",
		"Digest", b64(sum[:]), "Value", "QUJD"),
		onKey(versionParam("KeyVersionId"), signatureAlgorithm, base64Param("Digest", 32),
			base64Param("Value", 1024))},
	"GetPublicKey": {aPair(kms.KeySpecECP256, kms.KeyUsageSignVerify), onKey(versionParam("KeyVersionId"))},

	"CreateKey": {func(*server) params {
		return params{"EnableAutomaticRotation": "true", "RotationInterval": "30d"}
	}, []param{opt(choiceParam("KeySpec", "EC_P256K", "Aliyun_AES_128",
		"Aliyun_AES_192")), opt(choiceParam("KeyUsage", "SIGN/VERIFY")), opt(choiceParam("Origin")),
		opt(param{name: "ProtectionLevel",
			bad: append(values("", "", "x"), bad{"HSM", "Unsupported.ProtectionLevel"})}),
		opt(textParam("Description", 8192)), opt(boolParam("EnableAutomaticRotation")), intervalParam,
		opt(tagsParam("Tags")),
		opt(param{name: "DKMSInstanceId",
			bad: values("UnsupportedOperation",
				"kst-1")}), opt(param{name: "Policy", bad: values("UnsupportedOperation", "{}")})}},
	"DescribeKey": {aKey(), onKey()},
	"ListKeys": {func(*server) params { return params{} },
		append(pageParams("0", "101"), opt(param{name: "Filters", bad: values("",
			"", "{}", `["a"]`, `[{"Key":"x","Values":[]}]`, `[{"Values":["a"]}]`,
			`[{"Key":"KeyState","Values":"Enabled"}]`, `[{"Key":"KeyState","Values":[1]}]`,
			`[{"Key":"KeyState","Values":["","","","","","","","","","",""]}]`)}))},
	"UpdateKeyDescription": {aKey("Description", "words"), onKey(textParam("Description", 8192))},
	"EnableKey":            {aKey(), onKey()},
	"DisableKey":           {aKey(), onKey()},
	"ScheduleKeyDeletion": {aKey("PendingWindowInDays", "366"),
		onKey(intParam("PendingWindowInDays", "6", "367"))},
	"CancelKeyDeletion": {func(s *server) params { return params{"KeyId": s.scheduled()} }, onKey()},

	"CreateAlias": {aKey("AliasName", "alias/created"),
		onKey(aliasParam(), param{name: "AliasName", bad: values("", "alias/acs", "alias/acs/ecs")})},
	"UpdateAlias": {func(s *server) params {
		return params{"AliasName": s.alias("updated", s.aes()),
			"KeyId": s.aes()}
	},
		onKey(aliasParam(), param{name: "AliasName",
			bad: values("Forbidden.AliasNotFound", "alias/nosuch")})},
	"DeleteAlias": {func(s *server) params { return params{"AliasName": s.alias("deleted", s.aes())} },
		[]param{aliasParam(), {name: "AliasName", bad: values("Forbidden.AliasNotFound", "alias/nosuch")}}},
	"ListAliases":        {func(*server) params { return params{} }, pageParams("-1", "101")},
	"ListAliasesByKeyId": {aKey(), onKey(pageParams("-1", "102")...)},

	"CreateKeyVersion": {aKey(), onKey()},
	"ListKeyVersions":  {aKey(), onKey(pageParams("-1", "102")...)},
	"DescribeKeyVersion": {func(s *server) params {
		id := s.aes()
		return params{"KeyId": id,
			"KeyVersionId": first(id)}
	}, onKey(versionParam("KeyVersionId"))},
	"UpdateRotationPolicy": {aKey("EnableAutomaticRotation", "true", "RotationInterval", "604800s"),
		onKey(boolParam("EnableAutomaticRotation"), intervalParam)},

	"GetParametersForImport": {func(s *server) params {
		return params{"KeyId": s.external(), "WrappingKeySpec": "RSA_2048",
			"WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
	}, onKey(choiceParam("WrappingKeySpec"), choiceParam("WrappingAlgorithm", "RSAES_OAEP_SHA_1",
		"RSAES_PKCS1_V1_5"),
		param{name: "WrappingAlgorithm", bad: values("", "SM2PKE")})},
	"ImportKeyMaterial": {(*server).imports,
		onKey(base64Param("EncryptedKeyMaterial", 8192), base64Param("ImportToken", 8192),
			intParam("KeyMaterialExpireUnix", "-1", "253402300800"), param{name: "KeyMaterialExpireUnix",
				bad: values("", "1")},
			param{name: "ImportToken", bad: values("InvalidImportToken",
				"QUJD")}, param{name: "EncryptedKeyMaterial", bad: values("InvalidKeyMaterial", "QUJD")})},
	"DeleteKeyMaterial": {func(s *server) params { return params{"KeyId": s.external()} }, onKey()},

	"TagResource": {aKey("Tags", tagList(20)),
		onKey(tagsParam("Tags"), param{name: "Tags", bad: values("", "[]", "null")},
			opt(param{name: "CertificateId",
				bad: values("UnsupportedOperation",
					"x")}), opt(param{name: "SecretName", bad: values("UnsupportedOperation", "x")}))},
	"UntagResource": {aKey("TagKeys", `["a","b"]`),
		onKey(param{name: "TagKeys", bad: values("", "", "[]", "{}", "x", `[1]`, `[""]`, `["aliyun"]`,
			`["`+long(129)+`"]`)},
			opt(param{name: "CertificateId",
				bad: values("UnsupportedOperation",
					"x")}), opt(param{name: "SecretName", bad: values("UnsupportedOperation", "x")}))},
	"ListResourceTags": {aKey(), onKey()},
	"DescribeRegions":  {func(*server) params { return params{} }, nil},
}
