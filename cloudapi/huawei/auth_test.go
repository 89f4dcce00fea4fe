package huawei_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/huawei"
)

const random = `{"random_data_length":"8"}`

func TestNew(t *testing.T) {
	s := serve(t, nil)
	good := func(context.Context, string) (huawei.Credential, error) { return huawei.Credential{}, nil }
	for what, c := range map[string]struct {
		k    *kms.KMS
		opts *huawei.Options
	}{
		"no KMS":         {nil, &huawei.Options{Credentials: good}},
		"no options":     {s.kms, nil},
		"no credentials": {s.kms, &huawei.Options{}},
		"no ID":          {s.kms, &huawei.Options{Credentials: good, KeyIDs: map[string]string{"a": nobody}}},
		"bad ID":         {s.kms, &huawei.Options{Credentials: good, KeyIDs: map[string]string{nobody: "a"}}},
		"twice": {s.kms, &huawei.Options{Credentials: good, KeyIDs: map[string]string{
			nobody: nobody, "1" + nobody[1:]: nobody,
		}}},
	} {
		if h, err := huawei.New(c.k, c.opts); err == nil || h != nil {
			t.Errorf("%s: %v, %v", what, h, err)
		}
	}
	if _, err := huawei.New(s.kms, &huawei.Options{Credentials: good}); err != nil {
		t.Error(err)
	}
}

// Only who has signed just now is let in; others learn nothing, not even what there is.
func TestSignatures(t *testing.T) {
	unavailable := errors.New("down")
	s := serve(t, func(o *huawei.Options) {
		static := o.Credentials
		o.Credentials = func(ctx context.Context, id string) (huawei.Credential, error) {
			if id == "DOWN" {
				return huawei.Credential{}, unavailable
			}
			return static(ctx, id)
		}
	})
	sign := func(id, secret string, at time.Time, change func(r *http.Request)) *http.Request {
		r := signed(t, request("POST gen-random", random), id, secret, at)
		if change != nil {
			change(r)
		}
		return r
	}
	other := func(f func(r *http.Request)) *http.Request { return sign(accessKey, secret, start, f) }
	const late = 15*time.Minute + time.Second
	for what, c := range map[string]struct {
		r    *http.Request
		code string
	}{
		"right":          {sign(accessKey, secret, start, nil), ""},
		"old":            {sign(accessKey, secret, start.Add(-15*time.Minute), nil), ""},
		"too old":        {sign(accessKey, secret, start.Add(-late), nil), "APIGW.0301"},
		"too new":        {sign(accessKey, secret, start.Add(late), nil), "APIGW.0301"},
		"wrong secret":   {sign(accessKey, "other", start, nil), "APIGW.0301"},
		"unknown key":    {sign("NOBODY", secret, start, nil), "APIGW.0301"},
		"empty secret":   {sign("EMPTY", secret, start, nil), "APIGW.0301"},
		"no credentials": {sign("DOWN", secret, start, nil), "KMS.0102"},
		"unsigned":       {request("POST gen-random", random), "APIGW.0301"},
		"other path":     {other(func(r *http.Request) { r.URL.Path += "x" }), "APIGW.0301"},
		"other method":   {other(func(r *http.Request) { r.Method = "GET" }), "APIGW.0301"},
		"other query":    {other(func(r *http.Request) { r.URL.RawQuery = "a=b" }), "APIGW.0301"},
		"other body":     {other(func(r *http.Request) { r.Body = http.NoBody }), "APIGW.0301"},
		"malformed": {other(func(r *http.Request) {
			r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access="+marker)
		}), "APIGW.0301"},
		"other host": {other(func(r *http.Request) { r.Host = "other.example" }), ""}, // not signed
		"other type": {other(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), ""},
	} {
		status := map[string]int{"": 200, "APIGW.0301": 401, "KMS.0102": 503}[c.code]
		s.send(c.r).want(t, what, status, c.code)
	}
	// There is no nonce: a request may come again.
	for range 2 {
		s.send(signed(t, request("POST gen-random", random), accessKey, secret, start)).want(t, "again", 200, "")
	}
	s.send(request("POST nothing", "{")).want(t, "unknown operation", 401, "APIGW.0301")
}

// A token is as good as a signature, if there is a function for it; a signature comes first.
func TestTokens(t *testing.T) {
	with := serve(t, func(o *huawei.Options) {
		o.Tokens = func(_ context.Context, token string) (string, error) {
			switch token {
			case "good":
				return "somebody", nil
			case "empty":
				return "", nil
			case "down":
				return "", errors.New("down")
			}
			return "", cloudapi.ErrUnknownAccessKey
		}
	})
	without := serve(t, nil)
	bearer := func(tokens ...string) *http.Request {
		r := request("POST gen-random", random)
		r.Header["X-Auth-Token"] = tokens
		return r
	}
	bad := signed(t, bearer("good"), accessKey, "other", start)
	for what, c := range map[string]struct {
		s      *service
		r      *http.Request
		status int
		code   string
	}{
		"good":          {with, bearer("good"), 200, ""},
		"unknown":       {with, bearer("other"), 403, "KMS.0302"},
		"nobody's":      {with, bearer("empty"), 403, "KMS.0302"},
		"down":          {with, bearer("down"), 503, "KMS.0102"},
		"empty":         {with, bearer(""), 403, "KMS.0301"},
		"two":           {with, bearer("good", "good"), 403, "KMS.0301"},
		"none accepted": {without, bearer("good"), 403, "KMS.0302"},
		"bad signature": {with, bad, 401, "APIGW.0301"},
	} {
		c.s.send(c.r).want(t, what, c.status, c.code)
	}
	r := request("GET aliases", "a=%zz")
	r.Header.Set("X-Auth-Token", "good")
	with.send(r).want(t, "query", 400, "KMS.0201")
}

// The Authorizer learns who calls, under which request ID.
func TestCaller(t *testing.T) {
	s := serve(t, func(o *huawei.Options) {
		o.Tokens = func(context.Context, string) (string, error) { return "somebody", nil }
	})
	var got cloudapi.Caller
	s.onCall = func(ctx context.Context) { got, _ = cloudapi.CallerFrom(ctx) }
	a := s.call("POST gen-random", random)
	if want := (cloudapi.Caller{
		Principal: accessKey, AccessKeyID: accessKey, RequestID: a.Header().Get("X-Request-Id"),
	}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	r := request("POST gen-random", random)
	r.Header.Set("X-Auth-Token", "t")
	a = s.send(r)
	if want := (cloudapi.Caller{Principal: "somebody", RequestID: a.Header().Get("X-Request-Id")}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Without TLS only this machine is let in, unless the options say otherwise.
func TestTransport(t *testing.T) {
	strict := serve(t, nil)
	open := serve(t, func(o *huawei.Options) { o.AllowInsecure = true })
	from := func(address string, change func(r *http.Request)) *http.Request {
		r := request("POST gen-random", random)
		r.RemoteAddr = address
		if change != nil {
			change(r)
		}
		return signed(t, r, accessKey, secret, start)
	}
	encrypted := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	forwarded := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }
	for what, c := range map[string]struct {
		s      *service
		r      *http.Request
		status int
		code   string
	}{
		"loopback":   {strict, from("127.0.0.1:1", nil), 200, ""},
		"loopback 6": {strict, from("[::1]:1", nil), 200, ""},
		"elsewhere":  {strict, from("192.0.2.1:1", nil), 401, "APIGW.0301"},
		"forwarded":  {strict, from("192.0.2.1:1", forwarded), 401, "APIGW.0301"},
		"TLS":        {strict, from("192.0.2.1:1", encrypted), 200, ""},
		"allowed":    {open, from("192.0.2.1:1", nil), 200, ""},
	} {
		c.s.send(c.r).want(t, what, c.status, c.code)
	}
}

// The project may be any, but one.
func TestProjects(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		headers []string
		status  int
		code    string
	}{
		{nil, 200, ""}, {[]string{project}, 200, ""},
		{[]string{"other"}, 403, "KMS.0305"}, {[]string{""}, 403, "KMS.0305"},
		{[]string{project, project}, 403, "KMS.0305"},
	} {
		r := request("POST gen-random", random)
		r.Header["X-Project-Id"] = c.headers
		s.send(signed(t, r, accessKey, secret, start)).want(t, strings.Join(c.headers, ","), c.status, c.code)
	}
}
