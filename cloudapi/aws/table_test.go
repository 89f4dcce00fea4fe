package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
)

const metadata = `AWSAccountId:text Arn:text CreationDate:number CustomerMasterKeySpec:text Description:text
	Enabled:bool KeyId:text KeyManager:text KeySpec:text KeyState:text KeyUsage:text MultiRegion:bool Origin:text
	CurrentKeyMaterialId:text EncryptionAlgorithms:list`

// requests are of all operations.
var requests = map[string]request{
	"Encrypt": {
		params: of(symmetric, object{"Plaintext": b64("hello")}),
		bad: map[string][]wrong{
			"KeyId":               missing(keyWrongs(notFound, true)),
			"Plaintext":           missing(blobWrongs(4096)),
			"EncryptionContext":   contextWrongs,
			"EncryptionAlgorithm": wordWrongs(usage, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"),
			"GrantTokens":         grantWrongs,
			"DryRun":              dryRun,
		},
		answer: "CiphertextBlob:base64 EncryptionAlgorithm:text KeyId:text",
	},
	"Decrypt": {
		params: withCiphertext("CiphertextBlob", "KeyId"),
		bad: map[string][]wrong{
			"CiphertextBlob":    missing(blobWrongs(6144), []wrong{{b64("rubbish"), "InvalidCiphertextException"}}),
			"KeyId":             keyWrongs(notFound, true),
			"EncryptionContext": append(contextWrongs, wrong{object{"a": "b"}, "InvalidCiphertextException"}),
			"EncryptionAlgorithm": wordWrongs(usage,
				"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"),
			"GrantTokens":     grantWrongs,
			"DryRun":          dryRun,
			"Recipient":       refused,
			"DryRunModifiers": refused,
		},
		answer: "EncryptionAlgorithm:text KeyId:text KeyMaterialId:text Plaintext:base64",
	},
	"ReEncrypt": {
		params: withCiphertext("CiphertextBlob", "DestinationKeyId"),
		bad: map[string][]wrong{
			"CiphertextBlob":                 missing(blobWrongs(6144), []wrong{{b64("rubbish"), "InvalidCiphertextException"}}),
			"DestinationKeyId":               missing(keyWrongs(notFound, true)),
			"SourceKeyId":                    keyWrongs(notFound, true),
			"SourceEncryptionContext":        append(contextWrongs, wrong{object{"a": "b"}, "InvalidCiphertextException"}),
			"DestinationEncryptionContext":   contextWrongs,
			"SourceEncryptionAlgorithm":      wordWrongs(validation, "RSAES_OAEP_SHA_256", "SM2PKE"), // with no key
			"DestinationEncryptionAlgorithm": wordWrongs(usage, "RSAES_OAEP_SHA_256", "SM2PKE"),
			"GrantTokens":                    grantWrongs,
			"DryRun":                         dryRun,
			"DryRunModifiers":                refused,
		},
		answer: `CiphertextBlob:base64 KeyId:text SourceKeyId:text SourceEncryptionAlgorithm:text
			DestinationEncryptionAlgorithm:text SourceKeyMaterialId:text DestinationKeyMaterialId:text`,
	},
	"GenerateDataKey": {
		params: of(symmetric, object{"NumberOfBytes": 64}),
		bad: with(dataKeyWrongs, map[string][]wrong{
			"Recipient": refused,
		}),
		answer: "CiphertextBlob:base64 KeyId:text KeyMaterialId:text Plaintext:base64",
	},
	"GenerateDataKeyWithoutPlaintext": {
		params: of(symmetric, object{"NumberOfBytes": 64}),
		bad:    dataKeyWrongs,
		answer: "CiphertextBlob:base64 KeyId:text KeyMaterialId:text",
	},
	"GenerateDataKeyPair": {
		params: of(symmetric, object{"KeyPairSpec": "ECC_NIST_P256"}),
		bad: with(dataKeyPairWrongs, map[string][]wrong{
			"Recipient": refused,
		}),
		answer: `KeyId:text KeyMaterialId:text KeyPairSpec:text PrivateKeyCiphertextBlob:base64
			PrivateKeyPlaintext:base64 PublicKey:base64`,
	},
	"GenerateDataKeyPairWithoutPlaintext": {
		params: of(symmetric, object{"KeyPairSpec": "ECC_NIST_P256"}),
		bad:    dataKeyPairWrongs,
		answer: "KeyId:text KeyMaterialId:text KeyPairSpec:text PrivateKeyCiphertextBlob:base64 PublicKey:base64",
	},
	"GenerateRandom": {
		params: func(*testing.T, *server) object { return object{"NumberOfBytes": 32} },
		bad: map[string][]wrong{
			"NumberOfBytes":    missing(intWrongs(1, 1024)),
			"Recipient":        refused,
			"CustomKeyStoreId": refused,
		},
		answer: "Plaintext:base64",
	},
	"Sign": {
		params: of(signing, object{"Message": b64("hello"), "SigningAlgorithm": "ECDSA_SHA_256"}),
		bad:    signWrongs,
		answer: "KeyId:text Signature:base64 SigningAlgorithm:text",
	},
	"Verify": {
		params: func(t *testing.T, s *server) object {
			p := of(signing, object{"Message": b64("hello"), "SigningAlgorithm": "ECDSA_SHA_256"})(t, s)
			p["Signature"] = s.good(t, "Sign", p).str("Signature")
			return p
		},
		bad: with(signWrongs, map[string][]wrong{
			"Signature": missing(blobWrongs(6144), []wrong{{b64("other"), "KMSInvalidSignatureException"}}),
		}),
		answer: "KeyId:text SignatureValid:bool SigningAlgorithm:text",
	},
	"GenerateMac": {
		params: of(hmac, object{"Message": b64("hello"), "MacAlgorithm": "HMAC_SHA_256"}),
		bad:    macWrongs,
		answer: "KeyId:text Mac:base64 MacAlgorithm:text",
	},
	"VerifyMac": {
		params: func(t *testing.T, s *server) object {
			p := of(hmac, object{"Message": b64("hello"), "MacAlgorithm": "HMAC_SHA_256"})(t, s)
			p["Mac"] = s.good(t, "GenerateMac", p).str("Mac")
			return p
		},
		bad: with(macWrongs, map[string][]wrong{
			"Mac": missing(blobWrongs(6144), []wrong{{b64("other"), "KMSInvalidMacException"}}),
		}),
		answer: "KeyId:text MacValid:bool MacAlgorithm:text",
	},
	"GetPublicKey": {
		params: of(signing, nil),
		bad:    map[string][]wrong{"KeyId": missing(keyWrongs(invalidARN, true)), "GrantTokens": grantWrongs},
		answer: `CustomerMasterKeySpec:text KeyId:text KeySpec:text KeyUsage:text PublicKey:base64
			SigningAlgorithms:list`,
	},
	"CreateKey": {
		params: func(*testing.T, *server) object { return object{"Description": "of a test"} },
		bad: map[string][]wrong{
			"KeySpec":                        wordWrongs(unsupported, otherSpecs...),
			"CustomerMasterKeySpec":          wordWrongs(unsupported, otherSpecs...),
			"KeyUsage":                       append(wordWrongs(unsupported, "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"), wrong{"SIGN_VERIFY", validation}),
			"Origin":                         wordWrongs(unsupported, "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"),
			"Description":                    textWrongs(8192),
			"Tags":                           append(listedTagWrongs, wrong{manyTags(51), "LimitExceededException"}),
			"MultiRegion":                    append([]wrong{{true, unsupported}}, boolWrongs...),
			"BypassPolicyLockoutSafetyCheck": boolWrongs,
			"Policy":                         refused,
			"CustomKeyStoreId":               refused,
			"XksKeyId":                       refused,
		},
		answer: "KeyMetadata:" + "object",
	},
	"DescribeKey": {
		params: of(symmetric, nil),
		bad:    map[string][]wrong{"KeyId": missing(keyWrongs(invalidARN, true)), "GrantTokens": grantWrongs},
		answer: "KeyMetadata:object",
	},
	"ListKeys": {
		params: of(symmetric, nil), // which it ignores
		bad: map[string][]wrong{
			"Limit":  intWrongs(1, 1000),
			"Marker": append(markerText, wrong{"a", "InvalidMarkerException"}),
		},
		answer: "Keys:list Truncated:bool",
	},
	"UpdateKeyDescription": {
		params: of(symmetric, object{"Description": "another"}),
		bad: map[string][]wrong{
			"KeyId":       missing(keyWrongs(invalidARN, false)),
			"Description": missing(textWrongs(8192)),
		},
	},
	"EnableKey":  {params: of(symmetric, nil), bad: onlyKey},
	"DisableKey": {params: of(symmetric, nil), bad: onlyKey},
	"ScheduleKeyDeletion": {
		params: of(symmetric, object{"PendingWindowInDays": 7}),
		bad: map[string][]wrong{
			"KeyId":               missing(keyWrongs(invalidARN, false)),
			"PendingWindowInDays": intWrongs(7, 30),
		},
		answer: "DeletionDate:number KeyId:text KeyState:text PendingWindowInDays:number",
	},
	"CancelKeyDeletion": {
		params: func(t *testing.T, s *server) object {
			p := of(symmetric, nil)(t, s)
			s.good(t, "ScheduleKeyDeletion", p)
			return p
		},
		bad:    onlyKey,
		answer: "KeyId:text",
	},
	"CreateAlias": {params: aliasOf("alias/new", false), bad: aliasWrongs},
	"UpdateAlias": {
		params: aliasOf("alias/new", true),
		bad:    with(aliasWrongs, map[string][]wrong{"AliasName": missing(aliasNameWrongs, []wrong{{"alias/no/such", notFound}})}),
	},
	"DeleteAlias": {
		params: aliasOf("alias/new", true),
		bad:    map[string][]wrong{"AliasName": missing(aliasNameWrongs, []wrong{{"alias/no/such", notFound}})},
	},
	"ListAliases": {
		params: of(symmetric, nil),
		bad: map[string][]wrong{
			"KeyId":  keyWrongs(invalidARN, false),
			"Limit":  intWrongs(1, 100),
			"Marker": append(markerText, wrong{"a", "InvalidMarkerException"}),
		},
		answer: "Aliases:list Truncated:bool",
	},
	"EnableKeyRotation": {
		params: of(symmetric, object{"RotationPeriodInDays": 90}),
		bad: map[string][]wrong{
			"KeyId":                missing(keyWrongs(invalidARN, false)),
			"RotationPeriodInDays": intWrongs(90, 2560),
		},
	},
	"DisableKeyRotation": {params: of(symmetric, nil), bad: onlyKey},
	"GetKeyRotationStatus": {
		params: of(&kms.CreateKeyOptions{RotationPeriod: 90 * 24 * time.Hour}, nil),
		bad:    onlyKey,
		answer: "KeyId:text KeyRotationEnabled:bool NextRotationDate:number RotationPeriodInDays:number",
	},
	"RotateKeyOnDemand": {params: of(symmetric, nil), bad: onlyKey, answer: "KeyId:text"},
	"ListKeyRotations": {
		params: of(symmetric, nil),
		bad: map[string][]wrong{
			"KeyId":              missing(keyWrongs(invalidARN, false)),
			"IncludeKeyMaterial": wordWrongs(""),
			"Limit":              intWrongs(1, 1000),
			"Marker":             append(markerText, wrong{"a", "InvalidMarkerException"}, wrong{"-1", "InvalidMarkerException"}),
		},
		answer: "Rotations:list Truncated:bool",
	},
	"GetParametersForImport": {
		params: of(external, object{"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
		bad: map[string][]wrong{
			"KeyId":             missing(keyWrongs(invalidARN, false)),
			"WrappingAlgorithm": missing(wordWrongs(unsupported, "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_1"), []wrong{{"SM2PKE", validation}}),
			"WrappingKeySpec":   missing(wordWrongs(validation, "SM2", "RSA_1024")),
		},
		answer: "ImportToken:base64 KeyId:text ParametersValidTo:number PublicKey:base64",
	},
	"ImportKeyMaterial": {
		params: toImport,
		bad: map[string][]wrong{
			"KeyId":                  missing(keyWrongs(invalidARN, false)),
			"ImportToken":            missing(blobWrongs(6144), []wrong{{b64("other"), "InvalidImportTokenException"}}),
			"EncryptedKeyMaterial":   missing(blobWrongs(6144), []wrong{{b64("other"), "IncorrectKeyMaterialException"}}),
			"ExpirationModel":        append(wordWrongs(validation, "KEY_MATERIAL_EXPIRES"), wrong{absent, validation}),
			"ValidTo":                {{4e9, validation}, {"4e9", serialization}, {object{}, serialization}, {1e300, validation}},
			"ImportType":             wordWrongs(""),
			"KeyMaterialDescription": textWrongs(256),
			"KeyMaterialId":          refused,
		},
		answer:  "KeyId:text",
		changes: true,
	},
	"DeleteImportedKeyMaterial": {
		params: of(external, nil),
		bad:    with(onlyKey, map[string][]wrong{"KeyMaterialId": refused}),
		answer: "KeyId:text",
	},
	"TagResource": {
		params: of(symmetric, object{"Tags": tagsOf("a", "b")}),
		bad: map[string][]wrong{
			"KeyId": missing(keyWrongs(invalidARN, false)),
			"Tags": missing(listedTagWrongs, []wrong{
				{manyTags(51), "LimitExceededException"}, {tagsOf(strings.Repeat("ä", 128), "v"), badTag},
			}),
		},
	},
	"UntagResource": {
		params: of(symmetric, object{"TagKeys": []string{"a"}}),
		bad: map[string][]wrong{
			"KeyId": missing(keyWrongs(invalidARN, false)),
			"TagKeys": missing([]wrong{
				{"a", serialization}, {[]int{1}, serialization}, {[]string{""}, validation}, {[]string{strings.Repeat("a", 129)}, validation},
			}),
		},
	},
	"ListResourceTags": {
		params: of(&kms.CreateKeyOptions{Tags: map[string]string{"a": "b"}}, nil),
		bad: map[string][]wrong{
			"KeyId":  missing(keyWrongs(invalidARN, false)),
			"Limit":  intWrongs(1, 50),
			"Marker": markerText,
		},
		answer: "Tags:list Truncated:bool",
	},
}

var onlyKey = map[string][]wrong{"KeyId": missing(keyWrongs(invalidARN, false))}

var dataKeyWrongs = map[string][]wrong{
	"KeyId":             missing(keyWrongs(notFound, true)),
	"NumberOfBytes":     missing(intWrongs(1, 1024)),
	"KeySpec":           append(wordWrongs(validation), wrong{"AES_256", validation}), // with the other
	"EncryptionContext": contextWrongs,
	"GrantTokens":       grantWrongs,
	"DryRun":            dryRun,
}

var dataKeyPairWrongs = map[string][]wrong{
	"KeyId": missing(keyWrongs(notFound, true)),
	"KeyPairSpec": missing(wordWrongs(unsupported,
		"ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"),
		[]wrong{{"HMAC_256", validation}}),
	"EncryptionContext": contextWrongs,
	"GrantTokens":       grantWrongs,
	"DryRun":            dryRun,
}

var signWrongs = map[string][]wrong{
	"KeyId":       missing(keyWrongs(notFound, true)),
	"Message":     missing(blobWrongs(4096)),
	"MessageType": append(wordWrongs(unsupported, "EXTERNAL_MU"), wrong{"DIGEST", validation}), // of another size
	"SigningAlgorithm": missing(wordWrongs(usage, "RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256", "ECDSA_SHA_384",
		"ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512")),
	"GrantTokens": grantWrongs,
	"DryRun":      dryRun,
}

var macWrongs = map[string][]wrong{
	"KeyId":        missing(keyWrongs(notFound, true)),
	"Message":      missing(blobWrongs(4096)),
	"MacAlgorithm": missing(wordWrongs(usage, "HMAC_SHA_224", "HMAC_SHA_384", "HMAC_SHA_512")),
	"GrantTokens":  grantWrongs,
	"DryRun":       dryRun,
}

var aliasNameWrongs = []wrong{
	{"", validation}, {"new", validation}, {"alias/", validation}, {"alias/?", validation}, {"Alias/new", validation},
	{"alias/" + strings.Repeat("a", 251), validation}, {1, serialization}, {"alias/aws/new", "InvalidAliasNameException"},
	{"alias/new\n", validation},
}

var aliasWrongs = map[string][]wrong{
	"AliasName":   missing(aliasNameWrongs, []wrong{{"alias/of-key", "AlreadyExistsException"}}),
	"TargetKeyId": missing(keyWrongs(notFound, false)),
}
