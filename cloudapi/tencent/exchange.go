package tencent

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// apiVersion is that of tencentcloud-sdk-go kms v1.0.1000.
const apiVersion = "2019-01-18"

// A service answers operations.
type service struct{ keys *front.Keys }

// Receive implements [front.API].
func (s *service) Receive(r *http.Request, body []byte, requestID string) front.Exchange {
	return &exchange{service: s, r: r, body: body, id: requestID}
}

// An exchange is one request and its answer.
type exchange struct {
	*service
	r    *http.Request
	body []byte
	id   string

	form map[string]string // the parameters of a request that is signed by version 1
}

// Caller implements [front.Exchange].
func (x *exchange) Caller(ctx context.Context, gate *front.Gate) (cloudapi.Caller, error) {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodPost {
		return cloudapi.Caller{}, front.ErrMethod
	}
	proof, err := x.proof()
	if err != nil {
		return cloudapi.Caller{}, err
	}
	// Whether a token belongs to a secret cannot be told here, nor may it be passed
	// over: it may say that the secret has ended.
	if x.r.Header.Get("X-Tc-Token") != "" || x.form["Token"] != "" {
		return cloudapi.Caller{}, faultToken
	}
	return gate.Verify(ctx, proof)
}

// proof reads the signature, of the one scheme or the other.
func (x *exchange) proof() (*httpsig.Proof, error) {
	proof, err := httpsig.TC3(x.r, x.body)
	if !errors.Is(err, httpsig.ErrUnsigned) {
		return proof, err
	}
	text := x.r.URL.RawQuery
	if x.r.Method == http.MethodPost {
		text = string(x.body)
	}
	if x.form, err = parseForm(text); err != nil {
		return nil, err
	}
	return httpsig.TencentV1(x.r, x.form)
}

// parseForm reads a query or a form in which each name stands once.
func parseForm(text string) (map[string]string, error) {
	values, err := url.ParseQuery(text)
	if err != nil || !utf8.ValidString(text) {
		return nil, front.ErrSyntax
	}
	form := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 || !utf8.ValidString(name) || !utf8.ValidString(all[0]) {
			return nil, front.ErrSyntax
		}
		form[name] = all[0]
	}
	return form, nil
}

// Do implements [front.Exchange].
func (x *exchange) Do(ctx context.Context) (any, error) {
	p, err := x.params()
	if err != nil {
		return nil, err
	}
	action, version := x.common(p, "Action"), x.common(p, "Version")
	if err := p.Err(); err != nil {
		return nil, err
	}
	if version != apiVersion {
		return nil, faultVersion
	}
	op, ok := operations[action]
	if !ok {
		return nil, unknown(action)
	}
	answer, err := op.do(x.service, ctx, p)
	if err != nil {
		return nil, front.Translate(err, op.faults, faultOf(err))
	}
	answer.identify(x.id)
	return answer, nil
}

// params returns the parameters of a request that is let in.
func (x *exchange) params() (*front.Params, error) {
	switch {
	case x.form != nil:
		return front.FlatParams(x.form), nil
	case x.r.Method == http.MethodGet:
		form, err := parseForm(x.r.URL.RawQuery)
		return front.FlatParams(form), err
	}
	return front.ParseJSON(x.body, false)
}

// common reads a parameter that all operations have. Under TC3 it is a header; who
// sends it as a parameter too, which is signed, must mean the same.
func (x *exchange) common(p *front.Params, name string) string {
	header := x.r.Header.Values("X-Tc-" + name)
	if x.form != nil || len(header) == 0 {
		return p.Text(name, front.Any)
	}
	if len(header) > 1 || p.OptText(name, header[0], front.Any) != header[0] {
		p.Fail(name, front.Invalid)
	}
	return header[0]
}

// A response is what all answers are in.
type response struct{ Response any }

// A failure is the answer to what failed.
type failure struct {
	Error struct{ Code, Message string }
	identity
}

// Write implements [front.Exchange]. The status is always 200: tencentcloud-sdk-go
// common v1.3.103 reads no error of any other.
func (x *exchange) Write(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		f := faultOf(err)
		failed := &failure{identity: identity{x.id}}
		failed.Error.Code, failed.Error.Message = f.Code, f.Message
		answer = failed
	}
	front.RespondJSON(w, http.StatusOK, "application/json", response{answer})
}

// An answer is what an operation returns.
type answer interface{ identify(requestID string) }

// An identity is what every answer has.
type identity struct{ RequestId string }

func (i *identity) identify(requestID string) { i.RequestId = requestID }
