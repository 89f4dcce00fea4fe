package huawei

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// contentType is that of all answers.
const contentType = "application/json;charset=utf-8"

// An api is the protocol over a KMS.
type api struct {
	keys   *front.Keys
	tokens func(ctx context.Context, token string) (string, error)
	now    func() time.Time
}

// Receive implements [front.API].
func (a *api) Receive(r *http.Request, body []byte, requestID string) front.Exchange {
	return &exchange{api: a, r: r, body: body, id: requestID}
}

// An exchange is a request and its answer.
type exchange struct {
	*api
	r      *http.Request
	body   []byte
	id     string
	status int // of an answer without an error, if it is not 200
}

// Caller implements [front.Exchange]. A signature comes before a token: it proves more.
func (x *exchange) Caller(ctx context.Context, gate *front.Gate) (cloudapi.Caller, error) {
	proof, err := httpsig.Huawei(x.r, x.body)
	if errors.Is(err, httpsig.ErrUnsigned) && x.r.Header.Values("X-Auth-Token") != nil {
		return x.bearer(ctx)
	}
	if err != nil {
		return cloudapi.Caller{}, err
	}
	return gate.Verify(ctx, proof)
}

// bearer finds out whose the X-Auth-Token is.
func (x *exchange) bearer(ctx context.Context) (cloudapi.Caller, error) {
	values := x.r.Header.Values("X-Auth-Token")
	if len(values) != 1 || values[0] == "" {
		return cloudapi.Caller{}, noToken
	}
	if x.tokens == nil {
		return cloudapi.Caller{}, invalidToken
	}
	principal, err := x.tokens(ctx, values[0])
	switch {
	case errors.Is(err, cloudapi.ErrUnknownAccessKey):
		return cloudapi.Caller{}, invalidToken
	case err != nil:
		return cloudapi.Caller{}, front.ErrCredentials
	case principal == "": // nobody must not pass for somebody
		return cloudapi.Caller{}, invalidToken
	}
	return cloudapi.Caller{Principal: principal}, nil
}

// isPath matches the paths of operations: a project ID, and what is asked for.
var isPath = regexp.MustCompile(`\A/v1\.0/([0-9a-zA-Z_-]{1,64})/kms/([a-z-]+(?:/[a-z-]+)?)\z`)

// Do implements [front.Exchange].
func (x *exchange) Do(ctx context.Context) (any, error) {
	path := isPath.FindStringSubmatch(x.r.URL.EscapedPath())
	if path == nil {
		return nil, front.ErrUnknownAction
	}
	op, err := find(x.r.Method, path[2])
	if err != nil {
		return nil, err
	}
	// huaweicloud-sdk-go-v3 v0.1.207, core/auth/basic_credentials.go: the SDK sends the
	// project ID of the path in a header, too.
	if ids := x.r.Header.Values("X-Project-Id"); len(ids) > 1 || len(ids) == 1 && ids[0] != path[1] {
		return nil, wrongProject
	}
	params, err := x.params()
	if err != nil {
		return nil, err
	}
	params.OptText("sequence", "", front.Size(sequenceSize, sequenceSize))
	answer, err := op.do(ctx, &call{x.keys, params, path[1], x.now})
	if err != nil {
		return nil, op.fault(err)
	}
	x.status = op.status
	return answer, nil
}

// params returns the parameters of the request.
func (x *exchange) params() (*front.Params, error) {
	if x.r.Method != http.MethodGet {
		return front.ParseJSON(x.body, true)
	}
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, front.ErrUnknownAction
	}
	flat := make(map[string]string, len(query))
	for name, values := range query {
		if len(values) > 1 {
			return nil, invalidParameter
		}
		flat[name] = values[0]
	}
	return front.FlatParams(flat), nil
}

// errorBody is what every error looks like (API page "Encrypting Data").
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"error_code"`
	Message string `json:"error_msg"`
}

// Write implements [front.Exchange].
func (x *exchange) Write(w http.ResponseWriter, answer any, err error) {
	// huaweicloud-sdk-go-v3 v0.1.207, core/sdkerr/errors.go: the only place where the
	// SDK looks for the request ID.
	w.Header().Set("X-Request-Id", x.id)
	if err != nil {
		f := front.Translate(err, translations, broken)
		front.RespondJSON(w, f.Status, contentType, errorBody{errorDetail{f.Code, f.Message}})
		return
	}
	if x.status == http.StatusNoContent {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(x.status)
		return
	}
	front.RespondJSON(w, max(x.status, http.StatusOK), contentType, answer)
}
