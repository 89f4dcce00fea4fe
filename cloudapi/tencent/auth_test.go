package tencent_test

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/tencent"
)

const authorization = "AuthFailure.InvalidAuthorization"

func TestTransport(t *testing.T) {
	s := newServer(t)
	open := s.with(t, func(o *tencent.Options) { o.AllowInsecure = true })
	for _, c := range []struct {
		remote   string
		tls      bool
		insecure bool
		code     string
	}{
		{"127.0.0.1:1", false, false, ""}, {"[::1]:1", false, false, ""},
		{"192.0.2.1:1", true, false, ""}, {"192.0.2.1:1", false, true, ""},
		{"192.0.2.1:1", false, false, "UnsupportedProtocol"}, {"", false, false, "UnsupportedProtocol"},
	} {
		r := tc3(t, "GenerateRandom", `{"NumberOfBytes":1}`)
		r.RemoteAddr = c.remote
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		to := s
		if c.insecure {
			to = open
		}
		if w := to.send(t, r); w.code != c.code {
			t.Errorf("%v: %s", c, w.Body)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post"} {
		r := tc3(t, "GenerateRandom", `{"NumberOfBytes":1}`)
		r.Method = method
		if w := s.send(t, r); w.code != "UnsupportedProtocol" {
			t.Errorf("%s: %s", method, w.Body)
		}
	}
}

// Who is not let in learns nothing of operations, versions or parameters.
func TestNotLetIn(t *testing.T) {
	s := newServer(t)
	for _, action := range []string{"GenerateRandom", "Nothing", ""} {
		for _, body := range []string{`{"NumberOfBytes":1}`, `{`, ``} {
			s.notLetIn(t, action, body)
		}
	}
}

func (s *server) notLetIn(t *testing.T, action, body string) {
	t.Helper()
	for name, c := range map[string]struct {
		code   string
		change func(*http.Request)
	}{
		"no signature":  {authorization, func(r *http.Request) { r.Header.Del("Authorization") }},
		"another realm": {authorization, func(r *http.Request) { r.Header.Set("Authorization", "Basic YTpi") }},
		"malformed":     {authorization, func(r *http.Request) { r.Header.Set("Authorization", "TC3-HMAC-SHA256") }},
		"path":          {authorization, func(r *http.Request) { r.URL.Path = "/other" }},
		"no time":       {authorization, func(r *http.Request) { r.Header.Del("X-TC-Timestamp") }},
		"another day":   {authorization, func(r *http.Request) { r.Header.Set("X-TC-Timestamp", "1") }},
		"token": {"AuthFailure.TokenFailure",
			func(r *http.Request) { r.Header.Set("X-TC-Token", "token") }},
		"unknown":       {"AuthFailure.SecretIdNotFound", func(r *http.Request) { sign(t, r, "AKIDOTHER", body) }},
		"empty secret":  {"AuthFailure.SignatureFailure", func(r *http.Request) { sign(t, r, "EMPTY", body) }},
		"other body":    {"AuthFailure.SignatureFailure", func(r *http.Request) { r.Body = newRequest("", "/", body+" ").Body }},
		"other host":    {"AuthFailure.SignatureFailure", func(r *http.Request) { r.Host = "example.com" }},
		"other type":    {"AuthFailure.SignatureFailure", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
		"other instant": {"AuthFailure.SignatureFailure", func(r *http.Request) { r.Header.Set("X-TC-Timestamp", seconds(1)) }},
	} {
		r := tc3(t, action, body)
		c.change(r)
		if w := s.send(t, r); w.code != c.code {
			t.Errorf("%s, %q %q: %s", name, action, body, w.Body)
		}
	}
}

// seconds is a time so long after now.
func seconds(later int64) string { return strconv.FormatInt(now.Unix()+later, 10) }

func TestClock(t *testing.T) {
	s := newServer(t)
	const body = `{"NumberOfBytes":1}`
	for later, code := range map[int64]string{
		0: "", 900: "", -900: "", 901: "AuthFailure.SignatureExpire",
		-901: "AuthFailure.SignatureExpire",
	} {
		r := tc3(t, "GenerateRandom", body)
		r.Header.Set("X-TC-Timestamp", seconds(later))
		if w := s.send(t, sign(t, r, accessKey, body)); w.code != code {
			t.Errorf("TC3 %d s: %s", later, w.Body)
		}
		old := v1(t, http.MethodPost, "HmacSHA1", "GenerateRandom",
			map[string]string{"NumberOfBytes": "1", "Timestamp": seconds(later)})
		if w := s.send(t, old); w.code != code {
			t.Errorf("version 1 %d s: %s", later, w.Body)
		}
	}
}

// Version 1 has a nonce and TC3 has none.
func TestReplay(t *testing.T) {
	s := newServer(t)
	all := map[string]string{
		"Action": "GenerateRandom", "Version": version, "SecretId": accessKey, "SignatureMethod": "HmacSHA256",
		"Timestamp": seconds(0), "Nonce": "4711", "NumberOfBytes": "1",
	}
	for i, code := range []string{"", "AuthFailure.SignatureExpire", "AuthFailure.SignatureExpire"} {
		if w := s.send(t, signV1(t, http.MethodGet, maps.Clone(all))); w.code != code {
			t.Errorf("version 1, %d: %s", i, w.Body)
		}
		if w := s.send(t, tc3(t, "GenerateRandom", `{"NumberOfBytes":1}`)); w.code != "" {
			t.Errorf("TC3, %d: %s", i, w.Body)
		}
	}
}

func TestVersion1(t *testing.T) {
	s := newServer(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, hash := range []string{"HmacSHA1", "HmacSHA256"} {
			for name, c := range map[string]struct {
				params map[string]string
				code   string
			}{
				"right":      {map[string]string{"Language": "zh-CN", "Region": "ap-guangzhou", "RequestClient": "SDK"}, ""},
				"unknown":    {map[string]string{"SecretId": "AKIDOTHER"}, "AuthFailure.SecretIdNotFound"},
				"empty":      {map[string]string{"SecretId": "EMPTY"}, "AuthFailure.SignatureFailure"},
				"token":      {map[string]string{"Token": "token"}, "AuthFailure.TokenFailure"},
				"version":    {map[string]string{"Version": "2018-01-01"}, "NoSuchVersion"},
				"no version": {map[string]string{"Version": ""}, "NoSuchVersion"},
				"action":     {map[string]string{"Action": "Nothing"}, "InvalidAction"},
			} {
				params := maps.Clone(c.params)
				params["NumberOfBytes"] = "1"
				if w := s.send(t, v1(t, method, hash, "GenerateRandom", params)); w.code != c.code {
					t.Errorf("%s %s %s: %s", method, hash, name, w.Body)
				}
			}
		}
	}
	for target, code := range map[string]string{
		"/?A=1&A=2": codeInvalid, "/?A=%zz": codeInvalid, "/?A=%ff": codeInvalid, "/?A=1;B=2": codeInvalid,
		"/": authorization, "/?Signature=a": authorization,
	} {
		if w := s.send(t, newRequest(http.MethodGet, target, "")); w.code != code {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}

// Numbers are text under version 1.
func TestVersion1Numbers(t *testing.T) {
	s := newServer(t)
	for text, code := range map[string]string{
		"1": "", "1024": "", "01": "", "": codeInvalid, "0": codeInvalid, "1025": codeInvalid, "-1": codeInvalid,
		"+1": codeInvalid, "1.0": codeInvalid, "1e1": codeInvalid, " 1": codeInvalid, "0x1": codeInvalid,
		"99999999999999999999": codeInvalid, "one": codeInvalid,
	} {
		r := v1(t, http.MethodGet, "HmacSHA1", "GenerateRandom",
			map[string]string{"NumberOfBytes": text})
		if w := s.send(t, r); w.code != code {
			t.Errorf("%q: %s", text, w.Body)
		}
	}
}

// The action, the version and what else all operations have.
func TestCommonParameters(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		body   string
		change func(http.Header)
		code   string
	}{
		"no action":         {"{}", func(h http.Header) { h.Del("X-TC-Action") }, codeMissing},
		"no version":        {"{}", func(h http.Header) { h.Del("X-TC-Version") }, codeMissing},
		"two actions":       {"{}", func(h http.Header) { h.Add("X-TC-Action", "GenerateRandom") }, codeInvalid},
		"two versions":      {"{}", func(h http.Header) { h.Add("X-TC-Version", version) }, codeInvalid},
		"another version":   {"{}", func(h http.Header) { h.Set("X-TC-Version", "2018-01-01") }, "NoSuchVersion"},
		"unknown action":    {"{}", func(h http.Header) { h.Set("X-TC-Action", "generaterandom") }, "InvalidAction"},
		"empty action":      {"{}", func(h http.Header) { h.Set("X-TC-Action", "") }, "InvalidAction"},
		"signed, another":   {`{"Action":"Encrypt"}`, func(http.Header) {}, codeInvalid},
		"signed, no text":   {`{"Action":5}`, func(http.Header) {}, codeInvalid},
		"signed, the same":  {`{"Action":"GenerateRandom","NumberOfBytes":1}`, func(http.Header) {}, ""},
		"signed, no header": {`{"Action":"GenerateRandom","NumberOfBytes":1}`, func(h http.Header) { h.Del("X-TC-Action") }, ""},
		"ignored": {`{"NumberOfBytes":1}`, func(h http.Header) {
			h.Set("X-TC-Region", "ap-guangzhou")
			h.Set("X-TC-Language", "zh-CN")
		}, ""},
	} {
		r := tc3(t, "GenerateRandom", c.body)
		c.change(r.Header)
		if w := s.send(t, r); w.code != c.code {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	for _, action := range tencent.Unsupported() {
		if w := s.call(t, action, struct{}{}); w.code != "UnsupportedOperation" {
			t.Errorf("%s: %s", action, w.Body)
		}
	}
}

func TestCredentialsFail(t *testing.T) {
	s := newServer(t).with(t, func(o *tencent.Options) {
		o.Credentials = func(context.Context, string) (cloudapi.Credential, error) {
			return cloudapi.Credential{}, errors.New("the vault of somebody is down")
		}
	})
	w := s.call(t, "ListKeys", struct{}{})
	if w.code != unavailable || strings.Contains(w.Body.String(), "vault") {
		t.Errorf("%s", w.Body)
	}
}

// Without a clock of its own a handler has the system's.
func TestSystemClock(t *testing.T) {
	s := newServer(t).with(t, func(o *tencent.Options) { o.Now = nil })
	const body = `{"NumberOfBytes":1}`
	r := tc3(t, "GenerateRandom", body)
	r.Header.Set("X-TC-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
	if w := s.send(t, sign(t, r, accessKey, body)); w.code != "" {
		t.Errorf("%s", w.Body)
	}
}
