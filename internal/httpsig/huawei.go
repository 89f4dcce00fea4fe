package httpsig

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// huaweiAlgorithm: huaweicloud-sdk-go-v3 v0.1.207, core/auth/signer/signer.go.
const huaweiAlgorithm = "SDK-HMAC-SHA256"

// Huawei reads a signature of Huawei Cloud's SDK-HMAC-SHA256, with body whole:
//
//	Authorization: SDK-HMAC-SHA256 Access=<ID>, SignedHeaders=..., Signature=<hex>
//	X-Sdk-Date: 20060102T150405Z
//
// The SDK signs neither Host nor Content-Type. The payload must be signed: where
// X-Sdk-Content-Sha256 is UNSIGNED-PAYLOAD, which the SDK sends with other content than
// JSON, the signature does not verify.
func Huawei(r *http.Request, body []byte) (*Proof, error) {
	a, err := parseAuthorization(r, huaweiAlgorithm, "Access")
	if err != nil {
		return nil, err
	}
	if err := a.readHeaders(r, body, "x-sdk-date"); err != nil {
		return nil, err
	}
	date := r.Header.Get("X-Sdk-Date")
	at, err := parseDate(basicDate, date)
	if err != nil {
		return nil, err
	}
	path, err := huaweiPath(r)
	if err != nil {
		return nil, err
	}
	query, err := canonicalQuery(r)
	if err != nil {
		return nil, err
	}
	c := canonical{r.Method, path, query, a, huaweiValue, body}
	return newProof(a.credential, at, "", &claim{
		signature: a.signature,
		text:      huaweiAlgorithm + "\n" + date + "\n" + c.hash(),
		sign:      macSHA256,
		encode:    hex.EncodeToString,
	})
}

// huaweiPath returns the canonical path of r, which always ends in "/".
func huaweiPath(r *http.Request) (string, error) {
	path, err := canonicalPath(r)
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path, err
}

// huaweiValue writes a line for each value of a header.
func huaweiValue(name string, values []string) string {
	return sortedValues(values, "\n"+name+":")
}
