package httpsig

import (
	"encoding/hex"
	"net/http"
)

// acs3Algorithm: alibabacloud-go openapi-util v0.1.0, service.go; API page "Request
// syntax and signature method V3".
const acs3Algorithm = "ACS3-HMAC-SHA256"

// ACS3 reads a signature of Alibaba Cloud's ACS3-HMAC-SHA256, with body whole:
//
//	Authorization: ACS3-HMAC-SHA256 Credential=<ID>,SignedHeaders=...,Signature=<hex>
//	x-acs-date: 2006-01-02T15:04:05Z
//	x-acs-content-sha256: <hex of the body's SHA-256>
//	x-acs-signature-nonce: ...
//
// The SDK signs host, content-type and all x-acs-* headers.
func ACS3(r *http.Request, body []byte) (*Proof, error) {
	a, err := parseAuthorization(r, acs3Algorithm, "Credential")
	if err != nil {
		return nil, err
	}
	if err := a.readHeaders(r, body, "host", "x-acs-action", "x-acs-content-sha256", "x-acs-date",
		"x-acs-signature-nonce", "x-acs-version"); err != nil {
		return nil, err
	}
	nonce, err := one(r, "X-Acs-Signature-Nonce")
	if err != nil {
		return nil, err
	}
	at, err := parseDate(extendedDate, r.Header.Get("X-Acs-Date"))
	if err != nil {
		return nil, err
	}
	if r.Header.Get("X-Acs-Content-Sha256") != hexHash(body) {
		return nil, malformed("x-acs-content-sha256 is not of the body")
	}
	query, err := rootQuery(r)
	if err != nil {
		return nil, err
	}
	c := canonical{r.Method, "/", query, a, acs3Value, body}
	return newProof(a.credential, at, nonce, &claim{
		signature: a.signature,
		text:      acs3Algorithm + "\n" + c.hash(),
		sign:      macSHA256,
		encode:    hex.EncodeToString,
	})
}

func acs3Value(_ string, values []string) string { return sortedValues(values, ",") }
