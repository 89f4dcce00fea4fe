package alibaba_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/alibaba"
)

// request returns a request of either scheme that is let in.
var schemes = map[string]func(*server) *http.Request{
	"ACS3":     func(s *server) *http.Request { return s.acs3(accessKey, "DescribeRegions", params{}) },
	"RPC GET":  func(s *server) *http.Request { return s.rpc("GET", "DescribeRegions", params{}) },
	"RPC POST": func(s *server) *http.Request { return s.rpc("POST", "DescribeRegions", params{}) },
	"RPC form": func(s *server) *http.Request {
		return newRequest("POST", "/", query(s.rpcParams("POST", accessKey, secret, "DescribeRegions",
			params{})))
	},
	"ACS3 form": func(s *server) *http.Request {
		body := query(params{"Format": "JSON"})
		r := newRequest("POST", "/", body)
		s.signACS3(r, accessKey, secret, "DescribeRegions", body)
		return r
	},
}

func TestSchemes(t *testing.T) {
	for name, request := range schemes {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			r := s.do(request(s))
			let := r.status == 200 && strings.Contains(r.body, region)
			if !let || r.header.Get("X-Acs-Request-Id") != r.text("RequestId") {
				t.Fatalf("%d %s", r.status, r.body)
			}
			checkReplay(t, s, request)
			checkSkew(t, s, request)
			checkPeers(t, request)
		})
	}
}

func checkReplay(t *testing.T, s *server, request func(*server) *http.Request) {
	t.Helper()
	r := request(s)
	again := r.Clone(ctx)
	if r.ContentLength > 0 {
		return // the body is read
	}
	if got := s.do(r); got.status != 200 {
		t.Fatal(got.body)
	}
	s.do(again).is(t, "again", "SignatureNonceUsed")
}

func checkSkew(t *testing.T, s *server, request func(*server) *http.Request) {
	t.Helper()
	now := s.now
	for _, c := range []struct {
		by   time.Duration
		code string
	}{
		{-16 * time.Minute, "InvalidTimeStamp.Expired"}, {16 * time.Minute, "InvalidTimeStamp.Expired"},
		{-14 * time.Minute, ""}, {14 * time.Minute, ""},
	} {
		r := request(s)
		s.now = now.Add(c.by)
		got := s.do(r)
		if s.now = now; c.code != "" {
			got.is(t, c.by.String(), c.code)
		} else if got.status != 200 {
			t.Errorf("%v: %s", c.by, got.body)
		}
	}
}

func checkPeers(t *testing.T, request func(*server) *http.Request) {
	t.Helper()
	for _, c := range []struct {
		peer          string
		tls, insecure bool
		let           bool
	}{
		{"192.0.2.1:1", false, false, false}, {"192.0.2.1:1", true, false, true}, {"192.0.2.1:1", false,
			true, true},
		{"127.0.0.1:1", false, false, true}, {"[::1]:1", false, false, true}, {"@", false, false, false},
	} {
		s := start(t, func(o *alibaba.Options) { o.AllowInsecure = c.insecure })
		r := request(s)
		if r.RemoteAddr = c.peer; c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := s.do(r); c.let != (got.status == 200) {
			t.Errorf("%+v: %s", c, got.body)
		} else if !c.let {
			got.is(t, c.peer, "InvalidProtocol.NeedSsl")
		}
	}
}

// Who is not let in learns nothing of operations, parameters and keys.
func TestStrangers(t *testing.T) {
	s := start(t)
	for _, action := range []string{"Encrypt", "NoSuch"} {
		for code, r := range map[string]*http.Request{
			"IncompleteSignature":         newRequest("POST", "/?Action="+action+"&Version=2016-01-20", ""),
			"InvalidAccessKeyId.NotFound": s.acs3("NOBODY", action, params{}),
			"SignatureDoesNotMatch":       s.acs3("EMPTY", action, params{}),
			"IllegalTimestamp":            newRequest("POST", "/?Signature=x&Action="+action, ""),
		} {
			s.do(r).is(t, action, code)
		}
		r := newRequest("POST", "/", "")
		s.signACS3(r, accessKey, "wrong", action, "")
		s.do(r).is(t, "wrong secret", "SignatureDoesNotMatch")
		s.do(newRequest("POST", "/?"+query(s.rpcParams("POST", accessKey, "wrong", action, params{})),
			"")).is(t, "wrong secret", "SignatureDoesNotMatch")
	}
	for _, target := range []string{"/?a=1&a=2", "/?%zz", "/?a;b"} {
		s.do(newRequest("POST", target, "")).is(t, target, "InvalidParameter")
	}
	s.do(newRequest("POST", "/?a=1", "a=1")).is(t, "query and form", "InvalidParameter")
	s.do(newRequest("POST", "/?a="+strings.Repeat("a", 128<<10), "")).is(t, "huge query",
		"InvalidParameter")
	s.do(newRequest("POST", "/", strings.Repeat("a", 128<<10+1))).is(t, "huge body", "InvalidParameter")
	r := newRequest("POST", "/", `{"Action":"Encrypt"}`)
	r.Header.Set("Content-Type", "application/json")
	s.do(r).is(t, "JSON body", "InvalidParameter")
}

// The headers that the SDK sends with RPC, unsigned, do not choose the operation.
func TestUnsignedAction(t *testing.T) {
	s := start(t)
	r := s.rpc("POST", "DescribeRegions", params{})
	r.Header.Set("x-acs-action", "CreateKey")
	r.Header.Set("x-acs-version", "1999-01-01")
	if got := s.do(r); got.fields["Regions"] == nil {
		t.Error(got.body)
	}
	q := s.acs3(accessKey, "DescribeRegions", params{"Action": "CreateKey", "Version": "1999-01-01"})
	if got := s.do(q); got.fields["Regions"] == nil {
		t.Error(got.body)
	}
}

func TestCredentials(t *testing.T) {
	s := start(t, func(o *alibaba.Options) {
		o.Credentials = func(context.Context, string) (alibaba.Credential, error) {
			return alibaba.Credential{}, errors.New("database MARKER is down")
		}
	})
	s.call("DescribeRegions", params{}).is(t, "credentials", "ServiceUnavailableTemporary")
}

func TestFormats(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		format, accept string
		acs3, xml      bool
	}{
		{"", "", false, true}, {"XML", "", false, true}, {"xml", "", false, true}, {"JSON",
			"application/xml", false, false},
		{"json", "", false, false}, {"", "", true, false}, {"", "application/json", true, false}, {"",
			"application/xml", true, true},
		{"XML", "application/json", true, true},
	} {
		p := params{"Format": c.format}
		if c.format == "" && c.acs3 {
			p = params{}
		}
		r := s.rpc("GET", "DescribeRegions", p)
		if c.acs3 {
			r = s.acs3(accessKey, "DescribeRegions", p)
		}
		r.Header.Set("Accept", c.accept)
		if got := s.do(r); (got.fields == nil) != c.xml || got.status != 200 {
			t.Errorf("%+v: %s", c, got.body)
		}
	}
	s.do(s.rpc("GET", "DescribeKey", params{"KeyId": "alias/x", "Format": "XML"})).is(t,
		"errors are JSON", "Forbidden.AliasNotFound")
}

func TestNew(t *testing.T) {
	s := start(t)
	known := cloudapi.Static(nil)
	for name, opts := range map[string]*alibaba.Options{
		"nil": nil, "none": {}, "IDs": {Credentials: known, KeyIDs: map[string]string{"a": "b"}},
		"region": {Credentials: known, Region: "a:b"}, "account": {Credentials: known, Account: "a/b"},
	} {
		if _, err := alibaba.New(s.kms, opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := alibaba.New(nil, &alibaba.Options{Credentials: known}); err == nil {
		t.Error("no KMS: no error")
	}
	if _, err := alibaba.New(s.kms, &alibaba.Options{Credentials: known}); err != nil {
		t.Error(err)
	}
}

func TestConcurrency(t *testing.T) {
	s := start(t)
	id := s.aes()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				r := s.do(s.acs3(accessKey, "Encrypt", params{"KeyId": id, "Plaintext": "QUJD"}))
				d := s.do(s.rpc("POST", "Decrypt", params{"CiphertextBlob": r.text("CiphertextBlob")}))
				if d.text("Plaintext") != "QUJD" {
					t.Error(d.body)
				}
			}
		})
	}
	wg.Wait()
}
