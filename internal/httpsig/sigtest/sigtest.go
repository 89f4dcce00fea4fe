// Package sigtest signs requests for tests.
package sigtest

import (
	"net/http"
	"strings"

	"github.com/embedkms/kms/internal/httpsig"
)

// Authorize signs a request that has all else that its scheme wants: begin is the
// Authorization header up to the signature, which is HMAC-SHA256 in hex. It fails
// where the scheme refuses the request.
func Authorize(
	r *http.Request, body []byte, begin, secret string,
	scheme func(*http.Request, []byte) (*httpsig.Proof, error),
) error {
	r.Header.Set("Authorization", begin+strings.Repeat("0", 64))
	p, err := scheme(r, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", begin+p.Sign(secret))
	return nil
}
