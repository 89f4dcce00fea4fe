package httpsig_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// What SDKs send verifies with their secret, and with no other.
func TestSDKs(t *testing.T) {
	seen := map[string]bool{}
	for file, text := range dumps(t) {
		scheme := schemeOf(t, file)
		seen[scheme] = true
		r, body := read(t, text)
		p, err := schemes[scheme](r, body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if p.AccessKeyID != keyID || !p.Verify(secret) || p.Sign(secret) != p.Signature() {
			t.Errorf("%s: does not verify", file)
		}
		for _, other := range []string{"", secret[1:], secret + "&", "TC3" + secret, keyID} {
			if p.Verify(other) {
				t.Errorf("%s: verifies with %q", file, other)
			}
		}
		day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
		if p.Time.Location() != time.UTC || !p.Time.Truncate(24*time.Hour).Equal(day) {
			t.Errorf("%s: signed at %v", file, p.Time)
		}
		withNonce := slices.Contains([]string{"tencent-v1", "alibaba-rpc", "alibaba-acs3"}, scheme)
		if (len(p.Nonce) > 10) != withNonce || (p.Scope == "us-east-1") != (scheme == "aws") {
			t.Errorf("%s: nonce %q, scope %q", file, p.Nonce, p.Scope)
		}
	}
	if len(seen) != len(schemes) {
		t.Errorf("requests of %v only", slices.Sorted(maps.Keys(seen)))
	}
}

// What SDKs leave unsigned: fields that can be changed on the way. In each other
// field, the change of any byte is noticed.
var unsigned = map[string]string{
	"huawei-get":             "Accept-Encoding Content-Type host slash",
	"huawei-post":            "Accept-Encoding Content-Length Content-Type host slash",
	"tencent-tc3-get":        "Accept-Encoding User-Agent " + tencentUnsigned,
	"tencent-tc3-post":       "Accept-Encoding Content-Length User-Agent " + tencentUnsigned,
	"tencent-v1-get-sha1":    "Accept-Encoding User-Agent",
	"tencent-v1-post-sha256": "Accept-Encoding Content-Length Content-Type User-Agent",
	"alibaba-acs3":           "Accept Accept-Encoding Content-Length User-Agent",
	"alibaba-rpc-form":       "Content-Length " + alibabaUnsigned,
	"alibaba-rpc-get":        alibabaUnsigned,
	"alibaba-rpc-post":       "Content-Length " + alibabaUnsigned,
	"aws-encrypt":            "Accept-Encoding Content-Length User-Agent", // its length is signed
}

const (
	tencentUnsigned = "X-Tc-Action X-Tc-Language X-Tc-Region X-Tc-Requestclient X-Tc-Version"
	alibabaUnsigned = "Accept-Encoding Content-Type User-Agent X-Acs-Action " +
		"X-Acs-Credentials-Provider X-Acs-Version X-Sdk-Client X-Sdk-Core-Version " +
		"X-Sdk-Invoke-Type host"
)

func TestUnsigned(t *testing.T) {
	for file, text := range dumps(t) {
		got := []string{}
		parse := schemes[schemeOf(t, file)]
		for field, changes := range changesOf(t, text) {
			passed := 0
			for _, change := range changes {
				r, body := read(t, text)
				body = change(r, body)
				if signed(parse, r, body) {
					passed++
				}
			}
			if passed > 0 {
				got = append(got, field)
			}
			if passed > 0 && passed < len(changes) {
				t.Errorf("%s: %d of %d changes of %s pass", file, passed, len(changes), field)
			}
		}
		slices.Sort(got)
		if want := slices.Sorted(strings.FieldsSeq(unsigned[file])); !slices.Equal(got, want) {
			t.Errorf("%s: unsigned are %q, want %q", file, got, want)
		}
	}
}

// A change is made to a request on the way. It returns the body.
type change func(r *http.Request, body []byte) []byte

// changesOf returns the changes of a request by the fields that they are of.
func changesOf(t *testing.T, text []byte) map[string][]change {
	sent, body := read(t, text)
	all := map[string][]change{
		"method": {method("PUT"), method("HEAD"), method(strings.ToLower(sent.Method))},
		"path":   flips(sent.URL.Path, func(r *http.Request, s string) { r.URL.Path = s }),
		"slash":  {func(r *http.Request, b []byte) []byte { r.URL.Path += "/"; return b }},
		"query":  flips(sent.URL.RawQuery, func(r *http.Request, s string) { r.URL.RawQuery = s }),
		"more": {func(r *http.Request, b []byte) []byte {
			r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&DryRun=1", "&")
			return b
		}},
		"host": flips(sent.Host, func(r *http.Request, s string) { r.Host = s }),
		"body": {func(_ *http.Request, b []byte) []byte { return append(b, "&a=b"...) }},
	}
	if sent.Method == http.MethodGet {
		all["method"] = append(all["method"], method(http.MethodPost))
	} else {
		all["method"] = append(all["method"], method(http.MethodGet))
	}
	for i := range body {
		all["body"] = append(all["body"], func(_ *http.Request, b []byte) []byte {
			b[i] ^= 1
			return b
		})
	}
	for name, values := range sent.Header {
		all[name] = flips(values[0], func(r *http.Request, s string) { r.Header.Set(name, s) })
		all[name] = append(all[name], func(r *http.Request, b []byte) []byte {
			r.Header.Del(name)
			return b
		})
	}
	return all
}

// flips returns changes of each byte of value.
func flips(value string, set func(r *http.Request, value string)) []change {
	var all []change
	for i := range value {
		all = append(all, func(r *http.Request, b []byte) []byte {
			text := []byte(value)
			text[i] ^= 1
			set(r, string(text))
			return b
		})
	}
	return all
}

func method(name string) change {
	return func(r *http.Request, b []byte) []byte { r.Method = name; return b }
}
