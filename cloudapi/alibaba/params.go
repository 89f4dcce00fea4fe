package alibaba

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/embedkms/kms/internal/front"
)

// parameters returns the parameters of the query and of a form. A name that comes twice
// might mean one thing to who signed it and another here.
func parameters(r *http.Request, body []byte) (map[string]string, error) {
	params := map[string]string{}
	if err := addParameters(params, r.URL.RawQuery); err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return params, nil
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, front.ErrBody
	}
	return params, addParameters(params, string(body))
}

func addParameters(params map[string]string, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return front.ErrBody // err quotes the query
	}
	for name, vs := range values {
		if _, twice := params[name]; twice || len(vs) > 1 {
			return front.ErrBody
		}
		params[name] = vs[0]
	}
	return nil
}

// A call is an operation that is being done.
type call struct {
	*front.Params
	api  *api
	keys *front.Keys // api.keys, or a DryRun view of them
	id   string      // of the request
}

// answer returns what all answers have.
func (c *call) answer() answer { return answer{c.id} }

// done is the answer of operations that have no other, unless err is not nil.
func (c *call) done(err error) (any, error) {
	if err != nil {
		return nil, err
	}
	a := c.answer()
	return &a, nil
}

// onKey does what takes a key and no more.
func (c *call) onKey(
	ctx context.Context, do func(ctx context.Context, key string) error,
) (any, error) {
	key := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c.done(do(ctx, key))
}
