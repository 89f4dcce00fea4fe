package alibaba_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/alibaba"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

const (
	accessKey = "LTAIEXAMPLE"
	deniedKey = "LTAIDENIED" // of a principal who may do nothing
	secret    = "example-secret-of-no-worth"
	region    = "cn-test"
	account   = "1234567890123456"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A server is a front-end and what is behind it.
type server struct {
	t       testing.TB
	kms     *kms.KMS
	store   *faultstore.Store
	handler http.Handler
	now     time.Time
}

// start returns a front-end of a new KMS; change may change its options.
func start(t testing.TB, change ...func(*alibaba.Options)) *server {
	t.Helper()
	s := &server{t: t, store: faultstore.New(memstore.New()), now: time.Now()}
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	s.kms, err = kms.Open(ctx, s.store, root,
		&kms.Options{Authorizer: authorizer{}, MaxStale: -1, OutageGrace: -1})
	must(t, err)
	t.Cleanup(func() { s.kms.Close() })
	opts := &alibaba.Options{
		Credentials: cloudapi.Static(map[string]alibaba.Credential{
			accessKey: {Secret: secret, Principal: "somebody"},
			deniedKey: {Secret: secret, Principal: "nobody"},
			"EMPTY":   {},
		}),
		Now:    func() time.Time { return s.now },
		Region: region, Account: account,
	}
	for _, c := range change {
		c(opts)
	}
	s.handler, err = alibaba.New(s.kms, opts)
	must(t, err)
	return s
}

type authorizer struct{}

func (authorizer) Authorize(ctx context.Context, _ *kms.Request) error {
	if c, _ := cloudapi.CallerFrom(ctx); c.Principal == "nobody" {
		return errors.New("policy of MARKER: no")
	}
	return nil
}

type params = map[string]string

// with returns p changed by name and value.
func with(p params, pairs ...string) params {
	p = maps.Clone(p)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return p
}

// without returns p without a name.
func without(p params, name string) params {
	p = maps.Clone(p)
	delete(p, name)
	return p
}

// A reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	fields map[string]any // of JSON
}

func (r *reply) text(name string) string { s, _ := r.fields[name].(string); return s }

// code returns the error code, "" of a success.
func (r *reply) code() string { return r.text("Code") }

// do sends a request to the handler from a loopback address.
func (s *server) do(r *http.Request) *reply {
	s.t.Helper()
	w := httptest.NewRecorder()
	r.RemoteAddr = cmp.Or(r.RemoteAddr, "127.0.0.1:1")
	s.handler.ServeHTTP(w, r)
	got := &reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	if w.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &got.fields); err != nil {
			s.t.Fatalf("%v in %q", err, got.body)
		}
	}
	if got.status != http.StatusOK && (got.code() == "" || got.text("Message") == "" || len(got.fields) != 4 ||
		got.fields["HttpStatus"] != float64(got.status)) {
		s.t.Errorf("error answer %s", got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("an answer may be stored: %v", got.header)
	}
	return got
}

// call makes an ACS3 request by who may do everything.
func (s *server) call(action string, p params) *reply {
	s.t.Helper()
	return s.do(s.acs3(accessKey, action, p))
}

// ok is call that must succeed.
func (s *server) ok(action string, p params) *reply {
	s.t.Helper()
	r := s.call(action, p)
	if r.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", action, r.status, r.body)
	}
	return r
}

var nonces atomic.Int64

func query(p params) string {
	q := url.Values{}
	for name, value := range p {
		q.Set(name, value)
	}
	return q.Encode()
}

// newRequest returns a request without a remote address.
func newRequest(method, target, body string) *http.Request {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Method, r.RemoteAddr = method, ""
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// acs3 returns a signed request with parameters in the query.
func (s *server) acs3(id, action string, p params) *http.Request {
	r := newRequest("POST", "/?"+query(p), "")
	s.signACS3(r, id, secret, action, "")
	return r
}

func (s *server) signACS3(r *http.Request, id, secret, action, body string) {
	s.t.Helper()
	h := r.Header
	h.Set("x-acs-action", action)
	h.Set("x-acs-version", "2016-01-20")
	h.Set("x-acs-date", s.now.UTC().Format("2006-01-02T15:04:05Z"))
	h.Set("x-acs-signature-nonce", "n"+strconv.FormatInt(nonces.Add(1), 10))
	s.resignACS3(r, id, secret, body)
}

// resignACS3 signs what is there.
func (s *server) resignACS3(r *http.Request, id, secret, body string) {
	s.t.Helper()
	h := r.Header
	h.Set("x-acs-content-sha256", hexSHA256(body))
	auth := "ACS3-HMAC-SHA256 Credential=" + id + ",SignedHeaders=host;x-acs-action;x-acs-content-sha256;" +
		"x-acs-date;x-acs-signature-nonce;x-acs-version,Signature="
	h.Set("Authorization", auth+strings.Repeat("0", 64))
	proof, err := httpsig.ACS3(r, []byte(body))
	must(s.t, err)
	h.Set("Authorization", auth+proof.Sign(secret))
}

// rpcParams returns the parameters of a signed RPC request.
func (s *server) rpcParams(method, id, secret, action string, p params) params {
	s.t.Helper()
	p = with(params{
		"Action": action, "Version": "2016-01-20", "Format": "JSON", "AccessKeyId": id,
		"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureType": "",
		"SignatureNonce": "n" + strconv.FormatInt(nonces.Add(1), 10),
		"Timestamp":      s.now.UTC().Format("2006-01-02T15:04:05Z"),
		"Signature":      base64.StdEncoding.EncodeToString(make([]byte, 20)),
	}, pairs(p)...)
	proof, err := httpsig.AlibabaRPC(newRequest(method, "/", ""), p)
	must(s.t, err)
	p["Signature"] = proof.Sign(secret)
	return p
}

func pairs(p params) (all []string) {
	for name, value := range p {
		all = append(all, name, value)
	}
	return all
}

// rpc returns a signed request in RPC style.
func (s *server) rpc(method, action string, p params) *http.Request {
	return newRequest(method, "/?"+query(s.rpcParams(method, accessKey, secret, action, p)), "")
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	must(t, err)
	return b
}
