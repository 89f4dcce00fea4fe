package httpsig_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/httpsig"
)

// prove parses a request of a dumped file after an edit.
func prove(t *testing.T, file, old, new string) *httpsig.Proof {
	t.Helper()
	text := dumps(t)[file]
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q", file, old)
	}
	r, body := read(t, withLength(bytes.ReplaceAll(text, []byte(old), []byte(new))))
	p, err := schemes[schemeOf(t, file)](r, body)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// Where a caller's list of secrets has an empty one, nobody signs with it.
func TestEmptySecret(t *testing.T) {
	for file := range dumps(t) {
		for s, want := range map[string]bool{"": false, "other-than-" + secret: true} {
			p := prove(t, file, "", "")
			signature, forged := p.Signature(), p.Forge(s)
			if strings.HasPrefix(file, "tencent-v1") || strings.HasPrefix(file, "alibaba-rpc") {
				signature, forged = url.QueryEscape(signature), url.QueryEscape(forged)
			}
			if got := prove(t, file, signature, forged).Verify(s); got != want {
				t.Errorf("%s: signed with %q: %t", file, s, got)
			}
		}
	}
}

// Two requests have one signature, or two.
func TestSameSignature(t *testing.T) {
	const acs3Host = "Authorization: ACS3-HMAC-SHA256 Credential=AKIDEXAMPLE,SignedHeaders=host"
	for _, c := range []struct {
		why     string
		file    string
		old     string
		a, b    string
		sameSig bool
	}{
		{"a query is sorted by names", "huawei-get", "?", "?z=1&b=2&", "?b=2&z=1&", true},
		{"a query is sorted by values", "huawei-get", "?", "?a=2&a=1&", "?a=1&a=2&", true},
		{"a query keeps what is there twice", "huawei-get", "?", "?a=1&a=1&", "?a=1&", false},
		{"a parameter without value has =", "huawei-get", "?", "?a&", "?a=&", true},
		{"a query has one escaped form", "huawei-get", "?", "?%61=%7e&", "?a=~&", true},
		{"a path has one escaped form", "huawei-get", "/kms/", "/%6bms/", "/kms/", true},
		{"%2F is not /", "huawei-get", "/kms/", "/kms%2F", "/kms/", false},
		{"a path ends in /", "huawei-get", "aliases", "aliases/", "aliases", true},
		{"values of a header have a line each, sorted", "huawei-get", "Authorization: ",
			"User-Agent: b\nUser-Agent: a\nAuthorization: ",
			"User-Agent: a\nUser-Agent: b\nAuthorization: ", true},
		{"two values are not one with a comma", "huawei-get", "Authorization: ",
			"User-Agent: a\nUser-Agent: b\nAuthorization: ",
			"User-Agent: a,b\nAuthorization: ", false},
		{"values are trimmed", "huawei-get", "User-Agent: ", "User-Agent: \u00a0", "User-Agent: ", true},
		{"Huawei keeps spaces", "huawei-get", "-go/3.0; os", "-go/3.0;  os", "-go/3.0; os", false},
		{"the list of signed headers is signed", "huawei-get", "SignedHeaders=",
			"SignedHeaders=accept-encoding;", "SignedHeaders=", false},
		{"TC3 has values in lower case", "tencent-tc3-post", "application/json",
			"application/JSON", "application/json", true},
		{"TC3 keeps the host's case", "tencent-tc3-post", "127.0.0.1", "LOCALHOST", "localhost", false},
		{"TC3 signs a query as it was sent", "tencent-tc3-get", "?", "?a=%20&", "?a=+&", false},
		{"ACS3 sorts values", "alibaba-acs3", acs3Host,
			"X-Acs-A: 2\nX-Acs-A: 1\n" + acs3Host + ";x-acs-a",
			"X-Acs-A: 1\nX-Acs-A: 2\n" + acs3Host + ";x-acs-a", true},
		{"ACS3 joins values by commas", "alibaba-acs3", acs3Host,
			"X-Acs-A: 1 \nX-Acs-A: 2\n" + acs3Host + ";x-acs-a",
			"X-Acs-A: 1,2\n" + acs3Host + ";x-acs-a", true},
		{"SigV4 has single spaces", "aws-encrypt", "attempt=1; max=3",
			"attempt=1;   max=3", "attempt=1; max=3", true},
		{"SigV4 joins values by commas", "aws-encrypt", "Amz-Sdk-Request: attempt=1; max=3",
			"Amz-Sdk-Request: b \nAmz-Sdk-Request: a", "Amz-Sdk-Request: b,a", true},
		{"SigV4 keeps the order of values", "aws-encrypt", "Amz-Sdk-Request: attempt=1; max=3",
			"Amz-Sdk-Request: b\nAmz-Sdk-Request: a", "Amz-Sdk-Request: a,b", false},
	} {
		a, b := prove(t, c.file, c.old, c.a).Sign(secret), prove(t, c.file, c.old, c.b).Sign(secret)
		if (a == b) != c.sameSig {
			t.Errorf("%s: %q, %q", c.why, c.a, c.b)
		}
	}
}

// Neither a plaintext in a text to sign nor a signature shows in a log.
func TestPrinted(t *testing.T) {
	for file := range dumps(t) {
		p := prove(t, file, "", "")
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(format, p) + fmt.Sprintf(format, *p)
			if strings.Contains(text, "Encrypt") || strings.Contains(text, p.Signature()) {
				t.Errorf("%s as %s: %s", file, format, text)
			}
		}
	}
}

// A client may leave HmacSHA1 unnamed, as the vendor's example does, but not name
// nothing.
func TestUnnamedMethod(t *testing.T) {
	p := prove(t, "tencent-v1-get-sha1", "&SignatureMethod=HmacSHA1", "")
	if len(p.Sign(secret)) != 28 {
		t.Errorf("signature of %d bytes", len(p.Sign(secret)))
	}
}

// In FIPS 140-3 mode, what would panic is refused: SHA-1, and short secrets. The test
// runs itself again in that mode.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFIPS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for file, text := range dumps(t) {
		r, body := read(t, text)
		p, err := schemes[schemeOf(t, file)](r, body)
		if sha1 := strings.Contains(string(text), "SHA1"); sha1 != errors.Is(err, httpsig.ErrMalformed) {
			t.Errorf("%s: %v", file, err)
		}
		if err == nil && (!p.Verify(secret) || p.Verify(secret[:13]) || p.Sign(secret[:13]) != "") {
			t.Errorf("%s: does not verify, or with a short secret", file)
		}
	}
}
