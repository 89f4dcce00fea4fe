package alibaba_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/integration/cloud"
)

// isRPC reports whether an SDK signs in RPC style, and not by ACS3-HMAC-SHA256.
func (s *sdk) isRPC() bool { return s.name != "kms-20160120" }

// Signatures: of every SDK, what is refused and what is left unsigned.
func TestSignatures(t *testing.T) {
	for _, sdk := range sdks {
		t.Run(sdk.name, func(t *testing.T) {
			s := start(t)
			call := sdk.new(t, s, cloud.AccessKeyID, cloud.Secret)
			describe := func() error { _, err := call("DescribeRegions", nil); return err }
			must(t, describe())
			checkSecrets(t, s, sdk)
			checkReplay(t, s, describe)
			checkSkew(t, s, describe)
			checkTampering(t, s, sdk, call)
		})
	}
}

// wantCode checks the code of an SDK's error.
func wantCode(t *testing.T, what string, err error, code string, status int) {
	t.Helper()
	f, ok := errors.AsType[*fault](err)
	if !ok || f.code != code || f.status != status {
		t.Errorf("%s: %T: %v, want %s (%d)", what, err, err, code, status)
	}
}

func checkSecrets(t *testing.T, s *cloud.Server, sdk sdk) {
	t.Helper()
	_, err := sdk.new(t, s, cloud.AccessKeyID, "wrong")("DescribeRegions", nil)
	wantCode(t, "wrong secret", err, "SignatureDoesNotMatch", 400)
	_, err = sdk.new(t, s, "NOBODY", cloud.Secret)("DescribeRegions", nil)
	wantCode(t, "unknown access key", err, "InvalidAccessKeyId.NotFound", 404)
}

// checkReplay: either scheme has a nonce, so a request is good for once.
func checkReplay(t *testing.T, s *cloud.Server, describe func() error) {
	t.Helper()
	must(t, describe())
	status, body := s.Send(t, s.Last())
	var answer struct{ Code string }
	must(t, json.Unmarshal([]byte(body), &answer))
	if status != 400 || answer.Code != "SignatureNonceUsed" {
		t.Errorf("replayed: %d %s", status, body)
	}
}

func checkSkew(t *testing.T, s *cloud.Server, describe func() error) {
	t.Helper()
	for _, by := range []time.Duration{16 * time.Minute, -16 * time.Minute} {
		s.Skew(t, by)
		wantCode(t, by.String(), describe(), "InvalidTimeStamp.Expired", 400)
	}
	for _, by := range []time.Duration{14 * time.Minute, -14 * time.Minute, 0} {
		s.Skew(t, by)
		must(t, describe())
	}
}

// setQuery changes a parameter, in the query or in the form.
func setQuery(name, value string) func(*cloud.Request) {
	return func(q *cloud.Request) {
		change := func(encoded string) string {
			values, _ := url.ParseQuery(encoded)
			values.Set(name, value)
			return values.Encode()
		}
		if len(q.Body) > 0 && !strings.Contains(q.URL.RawQuery, "Signature=") {
			q.Body = []byte(change(string(q.Body)))
			return
		}
		u := *q.URL
		u.RawQuery = change(u.RawQuery)
		q.URL = &u
	}
}

// checkTampering changes requests on their way.
func checkTampering(t *testing.T, s *cloud.Server, sdk sdk, call client) {
	t.Helper()
	k, err := s.KMS.CreateKey(ctx, nil)
	must(t, err)
	rpc := sdk.isRPC()
	for _, c := range []struct {
		name   string
		change func(*cloud.Request)
		code   string // "" if the scheme leaves it unsigned
	}{
		{"parameter", setQuery("KeyId", k.ID), "SignatureDoesNotMatch"},
		{"new parameter", setQuery("DryRun", "true"), "SignatureDoesNotMatch"},
		{"method", func(q *cloud.Request) {
			q.Method = map[string]string{"POST": "GET", "GET": "POST"}[q.Method]
		}, "SignatureDoesNotMatch"},
		{"body", func(q *cloud.Request) {
			setRaw(q, "Content-Type", "application/x-www-form-urlencoded")
			q.Body = append(q.Body, "&x=y"...)
		}, cmp.Or(unless(!rpc, "SignatureDoesNotMatch"), "IncompleteSignature")},
		{"path", func(q *cloud.Request) { q.URL = &url.URL{Path: "/x", RawQuery: q.URL.RawQuery} },
			"IncompleteSignature"},
		{"host", func(q *cloud.Request) { q.Host = "elsewhere" }, unless(rpc, "SignatureDoesNotMatch")},
		{"action header", func(q *cloud.Request) { setRaw(q, "X-Acs-Action", "DisableKey") },
			unless(rpc, "SignatureDoesNotMatch")},
		{"user agent", func(q *cloud.Request) { q.Header.Set("User-Agent", "other") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Tamper(t, c.change)
			_, err := call("DescribeKey", params{"KeyId": k.ID})
			if c.name == "parameter" {
				_, err = call("DescribeKey", params{"KeyId": "alias/another"})
			}
			if c.code == "" {
				must(t, err)
				return
			}
			wantCode(t, c.name, err, c.code, 400)
		})
	}
	described, err := s.KMS.DescribeKey(ctx, k.ID)
	must(t, err)
	if described.State != "Enabled" {
		t.Errorf("a changed request has made the key %s", described.State)
	}
}

// setRaw sets a header in whatever case it came.
func setRaw(q *cloud.Request, name, value string) {
	for other := range q.Header {
		if strings.EqualFold(other, name) {
			delete(q.Header, other)
		}
	}
	q.Header.Set(name, value)
}

// unless returns "" if left is true.
func unless(left bool, code string) string {
	if left {
		return ""
	}
	return code
}
