package httpsig

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// sigV4Algorithm: aws-sdk-go-v2 v1.47.7, aws/signer/v4; API page "Create a signed AWS
// API request".
const sigV4Algorithm = "AWS4-HMAC-SHA256"

// SigV4 reads a signature of AWS Signature Version 4 for service kms in the headers,
// with body whole:
//
//	Authorization: AWS4-HMAC-SHA256 Credential=<ID>/20060102/<region>/kms/aws4_request,
//	    SignedHeaders=host;x-amz-date;x-amz-target, Signature=<hex>
//	X-Amz-Date: 20060102T150405Z
//
// The SDK leaves Authorization, Expect, Transfer-Encoding, User-Agent and
// X-Amzn-Trace-Id unsigned. A presigned URL is ErrUnsigned: KMS takes none.
func SigV4(r *http.Request, body []byte) (*Proof, error) { return sigV4(r, body, "kms") }

func sigV4(r *http.Request, body []byte, service string) (*Proof, error) {
	a, err := parseAuthorization(r, sigV4Algorithm, "Credential")
	if err != nil {
		return nil, err
	}
	if err := a.readHeaders(r, body, sigV4Headers(r)...); err != nil {
		return nil, err
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := parseDate(basicDate, date)
	if err != nil {
		return nil, err
	}
	scope, err := a.scope(5)
	if err != nil || scope[1] != date[:8] || scope[3] != service || scope[4] != "aws4_request" {
		return nil, malformed("credential scope")
	}
	id, scope := scope[0], scope[1:]
	query, err := rootQuery(r)
	if err != nil {
		return nil, err
	}
	c := canonical{r.Method, "/", query, a, sigV4Value, body}
	p, err := newProof(id, at, "", &claim{
		signature: a.signature,
		text: sigV4Algorithm + "\n" + date + "\n" + strings.Join(scope, "/") + "\n" +
			c.hash(),
		sign:   macDerived("AWS4", scope...),
		encode: hex.EncodeToString,
	})
	if err == nil {
		p.Scope = scope[1]
	}
	return p, err
}

// sigV4Headers returns the headers that r must sign. The target is the operation.
func sigV4Headers(r *http.Request) []string {
	must := []string{"host", "x-amz-date"}
	if len(r.Header["X-Amz-Target"]) > 0 {
		must = append(must, "x-amz-target")
	}
	return must
}

// sigV4Value writes values in their order, with single spaces.
func sigV4Value(_ string, values []string) string {
	if len(values) == 1 {
		return single(values[0])
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = single(v)
	}
	return strings.Join(out, ",")
}

// single returns s with single spaces, none around it.
func single(s string) string {
	s = strings.TrimSpace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}
