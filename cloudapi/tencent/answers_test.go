package tencent_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/tencent"
)

const metadataFields = `Alias:text CreateTime:number CreatorUin:number DeletionDate:number Description:text
	HsmClusterId:text KeyId:text KeyRotationEnabled:bool KeyState:text KeyUsage:text NextRotateTime:number
	Origin:text Owner:text ResourceId:text Type:number ValidTo:number`

const algorithmFields = "Algorithm:text KeyUsage:text"

// answers are the fields of each answer, beside RequestId: those of
// tencentcloud-sdk-go kms v1.0.1000, models.go, and no others. A path leads to what
// is in them, through the first item of a list.
var answers = map[string]map[string]string{
	"Encrypt":         {"": "CiphertextBlob:text KeyId:text"},
	"Decrypt":         {"": "KeyId:text Plaintext:text"},
	"ReEncrypt":       {"": "CiphertextBlob:text KeyId:text ReEncrypted:bool SourceKeyId:text"},
	"GenerateDataKey": {"": "CiphertextBlob:text KeyId:text Plaintext:text"},
	"GenerateRandom":  {"": "Plaintext:text"},
	"CreateKey": {"": `Alias:text CreateTime:number Description:text HsmClusterId:text KeyId:text KeyState:text
		KeyUsage:text TagCode:number TagMsg:text`},
	"DescribeKey":           {"": "KeyMetadata:object", "KeyMetadata": metadataFields},
	"DescribeKeys":          {"": "KeyMetadatas:list", "KeyMetadatas": metadataFields},
	"ListKeys":              {"": "Keys:list TotalCount:number", "Keys": "KeyId:text"},
	"ListKeyDetail":         {"": "KeyMetadatas:list TotalCount:number", "KeyMetadatas": metadataFields},
	"ScheduleKeyDeletion":   {"": "DeletionDate:number KeyId:text"},
	"CancelKeyDeletion":     {"": "KeyId:text"},
	"GetKeyRotationStatus":  {"": "KeyRotationEnabled:bool"},
	"GetPublicKey":          {"": "KeyId:text PublicKey:text PublicKeyPem:text"},
	"AsymmetricRsaDecrypt":  {"": "KeyId:text Plaintext:text"},
	"AsymmetricSm2Decrypt":  {"": "KeyId:text Plaintext:text"},
	"SignByAsymmetricKey":   {"": "Signature:text"},
	"VerifyByAsymmetricKey": {"": "SignatureValid:bool"},
	"ListAlgorithms": {"": "AsymmetricAlgorithms:list AsymmetricSignVerifyAlgorithms:list SymmetricAlgorithms:list",
		"AsymmetricAlgorithms": algorithmFields, "AsymmetricSignVerifyAlgorithms": algorithmFields,
		"SymmetricAlgorithms": algorithmFields},
	"GetParametersForImport": {"": "ImportToken:text KeyId:text ParametersValidTo:number PublicKey:text"},
	"GetServiceStatus": {"": `ExclusiveHSMEnabled:bool ExclusiveVSMEnabled:bool InvalidType:number
		ProExpireTime:number ProRenewFlag:number ProResourceId:text ServiceEnabled:bool SubscriptionInfo:text
		UserLevel:number`},
}

// shape returns names and types of the fields of an object, sorted.
func shape(v any) string {
	object, _ := v.(map[string]any)
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		kind := "null"
		switch object[name].(type) {
		case string:
			kind = "text"
		case float64:
			kind = "number"
		case bool:
			kind = "bool"
		case []any:
			kind = "list"
		case map[string]any:
			kind = "object"
		}
		fields = append(fields, name+":"+kind)
	}
	return strings.Join(fields, " ")
}

func TestAnswers(t *testing.T) {
	s := newServer(t)
	right := s.requests(t)
	for _, action := range tencent.Operations() {
		w := s.call(t, action, right[action])
		delete(w.fields, "RequestId")
		want := answers[action]
		if want == nil {
			want = map[string]string{"": ""}
		}
		for path, fields := range want {
			var v any = w.fields
			if path != "" {
				v = w.fields[path]
			}
			if list, ok := v.([]any); ok && len(list) > 0 {
				v = list[0]
			}
			if got := shape(v); got != strings.Join(strings.Fields(fields), " ") {
				t.Errorf("%s %s: %s", action, path, got)
			}
		}
	}
}
