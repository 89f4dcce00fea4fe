package aws_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/aws"
)

var errDenied = errors.New("denied")

// with returns the one table with what the other has in addition.
func with(a, b map[string][]wrong) map[string][]wrong {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func manyTags(n int) []object {
	var kv []string
	for i := range n {
		kv = append(kv, fmt.Sprint("key", i), "v")
	}
	return tagsOf(kv...)
}

// withCiphertext returns parameters with a ciphertext and the key that it is of.
func withCiphertext(blob, key string) func(t *testing.T, s *server) object {
	return func(t *testing.T, s *server) object {
		p := of(symmetric, object{"Plaintext": b64("hello")})(t, s)
		return object{blob: s.good(t, "Encrypt", p).str("CiphertextBlob"), key: p["KeyId"]}
	}
}

// aliasOf returns parameters with the name of an alias, which may exist.
func aliasOf(name string, exists bool) func(t *testing.T, s *server) object {
	return func(t *testing.T, s *server) object {
		p := object{"AliasName": name, "TargetKeyId": of(symmetric, nil)(t, s)["KeyId"]}
		if exists {
			s.good(t, "CreateAlias", p)
		}
		return p
	}
}

// toImport returns the parameters of an import.
func toImport(t *testing.T, s *server) object {
	p := of(external, object{"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})(t, s)
	return importInto(t, s, p["KeyId"].(string), strings.Repeat("m", 32))
}

// importInto returns the parameters of an import of material.
func importInto(t *testing.T, s *server, key, material string) object {
	t.Helper()
	a := s.good(t, "GetParametersForImport", object{
		"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
	})
	der, err := base64.StdEncoding.DecodeString(a.str("PublicKey"))
	must(t, err)
	public, err := x509.ParsePKIXPublicKey(der)
	must(t, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), []byte(material), nil)
	must(t, err)
	return object{
		"KeyId": key, "ImportToken": a.str("ImportToken"), "EncryptedKeyMaterial": wrapped,
		"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
	}
}

// Whatever is wrong with a parameter, the answer is the one documented.
func TestWrongParameters(t *testing.T) {
	for op, r := range requests {
		t.Run(op, func(t *testing.T) {
			s := serve(t, nil, nil)
			params := r.params(t, s)
			for name, wrongs := range r.bad {
				for _, w := range wrongs {
					p := maps.Clone(params)
					if p[name] = w.value; w.value == absent {
						delete(p, name)
					}
					text, err := json.Marshal(p)
					must(t, err)
					if a := s.do(t, op, string(text)); a.code != w.code {
						t.Errorf("%s %.60q: %d %.200s, want %s", name, fmt.Sprint(w.value), a.status, a.text, w.code)
					}
				}
			}
			for name := range params {
				if _, ok := r.bad[name]; !ok && !ignores(op, name) {
					t.Errorf("nothing is wrong with any %s", name)
				}
			}
			s.good(t, op, params) // nothing of this has changed the key
		})
	}
}

func ignores(op, name string) bool {
	return op == "ListKeys" && name == "KeyId" || op == "DeleteAlias" && name == "TargetKeyId"
}

// What is not JSON, or not to all readers the same, is refused by all operations, and
// what an operation does not know is ignored.
func TestSyntax(t *testing.T) {
	for op, r := range requests {
		s := serve(t, nil, nil)
		params := r.params(t, s)
		text, err := json.Marshal(params)
		must(t, err)
		good := strings.TrimSuffix(string(text), "}")
		if len(params) > 0 {
			good += ","
		}
		for _, rest := range []string{
			``, `"a":1`, `"a":1}}`, `"a":1,"a":1}`, `"a":"` + "\xff" + `"}`, `"a":"\ud800"}`, `"a":"\udc00\ud800"}`, `"a":}`,
			`"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		} {
			s.bad(t, op, good+rest, http.StatusBadRequest, serialization)
		}
		for _, text := range []string{`[]`, `null`, `"a"`, `1`, `{`, "\x00", `{"a"}`} {
			s.bad(t, op, text, http.StatusBadRequest, serialization)
		}
		s.good(t, op, good+`"Unknown":{"a":[1,null]}}`)
	}
}

// Every answer has the names and kinds of its documentation, and no others.
func TestAnswers(t *testing.T) {
	for op, r := range requests {
		s := serve(t, nil, nil)
		a := s.good(t, op, r.params(t, s))
		checkShape(t, op, a.body, r.answer)
		if m, ok := a.body["KeyMetadata"].(map[string]any); ok {
			checkShape(t, op, m, metadata)
		}
		if id := a.str("KeyId"); id != "" && !strings.HasPrefix(id, arnPrefix+"key/") {
			t.Errorf("%s: KeyId is %s", op, id)
		}
	}
}

// checkShape checks the members of an object.
func checkShape(t *testing.T, op string, got map[string]any, want string) {
	t.Helper()
	var members []string
	for name, v := range got {
		members = append(members, name+":"+kindOf(name, v))
	}
	slices.Sort(members)
	wanted := strings.Fields(want)
	slices.Sort(wanted)
	if !slices.Equal(members, wanted) {
		t.Errorf("%s answers\n%v, want\n%v", op, members, wanted)
	}
}

func kindOf(name string, v any) string {
	switch v := v.(type) {
	case string:
		blobs := "CiphertextBlob PrivateKeyCiphertextBlob Plaintext PrivateKeyPlaintext PublicKey Signature Mac ImportToken"
		if slices.Contains(strings.Fields(blobs), name) {
			if _, err := base64.StdEncoding.DecodeString(v); err != nil || v == "" {
				return "rubbish"
			}
			return "base64"
		}
		return "text"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	}
	return "object"
}

// There are no operations but those of the table.
func TestUnknownOperation(t *testing.T) {
	s := serve(t, nil, nil)
	for _, op := range []string{"", "encrypt", "Encrypt ", "NoSuch", "CreateGrant", "../Encrypt"} {
		s.bad(t, op, "{}", http.StatusBadRequest, "UnknownOperationException")
	}
	for _, op := range aws.Operations() {
		r := s.request(op, "{}")
		r.Header.Set("X-Amz-Target", "OtherService."+op)
		s.sign(r, "{}", now(), "host;x-amz-date;x-amz-target")
		if a := s.send(t, r); a.code != "UnknownOperationException" {
			t.Errorf("OtherService.%s: %s", op, a.text)
		}
	}
}
