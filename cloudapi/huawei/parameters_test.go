package huawei_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A rule says what is wrong for a parameter.
type rule struct {
	code       string // of what is wrong
	compulsory bool
	bad        []any // beside other types
	number     bool  // numbers are as good as text
	context    bool  // objects are good
	list       bool
}

func text(code string, compulsory bool, bad ...any) rule {
	return rule{code: code, compulsory: compulsory, bad: bad}
}

func number(code string, compulsory bool, bad ...any) rule {
	bad = append(bad, "", "x", "1.5", "0x10", "+8", " 8", "99999999999999999999", 1.5, -1)
	return rule{code: code, compulsory: compulsory, bad: bad, number: true}
}

// long is a text of n characters.
func long(n int) string { return strings.Repeat("a", n) }

var (
	aKeyID   = text("KMS.0205", true, "", "alias/a", long(36), strings.ToUpper(nobody), nobody+"0", nobody+"\n")
	optKeyID = rule{code: "KMS.0205", bad: aKeyID.bad}
	aad      = text("KMS.0208", false, long(129), strings.Repeat("é", 65))
	pairs    = rule{code: "KMS.0208", context: true, bad: []any{
		"", "x", `{"a":1}`, `{"a":"b","a":"c"}`, params{"a": 1}, params{"a": nil}, params{"": "b"},
		params{"a": []any{"b"}}, params{"a": long(8185)},
	}}
	algorithm = text("KMS.0308", false, "", "AES", "rsaes_oaep_sha_256")
	signer    = text("KMS.0308", true, "", "RSA", "HMAC_SHA_256")
	macs      = text("KMS.0308", true, "", "HMAC", "HMAC_SHA256")
	base64s   = []any{"", "!", "QQ", "QR==", "QQ==\n", "QQ==QQ=="}
	anAlias   = text("KMS.1101", true, "", "a:b", "/a", "a/", "a//b", "a b", "ä", long(251), "a/default")
	describe  = text("KMS.1103", false, long(256), "a\x00")
	bits      = []any{"0", "7", "9", "8193", "8200", 12}
	refused   = rule{code: "KMS.0308", bad: []any{"1"}}
)

// rules has every parameter of every operation.
var rules = map[string]map[string]rule{
	"POST encrypt-data": {
		"key_id": aKeyID, aadName: aad, "encryption_context": pairs, "encryption_algorithm": algorithm,
		"plain_text": text("KMS.0308", true, "", long(4097), strings.Repeat("é", 2049)),
	},
	"POST decrypt-data": {
		"key_id": optKeyID, aadName: aad, "encryption_context": pairs, "encryption_algorithm": algorithm,
		"cipher_text": text("KMS.0308", true, "", long(127), long(128), long(5649), long(127)+"!", long(127)+"\n"),
	},
	"POST re-encrypt": {
		"source_key_id": optKeyID, "destination_key_id": aKeyID,
		"source_" + aadName: aad, "destination_" + aadName: aad,
		"source_encryption_algorithm": algorithm, "destination_encryption_algorithm": algorithm,
		"datakey_cipher_length": number("KMS.2202", false, "0", "1025"),
		"cipher_text":           text("KMS.0308", true, "", "!", long(128), "00", long(5649)),
	},
	"POST create-datakey": {
		"key_id": aKeyID, aadName: aad, "encryption_context": pairs, "pin": refused,
		"key_spec":       text("KMS.0308", false, "", "AES_512", "aes_256"),
		"datakey_length": number("KMS.1901", false, bits...),
	},
	"POST create-datakey-without-plaintext": {
		"key_id": aKeyID, aadName: aad, "encryption_context": pairs, "pin": refused,
		"key_spec":       text("KMS.0308", false, "", "AES_512", "aes_256"),
		"datakey_length": number("KMS.2001", false, bits...),
	},
	"POST encrypt-datakey": {
		"key_id": aKeyID, aadName: aad, "encryption_context": pairs, "pin": refused,
		"datakey_plain_length": number("KMS.2102", true, "0", "1025"),
		"plain_text": text("KMS.2101", true, "", "0", "zz", datakey("other length"), datakey(marker)+" ",
			" "+datakey(marker), datakey(marker)[:42]+"  "+datakey(marker)[42:]),
	},
	"POST decrypt-datakey": {
		"key_id": aKeyID, aadName: aad, "encryption_context": pairs,
		"datakey_cipher_length": number("KMS.2202", true, "0", "1025", "63", "65"),
		"cipher_text":           text("KMS.2201", true, "", "0", "zz", "00", long(12000)),
	},
	"POST gen-random": {"random_data_length": number("KMS.1801", true, bits...)},

	"POST create-key": {
		"key_alias": anAlias, "key_description": describe,
		"key_spec":    text("KMS.0308", false, "", "AES", "aes_256"),
		"key_usage":   text("KMS.0308", false, "", "SIGN"),
		"origin":      text("KMS.0308", false, "", "KMS"),
		"keystore_id": text("KMS.0308", false, "", "1"),
		"vm_id":       refused,
	},
	"POST describe-key": {"key_id": aKeyID},
	"POST list-keys": {
		"limit":     number("KMS.1601", false, "0", "1001"),
		"marker":    number("KMS.1602", false, "-1", "2147483648"),
		"key_state": text("KMS.0308", false, "", "0", "6", "22"),
		"key_spec":  text("KMS.0308", false, "", "all"),
	},
	"POST update-key-alias": {"key_id": aKeyID, "key_alias": anAlias},
	"POST update-key-description": {
		"key_id": aKeyID, "key_description": text(describe.code, true, describe.bad...),
	},
	"POST enable-key":            {"key_id": aKeyID},
	"POST disable-key":           {"key_id": aKeyID},
	"POST schedule-key-deletion": {"key_id": aKeyID, "pending_days": number("KMS.1401", true, "6", "1097")},
	"POST cancel-key-deletion":   {"key_id": aKeyID},

	"GET aliases": {
		"key_id": {code: "KMS.0205", bad: []any{"", "alias/a", long(36)}},
		"limit":  {code: "KMS.1601", bad: []any{"0", "1001", "", "x"}, number: true},
		"marker": {code: "KMS.1602", bad: []any{"-1", "", "x"}, number: true},
	},
	"POST aliases": {"key_id": aKeyID, "alias": anAlias},
	"DELETE aliases": {"key_id": aKeyID, "aliases": {code: "KMS.1101", compulsory: true, list: true, bad: []any{
		[]any{""}, []any{1}, []any{"a:b"}, []any{nil}, slices.Repeat([]any{"a"}, 101),
	}}},
	"POST alias/associate": {"target_key_id": aKeyID, "alias": anAlias},

	"POST enable-key-rotation":  {"key_id": aKeyID},
	"POST disable-key-rotation": {"key_id": aKeyID},
	"POST update-key-rotation-interval": {
		"key_id": aKeyID, "rotation_interval": number("KMS.0308", true, 29, 366, "0"),
	},
	"POST get-key-rotation-status": {"key_id": aKeyID},

	"POST get-parameters-for-import": {
		"key_id":             aKeyID,
		"wrapping_algorithm": text("KMS.0308", true, "", "RSA", "RSAES_OAEP_SHA_256/RSA_2048"),
	},
	"POST import-key-material": {
		"key_id":                 aKeyID,
		"import_token":           text("KMS.2601", true, append(base64s, b64(long(4609)), b64(long(49)))...),
		"encrypted_key_material": text("KMS.2604", true, append(base64s, b64(long(4609)), b64(long(256)))...),
		"encrypted_privatekey":   text("KMS.2604", false, append(base64s, b64(long(4609)), b64(long(256)))...),
		"expiration_time":        number("KMS.2602", false, 0, 1e9, "253402300800"),
	},
	"POST delete-imported-key-material": {"key_id": aKeyID},

	"POST sign": {
		"key_id": aKeyID, "signing_algorithm": signer,
		"message":      text("KMS.0308", true, append(base64s, b64(long(4096)))...),
		"message_type": text("KMS.0308", false, "", "raw", "DIGEST"), // it is no digest
	},
	"POST verify": {
		"key_id": aKeyID, "signing_algorithm": signer,
		"message":      text("KMS.0308", true, append(base64s, b64(long(4096)))...),
		"message_type": text("KMS.0308", false, "", "raw", "DIGEST"),
		"signature":    text("KMS.0308", true, append(base64s, b64(long(513)))...),
	},
	"POST get-publickey": {"key_id": aKeyID},
	"POST generate-mac": {
		"key_id": aKeyID, "mac_algorithm": macs,
		"message": text("KMS.0308", true, append(base64s, b64(long(4097)))...),
	},
	"POST verify-mac": {
		"key_id": aKeyID, "mac_algorithm": macs,
		"message": text("KMS.0308", true, append(base64s, b64(long(4097)))...),
		"mac":     text("KMS.0308", true, append(base64s, b64(long(513)))...),
	},
}

// Whatever is wrong with any parameter of any operation, the answer is its code at 400, and
// nothing is done: the right request works afterwards.
func TestParameters(t *testing.T) {
	for op, b := range bases {
		t.Run(strings.ReplaceAll(op, " ", "_"), func(t *testing.T) {
			s := serve(t, nil)
			right := b.make(s)
			known := maps.Clone(rules[op])
			if !strings.HasPrefix(op, "GET") {
				known["sequence"] = text("KMS.0206", false, "", long(35), long(37))
			}
			for name := range right {
				if _, ok := known[name]; !ok {
					t.Errorf("%s has no rule", name)
				}
			}
			for name, r := range known {
				s.tryParameter(op, with(right, aadName, absent), name, r)
			}
			s.must(op, right)
		})
	}
}

// tryParameter tries what is wrong for a parameter.
func (s *service) tryParameter(op string, right params, name string, r rule) {
	s.t.Helper()
	if r.compulsory {
		s.do(op, with(right, name, absent)).want(s.t, name+" missing", 400, "KMS.0204")
		s.do(op, with(right, name, nil)).want(s.t, name+" null", 400, "KMS.0204")
	}
	bad := r.bad
	if !strings.HasPrefix(op, "GET") {
		bad = append(bad, true)
		if !r.context {
			bad = append(bad, params{}, params{"a": "b"})
		}
		if !r.list {
			bad = append(bad, []any{}, []any{"1"})
		}
		if !r.number {
			bad = append(bad, 0, 1e300)
		}
	}
	if name == "pin" || name == "vm_id" {
		bad = append(bad, "")
	}
	for _, value := range bad {
		s.do(op, with(right, name, value)).want(s.t, name+" "+show(value), 400, r.code)
	}
}

// show returns a value as a test calls it.
func show(v any) string {
	text, _ := json.Marshal(v)
	if len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return string(text)
}

// A body that is not a JSON object as it must be is KMS.0202, and one that is too long
// KMS.0203, for every operation that has one.
func TestBodies(t *testing.T) {
	bodies := map[string]string{
		`{`: "KMS.0202", `[]`: "KMS.0202", `null`: "KMS.0202", `"a"`: "KMS.0202", `{} {}`: "KMS.0202",
		`{"a":1,"a":1}`: "KMS.0202", `{"a":{"b":1,"b":1}}`: "KMS.0202", `{"a":"\ud800"}`: "KMS.0202",
		"{\"a\":\"\xff\"}": "KMS.0202", `{"a":` + strings.Repeat("[", 5000): "KMS.0202",
		`{"a":"` + long(128<<10) + `"}`: "KMS.0203",
	}
	s := serve(t, nil)
	for op := range bases {
		if strings.HasPrefix(op, "GET") {
			continue
		}
		for body, code := range bodies {
			s.call(op, body).want(t, op+" "+body[:min(20, len(body))], 400, code)
		}
	}
	s.call("POST encrypt-data", "").want(t, "no body", 400, "KMS.0204")
	s.call("GET aliases", "limit=1&limit=2").want(t, "two limits", 400, "KMS.0308")
}

// What there is not, is not; and what there is takes its own method only.
func TestPaths(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{
		"", "/", "/v1.0/p/kms/", "/v1.0/p/kms/encrypt-data/", "/v1.0/p/kms/encrypt-date", "/v1.0//kms/gen-random",
		"/v1.0/p/kms/alias", "/v1.0/p/kms/a/b/c", "/v2/p/kms/gen-random", "/v1.0/p%2fkms/gen-random",
		"/v1.0/" + long(65) + "/kms/gen-random", "/v1.0/p/kms/%67en-random", "/v1.0/p/kms/create-grant",
	} {
		r := request("POST gen-random", `{"random_data_length":"8"}`)
		r.URL.Path, r.URL.RawPath = path, ""
		if strings.Contains(path, "%") {
			r.URL.Path, r.URL.RawPath = strings.NewReplacer("%67", "g", "%2f", "/").Replace(path), path
		}
		s.send(signed(t, r, accessKey, secret, start)).want(t, path, 400, "KMS.0201")
	}
	for _, op := range []string{
		"GET encrypt-data", "PUT aliases", "DELETE alias/associate", "HEAD gen-random", "OPTIONS aliases",
	} {
		s.call(op, "").want(t, op, 405, "KMS.0201")
	}
}
