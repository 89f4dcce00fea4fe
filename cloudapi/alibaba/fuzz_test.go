package alibaba_test

import (
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/alibaba"
)

// codes that an answer may have; those of what is broken inside are not among them.
var codes = regexp.MustCompile(`^(Forbidden\.(KeyNotFound|AliasNotFound)|MissingParameter|` +
	`InvalidParameter(\.Format)?|UnsupportedOperation|Unsupported\.(Origin|ProtectionLevel)|` +
	`AliasAlreadyExists|Rejected\.\w+|Invalid(KeyMaterial|ImportToken|Version|Api\.NotFound)|` +
	`UnsupportedHTTPMethod|(DryRunOperation|Validation)Error|IncompleteSignature|IllegalTimestamp)$`)

// FuzzHandler sends requests that are signed right, whatever is in them.
func FuzzHandler(f *testing.F) {
	s := start(f)
	for i, name := range alibaba.Actions() {
		f.Add(i%2 == 0, "POST", name, query(actions[name].base(s)), "")
	}
	f.Add(true, "GET", "Encrypt", "KeyId=alias%2Fx&Plaintext=QUJD&EncryptionContext=%7B%22a%22%3A%22%5Cud800%22%7D", "")
	f.Add(false, "POST", "ListKeys", "Format=XML&DryRun=true",
		"Filters=%5B%7B%22Key%22%3A%22KeyState%22%2C%22Values%22%3A%5B%22Enabled%22%5D%7D%5D")
	f.Fuzz(func(t *testing.T, acs3 bool, method, action, query, form string) {
		s.t = t
		if strings.Contains(query+form, "RSA_3072") || strings.Contains(query+form, "RSA_4096") {
			return // slow to make
		}
		r := s.fuzzed(acs3, method, action, query, form)
		if r.status == 200 && r.fields == nil {
			if err := xml.Unmarshal([]byte(r.body), new(struct{})); err != nil {
				t.Fatalf("%v in %s", err, r.body)
			}
		} else if r.status != 200 && (r.status >= 500 || !codes.MatchString(r.code())) {
			t.Fatalf("%d %s", r.status, r.body)
		}
	})
}

// fuzzed sends a request, which is signed if there is a way to.
func (s *server) fuzzed(acs3 bool, method, action, rawQuery, form string) *reply {
	r := newRequest(method, "/", form)
	r.URL.RawQuery = rawQuery
	if acs3 {
		if _, err := url.ParseQuery(rawQuery); err == nil {
			s.signACS3(r, accessKey, secret, action, form)
		}
		return s.do(r)
	}
	values, err := url.ParseQuery(rawQuery + "&" + form)
	if err != nil {
		return s.do(r)
	}
	p := params{}
	for name := range values {
		if !strings.HasPrefix(name, "Signature") && name != "AccessKeyId" && name != "Timestamp" {
			p[name] = values.Get(name)
		}
	}
	signed := query(s.rpcParams(method, accessKey, secret, action, p))
	if form != "" {
		return s.do(newRequest(r.Method, "/", signed))
	}
	r.URL.RawQuery = signed
	return s.do(r)
}
