package huawei_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/huawei"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "example-secret-of-no-worth"
	project   = "0123456789abcdef0123456789abcdef"

	// marker is in every plaintext: no error answer may show it.
	marker = "marker-of-a-plaintext"
)

// A service is a handler over a KMS, and a client of it.
type service struct {
	t     testing.TB
	h     http.Handler
	kms   *kms.KMS
	store *faultstore.Store
	opts  *huawei.Options

	mu     sync.Mutex
	now    time.Time
	denied func(*kms.Request) bool
	onCall func(context.Context) // by the Authorizer
}

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// serve starts a service, until the test ends. Each call of the KMS reads the store.
func serve(t testing.TB, change func(*huawei.Options)) *service {
	t.Helper()
	s := &service{t: t, store: faultstore.New(memstore.New()), now: start}
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s.kms, err = kms.Open(t.Context(), s.store, root, &kms.Options{
		Authorizer: s, MaxStale: -1, OutageGrace: -1, Now: s.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kms.Close() })
	s.opts = &huawei.Options{
		Credentials: cloudapi.Static(map[string]huawei.Credential{
			accessKey: {Secret: secret}, "EMPTY": {},
		}),
		Now: s.clock,
	}
	if change != nil {
		change(s.opts)
	}
	if s.h, err = huawei.New(s.kms, s.opts); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *service) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *service) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Authorize implements kms.Authorizer.
func (s *service) Authorize(ctx context.Context, r *kms.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onCall != nil {
		s.onCall(ctx)
	}
	if s.denied != nil && s.denied(r) {
		return errors.New("denied because of " + marker)
	}
	return nil
}

// deny has the Authorizer deny what f says.
func (s *service) deny(f func(*kms.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = f
}

// An answer is one of the handler.
type answer struct {
	*httptest.ResponseRecorder
	fields map[string]any
}

// request returns an unsigned request for an operation, such as POST encrypt-data. In GET
// the body is a query.
func request(op, body string) *http.Request {
	method, path, _ := strings.Cut(op, " ")
	target := "/v1.0/" + project + "/kms/" + path
	if method == http.MethodGet && body != "" {
		target, body = target+"?"+body, ""
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	return r
}

// signed signs a request by an access key at a time.
func signed(t testing.TB, r *http.Request, id, secret string, at time.Time) *http.Request {
	t.Helper()
	if err := sign(r, id, secret, at); err != nil {
		t.Fatal(err)
	}
	return r
}

// sign signs a request that can be.
func sign(r *http.Request, id, secret string, at time.Time) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("X-Sdk-Date", at.UTC().Format("20060102T150405Z"))
	const form = "SDK-HMAC-SHA256 Access=%, SignedHeaders=x-sdk-date, Signature="
	prefix := strings.Replace(form, "%", id, 1)
	r.Header.Set("Authorization", prefix+strings.Repeat("0", 64))
	proof, err := httpsig.Huawei(r, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", prefix+proof.Sign(secret))
	return nil
}

// send makes a request, and checks what holds for every answer.
func (s *service) send(r *http.Request) *answer {
	s.t.Helper()
	a := &answer{ResponseRecorder: httptest.NewRecorder()}
	s.h.ServeHTTP(a, r)
	a.check(s.t)
	return a
}

// call makes a signed request for an operation with a body.
func (s *service) call(op, body string) *answer {
	s.t.Helper()
	return s.send(signed(s.t, request(op, body), accessKey, secret, s.clock()))
}

// do makes a signed request for an operation with parameters.
func (s *service) do(op string, params map[string]any) *answer {
	s.t.Helper()
	if strings.HasPrefix(op, "GET ") {
		return s.call(op, query(params))
	}
	body, err := json.Marshal(params)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.call(op, string(body))
}

// must is do, and fails the test unless the operation succeeds.
func (s *service) must(op string, params map[string]any) map[string]any {
	s.t.Helper()
	a := s.do(op, params)
	if a.Code >= 300 {
		s.t.Fatalf("%s %v: %d %s", op, params, a.Code, a.Body)
	}
	return a.fields
}

// want fails the test unless the answer is an error.
func (a *answer) want(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.Code != status || a.code() != code {
		t.Errorf("%s: got %d %s, want %d %s", what, a.Code, a.Body, status, code)
	}
}

// code returns the error code, "" if there is none.
func (a *answer) code() string {
	e, _ := a.fields["error"].(map[string]any)
	code, _ := e["error_code"].(string)
	return code
}

// check checks what holds for every answer.
func (a *answer) check(t testing.TB) {
	t.Helper()
	if a.Header().Get("Cache-Control") != "no-store" || len(a.Header().Get("X-Request-Id")) != 36 {
		t.Errorf("headers are %v", a.Header())
	}
	if a.Code == http.StatusNoContent {
		return
	}
	text := a.Body.Bytes()
	if a.Code == http.StatusOK && bytes.HasPrefix(text, []byte("[")) {
		text = bytes.Trim(text, "[]") // the list of one that GET aliases answers
	}
	if err := json.Unmarshal(text, &a.fields); err != nil {
		t.Fatalf("%d %s: %v", a.Code, text, err)
	}
	if a.Code < 300 {
		return
	}
	e, _ := a.fields["error"].(map[string]any)
	msg, _ := e["error_msg"].(string)
	if len(a.fields) != 1 || len(e) != 2 || a.code() == "" || msg == "" {
		t.Errorf("%d %s is not an error as it must be", a.Code, text)
	}
	if strings.Contains(string(text), marker) {
		t.Errorf("%s shows what was sent", text)
	}
}
