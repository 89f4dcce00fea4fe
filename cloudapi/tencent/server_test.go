package tencent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/tencent"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "example-secret-of-no-worth"
	denied    = "AKIDDENIED"
	reader    = "AKIDREADER"
	host      = "kms.tencentcloudapi.com"
	version   = "2019-01-18"
)

var now = time.Unix(1_800_000_000, 0)

var credentials = cloudapi.Static(map[string]tencent.Credential{
	accessKey: {Secret: secret, Principal: "somebody"},
	denied:    {Secret: secret, Principal: "nobody"},
	reader:    {Secret: secret, Principal: "reader"},
	"EMPTY":   {},
})

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authorizer denies everything to nobody, and aliases to a reader.
type authorizer struct{}

func (authorizer) Authorize(ctx context.Context, r *kms.Request) error {
	c, ok := cloudapi.CallerFrom(ctx)
	if !ok || c.Principal == "somebody" || c.Principal == "reader" && r.Op != kms.OpAliases {
		return nil
	}
	return errors.New("not for " + c.Principal)
}

// A server is a handler over a KMS.
type server struct {
	http.Handler
	k     *kms.KMS
	store *faultstore.Store
	clock *atomic.Int64 // of the KMS: ns since now

	deleted []byte // of ofDeleted
}

func newServer(t testing.TB, change ...func(*tencent.Options)) *server {
	t.Helper()
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	store := faultstore.New(memstore.New())
	clock := new(atomic.Int64)
	k, err := kms.Open(t.Context(), store, root, &kms.Options{
		Authorizer: authorizer{}, MaxStale: -1, OutageGrace: -1,
		Now: func() time.Time { return now.Add(time.Duration(clock.Load())) },
	})
	must(t, err)
	t.Cleanup(func() { k.Close() })
	return &server{Handler: newHandler(t, k, change...), k: k, store: store, clock: clock}
}

func newHandler(t testing.TB, k *kms.KMS, change ...func(*tencent.Options)) http.Handler {
	t.Helper()
	opts := &tencent.Options{Credentials: credentials, Now: func() time.Time { return now }}
	for _, c := range change {
		c(opts)
	}
	h, err := tencent.New(k, opts)
	must(t, err)
	return h
}

// with returns the server with another handler over its KMS.
func (s *server) with(t testing.TB, change func(*tencent.Options)) *server {
	t.Helper()
	other := *s
	other.Handler = newHandler(t, s.k, change)
	return &other
}

// create creates a key in the library.
func (s *server) create(t testing.TB, opts *kms.CreateKeyOptions) string {
	t.Helper()
	key, err := s.k.CreateKey(t.Context(), opts)
	must(t, err)
	return key.ID
}

// A reply is what came back.
type reply struct {
	*httptest.ResponseRecorder
	fields map[string]any
	code   string // of an error, or ""
}

var isRequestID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// send serves a request of this machine, and checks what all replies have.
func (s *server) send(t testing.TB, r *http.Request) *reply {
	t.Helper()
	w := &reply{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(w, r)
	var all map[string]map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != 1 {
		t.Fatalf("reply %q", w.Body)
	}
	w.fields = all["Response"]
	if id, _ := w.fields["RequestId"].(string); w.Code != http.StatusOK ||
		!isRequestID.MatchString(id) {
		t.Errorf("status %d, request ID %q", w.Code, id)
	}
	h := w.Header()
	if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
	if e, ok := w.fields["Error"].(map[string]any); ok {
		w.code, _ = e["Code"].(string)
		message, _ := e["Message"].(string)
		if !slices.Contains(codes, w.code) || message == "" || len(e) != 2 || len(w.fields) != 2 {
			t.Errorf("reply %s", w.Body)
		}
		if text := w.Body.String(); strings.Contains(text, marker) ||
			strings.Contains(text, b64([]byte(marker))) {
			t.Errorf("an error with a plaintext: %s", text)
		}
	}
	return w
}

// marker is the plaintext of all requests that tests make.
const marker = "plaintext"

// call makes a request by TC3 and POST.
func (s *server) call(t testing.TB, action string, params any) *reply {
	t.Helper()
	return s.send(t, tc3(t, action, jsonOf(t, params)))
}

// tc3 returns a signed POST of JSON.
func tc3(t testing.TB, action, body string) *http.Request {
	t.Helper()
	return signTC3(t, newRequest(http.MethodPost, "/", body), action, body)
}

func newRequest(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = host, "127.0.0.1:1"
	return r
}

func signTC3(t testing.TB, r *http.Request, action, body string) *http.Request {
	t.Helper()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-TC-Action", action)
	r.Header.Set("X-TC-Version", version)
	r.Header.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	return sign(t, r, accessKey, body)
}

func sign(t testing.TB, r *http.Request, id, body string) *http.Request {
	t.Helper()
	seconds, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	must(t, err)
	day := time.Unix(seconds, 0).UTC().Format("2006-01-02")
	auth := "TC3-HMAC-SHA256 Credential=" + id + "/" + day +
		"/kms/tc3_request, SignedHeaders=content-type;host, Signature="
	r.Header.Set("Authorization", auth+strings.Repeat("0", 64))
	proof, err := httpsig.TC3(r, []byte(body))
	must(t, err)
	r.Header.Set("Authorization", auth+proof.Sign(secret))
	return r
}

var nonce = 0

// v1 returns a request that is signed by version 1.
func v1(t testing.TB, method, hash, action string, params map[string]string) *http.Request {
	t.Helper()
	nonce++
	all := map[string]string{
		"Action": action, "Version": version, "SecretId": accessKey, "SignatureMethod": hash,
		"Timestamp": strconv.FormatInt(now.Unix(), 10), "Nonce": strconv.Itoa(nonce),
	}
	for name, v := range params {
		all[name] = v
	}
	return signV1(t, method, all)
}

func signV1(t testing.TB, method string, all map[string]string) *http.Request {
	t.Helper()
	size := map[string]int{"HmacSHA1": 28, "HmacSHA256": 44}[all["SignatureMethod"]]
	all["Signature"] = strings.Repeat("A", size)
	proof, err := httpsig.TencentV1(newRequest(method, "/", ""), all)
	must(t, err)
	all["Signature"] = proof.Sign(secret)
	form := url.Values{}
	for name, v := range all {
		form.Set(name, v)
	}
	if method == http.MethodGet {
		return newRequest(method, "/?"+form.Encode(), "")
	}
	r := newRequest(method, "/", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// codes are those that clients may get: API page "Common Error Codes", and
// tencentcloud-sdk-go kms v1.0.1000, errors.go.
var codes = strings.Fields(`
	AuthFailure.InvalidAuthorization AuthFailure.SecretIdNotFound AuthFailure.SignatureExpire
	AuthFailure.SignatureFailure AuthFailure.TokenFailure InternalError InvalidAction
	InvalidParameter InvalidRequest MissingParameter NoSuchVersion RequestSizeLimitExceeded
	UnauthorizedOperation UnsupportedOperation UnsupportedProtocol LimitExceeded
	FailedOperation.DecryptError FailedOperation.EncryptionError
	InvalidParameter.DecryptMaterialError InvalidParameter.InvalidPendingWindowInDays
	InvalidParameterValue InvalidParameterValue.AliasAlreadyExists
	InvalidParameterValue.DuplicatedKeyId InvalidParameterValue.InvalidAlias
	InvalidParameterValue.InvalidCiphertext InvalidParameterValue.InvalidHsmClusterId
	InvalidParameterValue.InvalidKeyId InvalidParameterValue.InvalidKeyUsage
	InvalidParameterValue.InvalidPlaintext InvalidParameterValue.InvalidType
	LimitExceeded.CmkLimitExceeded
	ResourceUnavailable.CmkArchived ResourceUnavailable.CmkDisabled
	ResourceUnavailable.CmkNotFound ResourceUnavailable.CmkNotPendingDelete
	ResourceUnavailable.CmkShouldBeDisabled ResourceUnavailable.CmkStateNotSupport
	ResourceUnavailable.KeyPendingDelete ResourceUnavailable.TokenExpired
	UnsupportedOperation.ExternalCmkCanNotRotate UnsupportedOperation.NotExternalCmk
	UnsupportedOperation.ServiceTemporaryUnavailable
	UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion`)

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}
