package tencent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/tencent"
)

// A wrong value of a parameter, and the code that it gets.
type wrong struct {
	value any // nil is null, and missing is none
	code  string
}

type missing struct{}

const (
	codeMissing = "MissingParameter"
	codeInvalid = "InvalidParameter"
	codeValue   = "InvalidParameterValue"
)

// text are the wrong values of text, of which some more have a code.
func text(code string, values ...any) []wrong {
	all := []wrong{
		{missing{}, codeMissing}, {nil, codeMissing}, {5, codeInvalid}, {true, codeInvalid},
		{[]any{}, codeInvalid}, {map[string]any{}, codeInvalid},
	}
	for _, v := range values {
		all = append(all, wrong{v, code})
	}
	return all
}

// optional are the values without those of what is not there.
func optional(all []wrong) []wrong {
	return slices.DeleteFunc(all, func(w wrong) bool { return w.code == codeMissing })
}

func key() []wrong {
	const id = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	return text(codeValue+".InvalidKeyId", "", id+"0", id[1:], strings.ToUpper(id), "alias/name",
		strings.ReplaceAll(id, "-", ""), "z"+id[1:], " "+id, id+"\n", "../"+id[3:])
}

func base64Of(most int, code string) []wrong {
	return text(code, "", "!!!!", "QQ", "QQ=", "QR==", "QUJD\n", "QUJ-", b64(make([]byte, most+1)))
}

func contexts() []wrong {
	long := `{"a":"` + strings.Repeat("b", 1024-len(`{"a":""}`)+1) + `"}`
	return optional(text(codeInvalid, "{", "5", "null", `"text"`, "[]", `{"a":1}`, `{"a":null}`, `{"a":["b"]}`,
		`{"a":"b","a":"c"}`, `{"a":"\ud800"}`, `{"":"b"}`, `{"a":"b"} {}`, "{'a':'b'}", long))
}

func number(least, most int64, code string) []wrong {
	return []wrong{
		{missing{}, codeMissing}, {nil, codeMissing}, {"text", codeInvalid}, {"", codeInvalid},
		{fmt.Sprint(least), codeInvalid}, {true, codeInvalid}, {[]any{1}, codeInvalid},
		{1.5, codeInvalid}, {json.Number("7e0"), codeInvalid}, {least - 1, code}, {most + 1, code},
		{int64(math.MinInt64), code}, {json.Number("99999999999999999999"), code},
	}
}

func keys() []wrong {
	const id = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	many := slices.Repeat([]string{id}, 101)
	return []wrong{
		{missing{}, codeMissing}, {nil, codeMissing}, {[]any{}, codeMissing}, {id, codeInvalid},
		{5, codeInvalid}, {[]any{5}, codeInvalid}, {[]any{nil}, codeInvalid},
		{map[string]any{}, codeInvalid},
		{[]any{""}, codeValue + ".InvalidKeyId"}, {[]any{id, "alias/a"}, codeValue + ".InvalidKeyId"},
		{many, codeValue + ".InvalidKeyId"}, {[]any{id, id}, codeValue + ".DuplicatedKeyId"},
	}
}

func alias() []wrong {
	return text(codeValue+".InvalidAlias", "", "-a", "_a", "a b", "a/b", "alias/a", "é", "a\n", "kms-a",
		strings.Repeat("a", 61))
}

func description() []wrong { return text(codeInvalid, strings.Repeat("a", 1025), "a\x00b") }

func algorithm(more ...any) []wrong { return text(codeInvalid, append(more, "", "none", "RSA")...) }

func tags() []wrong {
	tag := func(k, v any) map[string]any { return map[string]any{"TagKey": k, "TagValue": v} }
	var many []any
	for i := range 51 {
		many = append(many, tag(fmt.Sprint(i), ""))
	}
	var all []wrong
	for _, v := range []any{
		5, true, map[string]any{}, "[]", []any{5}, []any{nil}, []any{tag("a", "b"), tag("a", "c")},
		[]any{tag(5, "b")}, []any{tag("a", 5)}, []any{tag("", "b")}, []any{tag("a", "\x00")},
		[]any{tag(strings.Repeat("a", 129), "b")}, []any{tag("a", strings.Repeat("a", 257))}, many,
	} {
		all = append(all, wrong{v, codeInvalid})
	}
	return all
}

func publicKey() []wrong {
	short := strings.Replace(string(publicPEM()), "MII", "MIJ", 1)
	all := optional(text(codeInvalid, "text", string(publicPEM())+"rest", short,
		strings.Repeat("a", 1025)))
	return append(all, wrong{"", codeMissing},
		wrong{missing{}, codeMissing}) // as an algorithm is named
}

func wrapping() []wrong {
	all := optional(text(codeInvalid, "none", "RSAES_OAEP_SHA_512", "SM2", "SM2_C1C3C2_ASN1",
		"", missing{}))
	return append(all, wrong{"RSAES_OAEP_SHA_1", "UnsupportedOperation"},
		wrong{"RSAES_PKCS1_V1_5", "UnsupportedOperation"})
}

func weak() []wrong {
	return append(algorithm("SM2"),
		wrong{"RSAES_OAEP_SHA_1", "UnsupportedOperation"},
		wrong{"RSAES_PKCS1_V1_5", "UnsupportedOperation"})
}

func cluster() []wrong { return optional(text(codeValue+".InvalidHsmClusterId", "cls-1")) }

func page() map[string][]wrong {
	offset := optional(number(0, math.MaxInt64-1, codeInvalid))
	return map[string][]wrong{
		"Offset": slices.DeleteFunc(offset, func(w wrong) bool { return w.value == int64(math.MaxInt64) }),
		"Limit":  optional(number(1, 200, codeInvalid)),
		"Role":   optional(number(0, 1, codeInvalid)), "HsmClusterId": cluster(),
	}
}

func keyOnly() map[string][]wrong { return map[string][]wrong{"KeyId": key()} }

// wrongs are those of every parameter of every operation.
func wrongs() map[string]map[string][]wrong {
	all := map[string]map[string][]wrong{
		"Encrypt": {"KeyId": key(), "Plaintext": base64Of(4096, codeValue+".InvalidPlaintext"), "EncryptionContext": contexts()},
		"Decrypt": {"CiphertextBlob": ciphertext(), "EncryptionContext": contexts(),
			"EncryptionPublicKey": publicKey(), "EncryptionAlgorithm": wrapping()},
		"ReEncrypt": {"CiphertextBlob": ciphertext(), "DestinationKeyId": optional(key())[5:],
			"SourceEncryptionContext": contexts(), "DestinationEncryptionContext": contexts()},
		"GenerateDataKey": {"KeyId": key(), "KeySpec": optional(text(codeInvalid, "AES", "SM4")),
			"NumberOfBytes": optional(number(1, 1024, codeInvalid)), "EncryptionContext": contexts(),
			"EncryptionPublicKey": publicKey(), "EncryptionAlgorithm": wrapping()},
		"GenerateRandom": {"NumberOfBytes": number(1, 1024, codeInvalid)},
		"CreateKey": {"Alias": alias(), "Description": optional(description()),
			"KeyUsage": append(optional(text(codeValue+".InvalidKeyUsage", "none", "ENCRYPT")),
				// Material that is imported is of no pair.
				wrong{"ASYMMETRIC_DECRYPT_SM2", codeValue + ".InvalidType"}),
			"Type": optional(number(1, 2, codeValue+".InvalidType")), "Tags": tags(), "HsmClusterId": cluster()},
		"DescribeKeys": {"KeyIds": keys()}, "EnableKeys": {"KeyIds": keys()}, "DisableKeys": {"KeyIds": keys()},
		"ListKeys": page(), "ListKeyDetail": page(),
		"UpdateAlias":          {"KeyId": key(), "Alias": alias()},
		"UpdateKeyDescription": {"KeyId": key(), "Description": description()},
		"ScheduleKeyDeletion": {"KeyId": key(),
			"PendingWindowInDays": number(7, 30, "InvalidParameter.InvalidPendingWindowInDays")},
		"EnableKeyRotation":    {"KeyId": key(), "RotateDays": optional(number(7, 365, codeValue))},
		"AsymmetricRsaDecrypt": {"KeyId": key(), "Ciphertext": base64Of(512, codeInvalid), "Algorithm": weak()},
		"AsymmetricSm2Decrypt": {"KeyId": key(), "Ciphertext": base64Of(256, codeInvalid)},
		"GetParametersForImport": {"KeyId": key(), "WrappingAlgorithm": weak(),
			"WrappingKeySpec": algorithm("RSA_4096")},
		"ImportKeyMaterial": {"KeyId": key(), "ImportToken": base64Of(1024, codeInvalid),
			"EncryptedKeyMaterial": base64Of(256, codeInvalid), "ValidTo": optional(number(0, 2147443200, codeInvalid))},
		"ListAlgorithms": {}, "GetServiceStatus": {},
	}
	maps.Copy(all["ListKeyDetail"], map[string][]wrong{
		"OrderType": optional(number(0, 1, codeInvalid)), "KeyState": optional(number(0, 5, codeInvalid)),
		"SearchKeyAlias": optional(text(codeInvalid)), "Origin": optional(text(codeInvalid, "all", "KMS")),
		"KeyUsage":   optional(text(codeValue+".InvalidKeyUsage", "none")),
		"TagFilters": {{[]any{}, "UnsupportedOperation"}, {"a", "UnsupportedOperation"}},
	})
	message := append(base64Of(32, codeInvalid), wrong{b64(make([]byte, 31)), codeInvalid})
	all["SignByAsymmetricKey"] = map[string][]wrong{
		"KeyId": key(), "Algorithm": algorithm("RSA_PSS_SHA_256", "SM2DSA", "ECDSA_SHA_256"), "Message": message,
		"MessageType": optional(text(codeInvalid, "raw", "HASH")),
	}
	all["VerifyByAsymmetricKey"] = maps.Clone(all["SignByAsymmetricKey"])
	all["VerifyByAsymmetricKey"]["SignatureValue"] = base64Of(512, codeValue)
	for _, action := range strings.Fields(`DescribeKey EnableKey DisableKey ArchiveKey CancelKeyArchive
		CancelKeyDeletion DisableKeyRotation GetKeyRotationStatus GetPublicKey DeleteImportedKeyMaterial`) {
		all[action] = keyOnly()
	}
	return all
}

func ciphertext() []wrong {
	return append(base64Of(8192, codeValue+".InvalidCiphertext"),
		wrong{"QUJD", codeValue + ".InvalidCiphertext"},
		wrong{b64(make([]byte, 200)), codeValue + ".InvalidCiphertext"})
}

// Every wrong value of every parameter has its code, by both signatures, and what is
// right with it otherwise succeeds after all of them.
func TestParameters(t *testing.T) {
	s := newServer(t)
	right, all := s.requests(t), wrongs()
	for _, action := range tencent.Operations() {
		if all[action] == nil || right[action] == nil {
			t.Errorf("%s: no cases", action)
		}
		for name, cases := range all[action] {
			if _, ok := right[action][name]; !ok && name != "TagFilters" {
				t.Errorf("%s: no %s in a request that succeeds", action, name)
			}
			for _, c := range cases {
				s.try(t, action, right[action], name, c)
			}
		}
		for name := range right[action] {
			if all[action][name] == nil {
				t.Errorf("%s: no cases of %s", action, name)
			}
		}
	}
	for _, action := range tencent.Operations() {
		if w := s.call(t, action, right[action]); w.code != "" {
			t.Errorf("%s: %s", action, w.Body)
		}
	}
}

// try makes a request in which one parameter is wrong.
func (s *server) try(t *testing.T, action string, right request, name string, c wrong) {
	t.Helper()
	params := maps.Clone(right)
	params[name] = c.value
	if c.value == (any)(missing{}) {
		delete(params, name)
	}
	w := s.call(t, action, params)
	if w.code != c.code {
		t.Errorf("%s: %s %.60v: %.300s, want %s", action, name, c.value, w.Body, c.code)
	}
	s.leaks(t, w, c.value)
	if flat, ok := flatten(params, name); ok {
		if w := s.send(t, v1(t, http.MethodPost, "HmacSHA256", action, flat)); w.code != c.code {
			t.Errorf("%s by version 1: %s %.60v: %.300s, want %s", action, name, c.value,
				w.Body, c.code)
		}
	}
}

// leaks looks for what was sent in an error.
func (s *server) leaks(t *testing.T, w *reply, value any) {
	t.Helper()
	e, _ := w.fields["Error"].(map[string]any)
	message, _ := e["Message"].(string)
	if v, ok := value.(string); ok && len(v) > 6 && strings.Contains(message, v) {
		t.Errorf("%q in %q", v, message)
	}
}

// flatten returns parameters as text, if the one that is wrong is the same then: it
// is text itself, or not there, and not a number.
func flatten(params request, name string) (map[string]string, bool) {
	switch v, ok := params[name]; {
	case !ok:
	default:
		if _, ok := v.(string); !ok {
			return nil, false
		}
	}
	flat := map[string]string{}
	for k, v := range params {
		switch v := v.(type) {
		case string:
			flat[k] = v
		case int:
			flat[k] = fmt.Sprint(v)
		case []string:
			for i, item := range v {
				flat[fmt.Sprintf("%s.%d", k, i)] = item
			}
		}
	}
	switch name {
	case "NumberOfBytes", "PendingWindowInDays", "RotateDays", "Offset", "Limit", "Role",
		"OrderType", "KeyState",
		"Type", "ValidTo", "KeyIds", "Tags", "TagFilters":
		return nil, false
	}
	return flat, true
}

// What any operation refuses, before it looks at parameters.
func TestSyntax(t *testing.T) {
	s := newServer(t)
	for _, action := range tencent.Operations() {
		for _, body := range []string{
			`{"KeyId":"a","KeyId":"b"}`, `{"A":{"B":1,"B":2}}`, `{"A":"` + "\xff" + `"}`, `{"A":"\ud800"}`, `{"A":"\udc00\ud800"}`,
			`[]`, `null`, `5`, `"text"`, `{`, `{}{}`, `{"A":1,}`, `{"A":01}`, "\xef\xbb\xbf{}", strings.Repeat("[", 1000),
			`{"A":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`,
		} {
			if w := s.send(t, tc3(t, action, body)); w.code != codeInvalid {
				t.Errorf("%s %q: %s", action, body, w.Body)
			}
		}
	}
	body := `{"A":"` + strings.Repeat("a", 128<<10) + `"}`
	if w := s.send(t, newRequest(http.MethodPost, "/", body)); w.code != "RequestSizeLimitExceeded" {
		t.Errorf("large: %s", w.Body)
	}
	query := "/?A=" + strings.Repeat("a", 128<<10)
	if w := s.send(t, newRequest(http.MethodGet, query, "")); w.code != "RequestSizeLimitExceeded" {
		t.Errorf("large query: %s", w.Body)
	}
}

// Unknown parameters are ignored, as clients of other versions have them.
func TestUnknownParameter(t *testing.T) {
	s := newServer(t)
	for action, r := range s.requests(t) {
		r["Later"] = map[string]any{"a": []int{1}}
		if w := s.call(t, action, r); w.code != "" {
			t.Errorf("%s: %s", action, w.Body)
		}
	}
}
