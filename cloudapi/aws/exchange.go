package aws

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

const (
	contentType  = "application/x-amz-json-1.1"
	targetPrefix = "TrentService."
)

// An api is what all requests share.
type api struct {
	keys    *front.Keys
	region  string // or "" for that of the request
	account string
	now     func() time.Time
	tagging chan struct{} // holds one while the tags of a key are being changed
}

// Receive implements [front.API].
func (a *api) Receive(r *http.Request, body []byte, requestID string) front.Exchange {
	return &exchange{api: a, request: r, body: body, id: requestID}
}

// An exchange is a request and its answer.
type exchange struct {
	*api
	request *http.Request
	body    []byte
	id      string
}

// Caller implements [front.Exchange].
func (x *exchange) Caller(ctx context.Context, gate *front.Gate) (cloudapi.Caller, error) {
	proof, err := httpsig.SigV4(x.request, x.body)
	if err != nil {
		return cloudapi.Caller{}, err
	}
	caller, err := gate.Verify(ctx, proof)
	if err != nil {
		return cloudapi.Caller{}, err
	}
	if !isRegion(proof.Scope) || x.region != "" && x.region != proof.Scope {
		return cloudapi.Caller{}, errRegion
	}
	// The scope is signed, so that nobody else can have changed it.
	x.api = x.in(proof.Scope)
	return caller, nil
}

// in returns a for requests of a region.
func (a *api) in(region string) *api {
	there := *a
	there.region = region
	return &there
}

// Do implements [front.Exchange].
func (x *exchange) Do(ctx context.Context) (any, error) {
	op, err := x.operation()
	if err != nil {
		return nil, err
	}
	params, err := front.ParseJSON(x.body, false)
	if err != nil {
		return nil, err
	}
	answer, err := op.do(ctx, &call{api: x.api, Params: params})
	if err == nil {
		return answer, nil
	}
	if fault := front.Translate(err, op.faults, nil); fault != nil {
		return nil, fault
	}
	return nil, err
}

// operation returns what the request wants to be done.
func (x *exchange) operation() (operation, error) {
	if x.request.Method != http.MethodPost {
		return operation{}, front.ErrMethod
	}
	// It is signed, and package httpsig lets no two of them in.
	name, ok := strings.CutPrefix(x.request.Header.Get("X-Amz-Target"), targetPrefix)
	op, known := operations[name]
	if !ok || !known {
		return operation{}, front.ErrUnknownAction
	}
	return op, nil
}

// Write implements [front.Exchange].
func (x *exchange) Write(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("X-Amzn-RequestId", x.id)
	switch {
	case err != nil:
		f := translate(err)
		front.RespondJSON(w, f.Status, contentType, failure{f.Code, f.Message})
	case answer == nil:
		front.Respond(w, http.StatusOK, contentType, nil)
	default:
		front.RespondJSON(w, http.StatusOK, contentType, answer)
	}
}

// A failure is the answer to a request that failed.
type failure struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}
