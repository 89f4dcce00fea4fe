// Package cloud serves the front-ends of cloudapi to the vendors' own clients, in
// the folders below. It stands between the two, so that a request can be looked at,
// changed on its way, and sent again.
package cloud

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// Whom a server knows.
const (
	AccessKeyID = "AKIDEXAMPLE"
	Secret      = "example-secret-of-no-worth"
	Principal   = "somebody"

	DeniedID = "AKIDDENIED" // may do nothing
)

// Credentials are those.
var Credentials = cloudapi.Static(map[string]cloudapi.Credential{
	AccessKeyID: {Secret: Secret, Principal: Principal},
	DeniedID:    {Secret: Secret, Principal: denied},
})

const denied = "nobody"

// A Server is a front-end on a loopback address.
type Server struct {
	URL string // http://127.0.0.1:port
	KMS *kms.KMS

	store   keystore.Store
	handler http.Handler

	mu     sync.Mutex
	skew   time.Duration
	change func(*Request)
	last   *Request
}

// A Request is one as it came, or as it shall go on.
type Request struct {
	Method string
	URL    *url.URL
	Host   string
	Header http.Header
	Body   []byte
}

// clone returns a copy that shares nothing.
func (r *Request) clone() *Request {
	u := *r.URL
	return &Request{r.Method, &u, r.Host, r.Header.Clone(), bytes.Clone(r.Body)}
}

// Start starts a server of what front makes of a new KMS, until the test ends. The
// clock that front gets is Skew ahead.
func Start(t testing.TB, front func(k *kms.KMS, now func() time.Time) (http.Handler, error)) *Server {
	t.Helper()
	s := &Server{store: memstore.New()}
	s.KMS = openKMS(t, s.store)
	var err error
	if s.handler, err = front(s.KMS, s.now); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func openKMS(t testing.TB, store keystore.Store) *kms.KMS {
	t.Helper()
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.Open(context.Background(), store, root, &kms.Options{Authorizer: authorizer{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// Damage damages the record of a key, which must not have been used yet.
func (s *Server) Damage(t testing.TB, id string) {
	t.Helper()
	r, err := s.store.Get(context.Background(), "key/"+id)
	if err == nil {
		r.Rev++
		r.Data = bytes.Clone(r.Data)
		r.Data[len(r.Data)-1] ^= 1
		err = s.store.Put(context.Background(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// authorizer lets those do everything who may.
type authorizer struct{}

func (authorizer) Authorize(ctx context.Context, _ *kms.Request) error {
	if c, ok := cloudapi.CallerFrom(ctx); ok && c.Principal != Principal {
		return errors.New("not for " + c.Principal)
	}
	return nil
}

// Addr returns host and port.
func (s *Server) Addr() string { return strings.TrimPrefix(s.URL, "http://") }

// now is the clock of the front-end.
func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.skew)
}

// Skew puts the clock of the front-end ahead, or back, until the test ends.
func (s *Server) Skew(t testing.TB, by time.Duration) {
	s.set(func() { s.skew = by })
	t.Cleanup(func() { s.set(func() { s.skew = 0 }) })
}

// Tamper has all requests changed on their way, until the test ends.
func (s *Server) Tamper(t testing.TB, change func(*Request)) {
	s.set(func() { s.change = change })
	t.Cleanup(func() { s.set(func() { s.change = nil }) })
}

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Last returns the last request, as it came.
func (s *Server) Last() *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.clone()
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	came := &Request{r.Method, r.URL, r.Host, r.Header, body}
	s.mu.Lock()
	s.last = came.clone()
	change := s.change
	s.mu.Unlock()
	if change != nil {
		change(came)
	}
	s.serve(w, came, r)
}

// serve hands a request on, of the connection that r came by.
func (s *Server) serve(w http.ResponseWriter, q *Request, r *http.Request) {
	on := r.Clone(r.Context())
	on.Method, on.URL, on.Host, on.Header = q.Method, q.URL, q.Host, maps.Clone(q.Header)
	on.RequestURI = q.URL.RequestURI()
	on.Body, on.ContentLength = io.NopCloser(bytes.NewReader(q.Body)), int64(len(q.Body))
	s.handler.ServeHTTP(w, on)
}

// Send makes a request of the front-end, and returns the status and the answer.
func (s *Server) Send(t testing.TB, q *Request) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	s.serve(w, q.clone(), r)
	return w.Code, w.Body.String()
}
