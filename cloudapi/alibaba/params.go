package alibaba

import (
	"context"
	"net/http"
	"strings"

	"github.com/embedkms/kms/internal/front"
)

// parameters returns the parameters of the query and of a form.
func parameters(r *http.Request, body []byte) (map[string]string, error) {
	if len(body) == 0 {
		return front.ParseForm(r.URL.RawQuery)
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, front.ErrBody
	}
	return front.ParseForm(r.URL.RawQuery, string(body))
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
