package front

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/kmstest"
)

const secret = "a secret"

var (
	now         = time.Unix(1_800_000_000, 0)
	credentials = cloudapi.Static(map[string]cloudapi.Credential{
		"key": {Secret: secret, Principal: "somebody"}, "plain": {Secret: secret}, "blank": {},
	})
)

// An echo is an API that answers who calls. Its requests are signed as AWS has it.
type echo struct{}

func (echo) Receive(r *http.Request, body []byte, id string) Exchange {
	return &echoExchange{r, body, id}
}

type echoExchange struct {
	*http.Request
	body []byte
	id   string
}

func (x *echoExchange) Caller(ctx context.Context, gate *Gate) (cloudapi.Caller, error) {
	p, err := httpsig.SigV4(x.Request, x.body)
	if err != nil {
		return cloudapi.Caller{}, err
	}
	return gate.Verify(ctx, p)
}

func (x *echoExchange) Do(ctx context.Context) (any, error) {
	c, _ := cloudapi.CallerFrom(ctx)
	if c.RequestID != x.id {
		return nil, errors.New("another request ID")
	}
	return c.Principal + " " + c.AccessKeyID + " " + string(x.body), nil
}

func (x *echoExchange) Write(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		answer = err.Error()
	}
	Respond(w, http.StatusOK, "text/plain", []byte(answer.(string)))
}

// signed returns a request that was signed at a time.
func signed(t *testing.T, id, secret string, at time.Time, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://kms.example.com/", strings.NewReader(body))
	r.Header.Set("X-Amz-Date", at.UTC().Format("20060102T150405Z"))
	auth := "AWS4-HMAC-SHA256 Credential=" + id + "/" + at.UTC().Format("20060102") +
		"/here/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature="
	r.Header.Set("Authorization", auth+strings.Repeat("0", 64))
	p, err := httpsig.SigV4(r, []byte(body))
	must(t, err)
	r.Header.Set("Authorization", auth+p.Sign(secret))
	return r
}

func handler(t *testing.T) *Handler {
	t.Helper()
	return with(t, Settings{Credentials: credentials})
}

// with returns a handler of an echo, at the time now.
func with(t *testing.T, s Settings) *Handler {
	t.Helper()
	s.Now = func() time.Time { return now }
	h, err := New(kmstest.New(t), s, func(*Keys, func() time.Time) API { return echo{} })
	must(t, err)
	return h.(*Handler)
}

func answer(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func TestWhoIsLetIn(t *testing.T) {
	h := handler(t)
	for _, c := range []struct {
		name, id, secret string
		at               time.Time
		want             string
	}{
		{"somebody", "key", secret, now, "somebody key body"},
		{"without a principal", "plain", secret, now, "plain plain body"},
		{"15 minutes old", "key", secret, now.Add(-Skew), "somebody key body"},
		{"15 minutes ahead", "key", secret, now.Add(Skew), "somebody key body"},
		{"older", "key", secret, now.Add(-Skew - time.Second), ErrClock.Error()},
		{"further ahead", "key", secret, now.Add(Skew + time.Second), ErrClock.Error()},
		{"another secret", "key", "another", now, ErrWrongSignature.Error()},
		{"an empty secret", "blank", secret, now, ErrWrongSignature.Error()},
		{"another key", "other", secret, now, ErrUnknownKey.Error()},
	} {
		if got := answer(h, signed(t, c.id, c.secret, c.at, "body")); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	r := signed(t, "key", secret, now, "body")
	r.Body = io.NopCloser(strings.NewReader("changed"))
	if got := answer(h, r); got != ErrWrongSignature.Error() {
		t.Errorf("changed body: %q", got)
	}
}

// What a Credentials function met is not told to strangers.
func TestCredentialsFail(t *testing.T) {
	var err error
	h := with(t, Settings{Credentials: func(context.Context, string) (cloudapi.Credential, error) {
		return cloudapi.Credential{Secret: secret}, err
	}})
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "key key body"},
		{errors.New("the vault is down"), ErrCredentials.Error()},
		{context.DeadlineExceeded, ErrCredentials.Error()},
		{cloudapi.ErrUnknownAccessKey, ErrUnknownKey.Error()},
	} {
		err = c.err
		if got := answer(h, signed(t, "key", secret, now, "body")); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// Without credentials or a KMS there is no handler.
func TestNewRefuses(t *testing.T) {
	api := func(*Keys, func() time.Time) API { return echo{} }
	if _, err := New(kmstest.New(t), Settings{}, api); err == nil {
		t.Error("no credentials are taken")
	}
	if _, err := New(nil, Settings{Credentials: credentials}, api); err == nil {
		t.Error("no KMS is taken")
	}
}

func TestTransport(t *testing.T) {
	for _, c := range []struct {
		remote        string
		tls, insecure bool
		refused       bool
	}{
		{"192.0.2.1:1234", true, false, false},
		{"192.0.2.1:1234", false, false, true},
		{"192.0.2.1:1234", false, true, false},
		{"127.0.0.1:1234", false, false, false},
		{"127.8.9.10:1234", false, false, false},
		{"[::1]:1234", false, false, false},
		{"[::ffff:127.0.0.1]:1234", false, false, false},
		{"[::ffff:192.0.2.1]:1234", false, false, true},
		{"localhost:1234", false, false, true},
		{"127.0.0.1", false, false, true},
		{"@", false, false, true},
		{"", false, false, true},
	} {
		h := with(t, Settings{Credentials: credentials, AllowInsecure: c.insecure})
		r := signed(t, "key", secret, now, "body")
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", "127.0.0.1")
		r.Header.Set("X-Forwarded-Proto", "https")
		if !c.tls {
			r.TLS = nil
		}
		if got := answer(h, r); (got == ErrInsecure.Error()) != c.refused {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestLimits(t *testing.T) {
	h := handler(t)
	if got := answer(h, signed(t, "key", secret, now, strings.Repeat("x", MaxBody))); len(got) < MaxBody {
		t.Errorf("the largest body: %.50q", got)
	}
	if got := answer(h, signed(t, "key", secret, now, strings.Repeat("x", MaxBody+1))); got != ErrTooLarge.Error() {
		t.Errorf("one byte more: %.50q", got)
	}
	r := signed(t, "key", secret, now, "")
	r.URL.RawQuery = strings.Repeat("x", MaxBody+1)
	if got := answer(h, r); got != ErrTooLarge.Error() {
		t.Errorf("a large query: %.50q", got)
	}
	r = signed(t, "key", secret, now, "")
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("x"), broken{})), 9
	if got := answer(h, r); got != ErrBody.Error() {
		t.Errorf("half a body: %.50q", got)
	}
}

// A broken body ends before its end.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A body is not left in memory.
func TestBodyIsCleared(t *testing.T) {
	var body []byte
	h := handler(t)
	h.api = receiver(func(b []byte) { body = b })
	answer(h, signed(t, "key", secret, now, "a password"))
	if len(body) != 10 || !bytes.Equal(body, make([]byte, 10)) {
		t.Errorf("%q is left", body)
	}
}

type receiver func(body []byte)

func (f receiver) Receive(r *http.Request, body []byte, id string) Exchange {
	f(body)
	return echo{}.Receive(r, body, id)
}

func TestRequestIDs(t *testing.T) {
	a, b := newRequestID(), newRequestID()
	if ok, _ := regexp.MatchString(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, a); !ok || a == b {
		t.Errorf("%s, %s", a, b)
	}
}
