package httpsig_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/httpsig"
)

// What signed the requests in testdata.
const (
	keyID  = "AKIDEXAMPLE"
	secret = "not-a-secret-EXAMPLE"
)

type parser = func(r *http.Request, body []byte) (*httpsig.Proof, error)

// The schemes, by what the names of files in testdata begin with.
var schemes = map[string]parser{
	"huawei":       httpsig.Huawei,
	"tencent-tc3":  httpsig.TC3,
	"tencent-v1":   withParams(httpsig.TencentV1),
	"alibaba-acs3": httpsig.ACS3,
	"alibaba-rpc":  withParams(httpsig.AlibabaRPC),
	"aws":          httpsig.SigV4,
}

// withParams gives a scheme the parameters of query and form, each once.
func withParams(parse func(*http.Request, map[string]string) (*httpsig.Proof, error)) parser {
	return func(r *http.Request, body []byte) (*httpsig.Proof, error) {
		params := map[string]string{}
		for _, text := range []string{r.URL.RawQuery, string(body)} {
			values, err := url.ParseQuery(text)
			if err != nil {
				return nil, httpsig.ErrMalformed
			}
			for name, v := range values {
				if _, twice := params[name]; twice || len(v) != 1 {
					return nil, httpsig.ErrMalformed
				}
				params[name] = v[0]
			}
		}
		return parse(r, params)
	}
}

// dumps returns requests that unmodified SDKs have sent, by the names of their files.
func dumps(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.http")
	if err != nil || len(paths) < 11 {
		t.Fatalf("%d dumped requests, %v", len(paths), err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // easier to edit
		out[strings.TrimSuffix(filepath.Base(path), ".http")] = text
	}
	return out
}

// schemeOf returns the scheme of a file.
func schemeOf(t testing.TB, file string) string {
	t.Helper()
	for scheme := range schemes {
		if strings.HasPrefix(file, scheme+"-") || file == scheme {
			return scheme
		}
	}
	t.Fatalf("%s is of no scheme", file)
	return ""
}

// read parses a request as net/http's server does.
func read(t testing.TB, text []byte) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

// signed reports whether a request is one that keyID has signed with secret.
func signed(parse parser, r *http.Request, body []byte) bool {
	p, err := parse(r, body)
	return err == nil && p.AccessKeyID == keyID && p.Verify(secret)
}

// withLength corrects Content-Length after an edit of the body.
func withLength(text []byte) []byte {
	_, body, _ := bytes.Cut(text, []byte("\n\n"))
	length := fmt.Appendf(nil, "Content-Length: %d", len(body))
	return regexp.MustCompile("Content-Length: [0-9]+").ReplaceAll(text, length)
}
