package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/aws"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "example-secret-of-no-worth"
	region    = "eu-west-1"
	arnPrefix = "arn:aws:kms:" + region + ":000000000000:"

	nowhere = "00000000-0000-4000-8000-000000000000" // no key has this ID
)

// A server is a handler over a KMS of its own.
type server struct {
	http.Handler
	kms   *kms.KMS
	store *faultstore.Store

	region string // that requests are signed for
	id     string // and with which access key
}

// serve returns a server with options that set changes.
func serve(t testing.TB, kmsOptions *kms.Options, set func(*aws.Options, *kms.KMS)) *server {
	t.Helper()
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	s := &server{store: faultstore.New(memstore.New()), region: region, id: accessKey}
	s.kms, err = kms.Open(t.Context(), s.store, root, kmsOptions)
	must(t, err)
	t.Cleanup(func() { s.kms.Close() })
	opts := &aws.Options{Credentials: cloudapi.Static(map[string]cloudapi.Credential{
		accessKey: {Secret: secret, Principal: "somebody"}, "AKIDBLANK": {},
	})}
	if set != nil {
		set(opts, s.kms)
	}
	s.Handler, err = aws.New(s.kms, opts)
	must(t, err)
	return s
}

// key creates a key and returns its ID.
func (s *server) key(t testing.TB, opts *kms.CreateKeyOptions) string {
	t.Helper()
	k, err := s.kms.CreateKey(t.Context(), opts)
	must(t, err)
	return k.ID
}

// An answer is what a request got.
type answer struct {
	status int
	header http.Header
	text   string
	code   string         // of an error
	body   map[string]any // nil if it is empty
}

func (a *answer) str(name string) string { s, _ := a.body[name].(string); return s }

// do makes a request to do an operation. The parameters are JSON, or what is to be.
func (s *server) do(t testing.TB, op string, params any) *answer {
	t.Helper()
	text, ok := params.(string)
	if !ok {
		b, err := json.Marshal(params)
		must(t, err)
		text = string(b)
	}
	return s.send(t, s.request(op, text))
}

// good makes a request that must succeed.
func (s *server) good(t testing.TB, op string, params any) *answer {
	t.Helper()
	a := s.do(t, op, params)
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", op, a.status, a.text)
	}
	return a
}

// bad makes a request that must fail with a code.
func (s *server) bad(t testing.TB, op string, params any, status int, code string) {
	t.Helper()
	if a := s.do(t, op, params); a.status != status || a.code != code {
		t.Errorf("%s %v: %d %s, want %d %s", op, params, a.status, a.text, status, code)
	}
}

// request returns a signed request.
func (s *server) request(op, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://kms.example.com/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "TrentService."+op)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	s.sign(r, body, time.Now(), "content-type;host;x-amz-date;x-amz-target")
	return r
}

// sign signs a request, at a time.
func (s *server) sign(r *http.Request, body string, at time.Time, headers string) {
	date := at.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", date)
	unsigned := "AWS4-HMAC-SHA256 Credential=" + s.id + "/" + date[:8] + "/" + s.region +
		"/kms/aws4_request, SignedHeaders=" + headers + ", Signature="
	r.Header.Set("Authorization", unsigned+strings.Repeat("0", 64))
	if p, err := httpsig.SigV4(r, []byte(body)); err == nil {
		r.Header.Set("Authorization", unsigned+p.Sign(secret))
	}
}

// send makes a request, and checks what all answers have.
func (s *server) send(t testing.TB, r *http.Request) *answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := &answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	for name, want := range map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "Cache-Control": "no-store",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(a.header.Get("X-Amzn-Requestid")) != 36 {
		t.Error("there is no request ID")
	}
	if a.text == "" && a.status == http.StatusOK {
		return a
	}
	if err := json.Unmarshal([]byte(a.text), &a.body); err != nil {
		t.Fatalf("%v: %q", err, a.text)
	}
	if a.status != http.StatusOK {
		a.code = a.str("__type")
		if status, ok := aws.Codes()[a.code]; !ok || status != a.status || len(a.body) != 2 || a.str("message") == "" {
			t.Errorf("%d %s is no error that is documented", a.status, a.text)
		}
	}
	return a
}

// A deny is an Authorizer that denies some operations, or all.
type deny struct{ ops []string }

func (d *deny) Authorize(_ context.Context, r *kms.Request) error {
	for _, op := range d.ops {
		if op == r.Op || op == "*" {
			return errDenied
		}
	}
	return nil
}
