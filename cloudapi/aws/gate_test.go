package aws_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/aws"
)

func now() time.Time { return time.Now() }

const describe = `{"KeyId":"` + nowhere + `"}`

// Who cannot prove who he is learns nothing about keys, parameters or operations.
func TestStrangers(t *testing.T) {
	const headers = "content-type;host;x-amz-date;x-amz-target"
	for name, c := range map[string]struct {
		change func(s *server, r *http.Request)
		code   string
	}{
		"unsigned":           {func(_ *server, r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		"malformed":          {func(_ *server, r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, "IncompleteSignatureException"},
		"another path":       {func(_ *server, r *http.Request) { r.URL.Path = "/kms" }, "IncompleteSignatureException"},
		"target not signed":  {func(s *server, r *http.Request) { s.sign(r, describe, now(), "host;x-amz-date") }, "IncompleteSignatureException"},
		"unknown access key": {func(s *server, r *http.Request) { s.id = "AKIDOTHER"; s.sign(r, describe, now(), headers) }, "UnrecognizedClientException"},
		"empty secret":       {func(s *server, r *http.Request) { s.id = "AKIDBLANK"; s.sign(r, describe, now(), headers) }, "InvalidSignatureException"},
		"another body":       {func(_ *server, r *http.Request) { r.Body = http.NoBody }, "InvalidSignatureException"},
		"another operation":  {func(_ *server, r *http.Request) { r.Header.Set("X-Amz-Target", "TrentService.NoSuch") }, "InvalidSignatureException"},
		"another method":     {func(_ *server, r *http.Request) { r.Method = http.MethodGet }, "InvalidSignatureException"},
		"too old":            {func(s *server, r *http.Request) { s.sign(r, describe, now().Add(-16*time.Minute), headers) }, "InvalidSignatureException"},
		"in the future":      {func(s *server, r *http.Request) { s.sign(r, describe, now().Add(16*time.Minute), headers) }, "InvalidSignatureException"},
		"another region":     {func(s *server, r *http.Request) { s.region = "us-east-1"; s.sign(r, describe, now(), headers) }, "InvalidSignatureException"},
		"no region":          {func(s *server, r *http.Request) { s.region = "EU:1"; s.sign(r, describe, now(), headers) }, "InvalidSignatureException"},
		"old, but let in":    {func(s *server, r *http.Request) { s.sign(r, describe, now().Add(-14*time.Minute), headers) }, notFound},
		"ahead, but let in":  {func(s *server, r *http.Request) { s.sign(r, describe, now().Add(14*time.Minute), headers) }, notFound},
		"signed anew": {func(s *server, r *http.Request) {
			r.Method = http.MethodPut
			s.sign(r, describe, now(), headers)
		}, "UnknownOperationException"},
	} {
		s := serve(t, nil, func(o *aws.Options, _ *kms.KMS) { o.Region = region })
		r := s.request("DescribeKey", describe)
		c.change(s, r)
		if a := s.send(t, r); a.code != c.code || a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.text, c.code)
		}
	}
}

// What is no region could not stand in an ARN, and two operations are none.
func TestOddSignatures(t *testing.T) {
	s := serve(t, nil, nil)
	s.region = "EU:1"
	s.bad(t, "DescribeKey", describe, http.StatusBadRequest, "InvalidSignatureException")
	s.region = region
	r := s.request("DescribeKey", describe)
	r.Header.Add("X-Amz-Target", "TrentService.ListKeys")
	s.sign(r, describe, now(), "host;x-amz-date;x-amz-target")
	if a := s.send(t, r); a.code != "IncompleteSignatureException" {
		t.Error(a.text)
	}
}

// The scheme has no nonce: a request can be made again.
func TestReplay(t *testing.T) {
	s := serve(t, nil, nil)
	for range 2 {
		r := s.request("GenerateRandom", `{"NumberOfBytes":1}`)
		r.Header.Set("Authorization", s.request("GenerateRandom", `{"NumberOfBytes":1}`).Header.Get("Authorization"))
		if a := s.send(t, r); a.status != http.StatusOK {
			t.Error(a.text)
		}
	}
}

func TestTransport(t *testing.T) {
	for _, c := range []struct {
		tls, allow bool
		remote     string
		want       string
	}{
		{true, false, "192.0.2.1:1", ""},
		{false, true, "192.0.2.1:1", ""},
		{false, false, "127.0.0.1:1", ""},
		{false, false, "[::1]:1", ""},
		{false, false, "192.0.2.1:1", "AccessDeniedException"},
		{false, false, "", "AccessDeniedException"},
	} {
		s := serve(t, nil, func(o *aws.Options, _ *kms.KMS) { o.AllowInsecure = c.allow })
		r := s.request("GenerateRandom", `{"NumberOfBytes":1}`)
		if !c.tls {
			r.TLS = nil
		}
		r.RemoteAddr = c.remote
		if a := s.send(t, r); a.code != c.want {
			t.Errorf("%+v: %s", c, a.text)
		}
	}
	s := serve(t, nil, nil)
	if a := s.do(t, "Encrypt", strings.Repeat(" ", 128<<10+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body: %d", a.status)
	}
}

func TestCredentialsFail(t *testing.T) {
	s := serve(t, nil, func(o *aws.Options, _ *kms.KMS) {
		o.Credentials = func(context.Context, string) (cloudapi.Credential, error) {
			return cloudapi.Credential{}, errors.New("hidden cause")
		}
	})
	if a := s.do(t, "GenerateRandom", "{}"); a.code != "ServiceUnavailableException" || strings.Contains(a.text, "hidden") {
		t.Error(a.text)
	}
}

func TestNew(t *testing.T) {
	s := serve(t, nil, nil)
	some := cloudapi.Static(nil)
	for name, c := range map[string]struct {
		k    *kms.KMS
		opts *aws.Options
	}{
		"no KMS":             {nil, &aws.Options{Credentials: some}},
		"no options":         {s.kms, nil},
		"no credentials":     {s.kms, &aws.Options{}},
		"no such key ID":     {s.kms, &aws.Options{Credentials: some, KeyIDs: map[string]string{"a": "b"}}},
		"an ARN as a key ID": {s.kms, &aws.Options{Credentials: some, KeyIDs: map[string]string{arnPrefix + "key/a": nowhere}}},
		"no region":          {s.kms, &aws.Options{Credentials: some, Region: "a:b"}},
		"no account":         {s.kms, &aws.Options{Credentials: some, Account: "1"}},
	} {
		if h, err := aws.New(c.k, c.opts); err == nil || h != nil {
			t.Errorf("%s: %v, %v", name, h, err)
		}
	}
}

// Handlers are safe for concurrent use.
func TestConcurrency(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				e := s.good(t, "Encrypt", object{"KeyId": key, "Plaintext": b64("hello")})
				d := s.good(t, "Decrypt", object{"CiphertextBlob": e.str("CiphertextBlob")})
				if d.str("Plaintext") != b64("hello") {
					t.Error("another plaintext")
				}
				if j == 0 { // no tag is lost
					s.good(t, "TagResource", object{"KeyId": key, "Tags": tagsOf(string(rune('a'+i)), "v")})
				}
			}
		})
	}
	wg.Wait()
	if tags := s.good(t, "ListResourceTags", object{"KeyId": key}).body["Tags"].([]any); len(tags) != 8 {
		t.Errorf("%d tags, want 8", len(tags))
	}
}

// No plaintext shows in the answer to a request that failed.
func TestErrorsHidePlaintext(t *testing.T) {
	const marker = "a-plaintext-that-nobody-may-see-"
	s := serve(t, nil, nil)
	for op := range requests {
		for _, params := range []object{
			{"KeyId": nowhere, "Plaintext": b64(marker), "Message": b64(marker), "CiphertextBlob": b64(marker)},
			{"KeyId": marker, "Plaintext": marker, "Message": marker, "CiphertextBlob": marker, "Description": 1},
		} {
			a := s.do(t, op, params)
			if bytes.Contains([]byte(a.text), []byte(marker[:8])) || strings.Contains(a.text, b64(marker)[:8]) {
				t.Errorf("%s shows it: %s", op, a.text)
			}
		}
	}
}

// A handler answers a client on the wire as it does here.
func TestOnTheWire(t *testing.T) {
	s := serve(t, nil, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	body := `{"NumberOfBytes":16}`
	r, err := http.NewRequest(http.MethodPost, server.URL+"/", strings.NewReader(body))
	must(t, err)
	r.Header.Set("X-Amz-Target", "TrentService.GenerateRandom")
	s.sign(r, body, now(), "host;x-amz-date;x-amz-target")
	answer, err := server.Client().Do(r)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
}
