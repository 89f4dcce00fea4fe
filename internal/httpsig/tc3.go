package httpsig

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// tc3Algorithm: tencentcloud-sdk-go common v1.3.103, client.go; API page "Signature v3".
const tc3Algorithm = "TC3-HMAC-SHA256"

// TC3 reads a signature of Tencent Cloud's TC3-HMAC-SHA256 for service kms, with body
// whole:
//
//	Authorization: TC3-HMAC-SHA256 Credential=<ID>/2006-01-02/kms/tc3_request,
//	    SignedHeaders=content-type;host, Signature=<hex>
//	X-TC-Timestamp: seconds since 1970
//
// The timestamp is signed outside the headers. X-TC-Action, X-TC-Version, X-TC-Region
// and X-TC-Token are signed only if the client lists them; the SDK does not. Where a
// client leaves the payload unsigned (X-TC-Content-SHA256: UNSIGNED-PAYLOAD), the
// signature does not verify.
func TC3(r *http.Request, body []byte) (*Proof, error) { return tc3(r, body, "kms") }

func tc3(r *http.Request, body []byte, service string) (*Proof, error) {
	a, err := parseAuthorization(r, tc3Algorithm, "Credential")
	if err != nil {
		return nil, err
	}
	if err := a.readHeaders(r, body, "content-type", "host"); err != nil {
		return nil, err
	}
	timestamp, err := one(r, "X-Tc-Timestamp")
	if err != nil {
		return nil, err
	}
	at, err := parseUnix(timestamp)
	if err != nil {
		return nil, err
	}
	scope, err := a.scope(4)
	if err != nil || !writes(at, dayDate, scope[1]) || scope[2] != service ||
		scope[3] != "tc3_request" {
		return nil, malformed("credential scope")
	}
	id, scope := scope[0], scope[1:]
	if err := tc3Target(r); err != nil {
		return nil, err
	}
	c := canonical{r.Method, "/", r.URL.RawQuery, a, tc3Value, body}
	return newProof(id, at, "", &claim{
		signature: a.signature,
		text: tc3Algorithm + "\n" + timestamp + "\n" + strings.Join(scope, "/") + "\n" +
			c.hash(),
		sign:   macDerived("TC3", scope...),
		encode: hex.EncodeToString,
	})
}

// tc3Target refuses what TC3 does not sign: a path, and a query of a POST. That of a
// GET is signed as it was sent, with "+" for a space where the SDK writes that.
func tc3Target(r *http.Request) error {
	if r.Method != http.MethodGet && (r.Method != http.MethodPost || r.URL.RawQuery != "") {
		return malformed("method or query")
	}
	return rootPath(r)
}

// tc3Value writes values in lower case, as the API page does. The SDK has lower-case
// values only, but for Host, which it signs as it is. That several values stand sorted
// with commas is a guess.
func tc3Value(name string, values []string) string {
	if name == "host" {
		return values[0]
	}
	return strings.ToLower(sortedValues(values, ","))
}
