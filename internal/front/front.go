// Package front is what the handlers of cloudapi share: it lets requests in,
// reads their parameters, and finds the vendor's word for what went wrong.
package front

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
)

// MaxBody is the most bytes that the body of a request may have. The largest
// that any operation needs is a plaintext of 4,096 characters with a context of
// 8,192, each escaped in JSON in up to six bytes.
const MaxBody = 128 << 10

// What may be wrong with a request before anybody looks at its parameters; beside
// these, there are the errors of package httpsig.
var (
	ErrInsecure       = errors.New("neither TLS nor a loopback address")
	ErrTooLarge       = errors.New("request is too large")
	ErrBody           = errors.New("body cannot be read")
	ErrMethod         = errors.New("method is not allowed")
	ErrUnknownAction  = errors.New("there is no such operation")
	ErrUnknownKey     = errors.New("access key is unknown")
	ErrWrongSignature = errors.New("signature does not match")
	ErrClock          = errors.New("request was signed too long ago, or in the future")
	ErrReplay         = errors.New("request was made before")
	ErrCredentials    = errors.New("credentials are unavailable")
)

// An API is a vendor's protocol.
type API interface {
	// Receive begins an exchange. The body is nil if it was not read, and is
	// cleared at the end.
	Receive(r *http.Request, body []byte, requestID string) Exchange
}

// An Exchange is one request and its answer.
type Exchange interface {
	// Caller finds out who has sent the request, and proves it by the gate.
	Caller(ctx context.Context, gate *Gate) (cloudapi.Caller, error)

	// Do does what the request asks for. The context carries the caller.
	Do(ctx context.Context) (answer any, err error)

	// Write writes the answer, or the vendor's word for err if it is not nil.
	Write(w http.ResponseWriter, answer any, err error)
}

// Settings are the options that all front-ends have.
type Settings struct {
	Credentials   cloudapi.Credentials
	KeyIDs        map[string]string // IDs of keys here, by clients' IDs
	AllowInsecure bool              // requests neither over TLS nor from a loopback address
	Now           func() time.Time  // nil is time.Now
}

// A Handler serves an API.
type Handler struct {
	api           API
	gate          *Gate
	allowInsecure bool
}

// New returns a handler of the API that there is over the keys of k, by a clock.
func New(
	k *kms.KMS, s Settings, api func(keys *Keys, now func() time.Time) API,
) (http.Handler, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	keys, err := newKeys(k, s.KeyIDs)
	if err != nil {
		return nil, err
	}
	gate, err := newGate(s.Credentials, s.Now)
	if err != nil {
		return nil, err
	}
	return &Handler{api(keys, s.Now), gate, s.AllowInsecure}, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newRequestID()
	body, err := h.receive(w, r)
	defer clear(body)
	x := h.api.Receive(r, body, id)
	var answer any
	if err == nil {
		answer, err = h.serve(r.Context(), x, id)
	}
	x.Write(w, answer, err)
	if c, ok := answer.(Clearer); ok {
		c.Clear()
	}
}

// A Clearer is an answer with secrets in it, which Clear wipes.
type Clearer interface{ Clear() }

// receive returns the body of a request that may be looked at.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.TLS == nil && !h.allowInsecure && !isLoopback(r.RemoteAddr) {
		return nil, ErrInsecure
	}
	if len(r.URL.RawQuery) > MaxBody {
		return nil, ErrTooLarge
	}
	// A buffer of the right size is not copied, so that there is one to clear.
	size := max(0, min(r.ContentLength, MaxBody)) + bytes.MinRead
	body := bytes.NewBuffer(make([]byte, 0, size))
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil {
		return body.Bytes(), nil
	}
	clear(body.Bytes())
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, ErrTooLarge
	}
	return nil, ErrBody
}

// isLoopback reports whether a peer is on this machine. What a proxy says of
// those behind it is not asked: anybody can say that.
func isLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func (h *Handler) serve(ctx context.Context, x Exchange, id string) (any, error) {
	caller, err := x.Caller(ctx, h.gate)
	if err != nil {
		return nil, err
	}
	caller.RequestID = id
	return x.Do(cloudapi.WithCaller(ctx, caller))
}

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
