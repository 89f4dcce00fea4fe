// Package httpsig finds out who has signed an HTTP request, by the schemes of cloud vendors.
//
// A function per scheme reads the signature of a request without knowing any
// secret, and refuses what is not exactly as the scheme says. It returns a Proof,
// whose Verify compares in constant time. What a Proof does not say is left to the
// caller: whether its time is near, and whether its nonce is new.
//
// A request is authentic only in what its scheme signs:
//
//	scheme      method  host  path  query  body  headers
//	Huawei      yes     no    yes   yes    yes   those listed; x-sdk-date always
//	TC3         yes     yes   /     yes    yes   those listed; content-type always
//	TencentV1   yes     yes   yes   parameters   none
//	ACS3        yes     yes   /     yes    yes   those listed; x-acs-* of the protocol always
//	AlibabaRPC  yes     no    /     parameters   none
//	SigV4       yes     yes   /     yes    yes   those listed; x-amz-date, x-amz-target if there
//
// "/" is a path that the scheme takes for granted, so that others are refused here.
// Huawei signs a path as if it ended in "/". Content-Length is never signed as sent.
// TC3 leaves the action, X-TC-Action, unsigned unless the client lists it, which the
// vendor's SDK does not. Where a scheme leaves something out, only TLS protects it.
package httpsig

import (
	"crypto/fips140"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors of all schemes. Neither text ever holds what the request holds.
var (
	// ErrUnsigned: there is nothing that looks like a signature of the scheme.
	ErrUnsigned = errors.New("no signature")
	// ErrMalformed: there is a signature, and it cannot be understood.
	ErrMalformed = errors.New("malformed signature")
)

// malformed returns ErrMalformed with what is wrong.
func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// Limits of what a caller keeps or compares, ours and far above what vendors issue.
const (
	maxAccessKeyID = 128 // bytes
	maxNonce       = 128 // bytes
)

// minFIPSKey is the least HMAC key in FIPS 140-3 mode, in bytes (SP 800-131A).
const minFIPSKey = 112 / 8

// A Proof is what a request says of who has signed it, and what the signature must be.
type Proof struct {
	AccessKeyID string
	Time        time.Time // when it was signed, UTC
	Nonce       string    // "" in a scheme without one
	Scope       string    // region of the credential scope (SigV4 only), else ""

	claim *claim
}

// A claim is a signature and how to make it.
type claim struct {
	signature string                        // as in the request
	text      string                        // to sign
	sign      func(key, text string) []byte // HMAC
	encode    func([]byte) string
}

// Sign returns the signature that secret gives, in hex or base64 as the scheme writes
// it. It is empty if the secret is, or is too short for FIPS 140-3 mode where that is
// enforced.
func (p *Proof) Sign(secret string) string {
	if secret == "" || fips140.Enforced() && len(secret) < minFIPSKey {
		return ""
	}
	return p.claim.encode(p.claim.sign(secret, p.claim.text))
}

// Verify reports, in constant time, whether the request was signed with secret. With
// an empty one nothing is.
func (p *Proof) Verify(secret string) bool {
	want := p.Sign(secret)
	return want != "" && hmac.Equal([]byte(want), []byte(p.claim.signature))
}

// Format prints the access key ID only, whatever the verb: texts to sign hold plaintexts.
func (p Proof) Format(s fmt.State, _ rune) { io.WriteString(s, "proof of "+p.AccessKeyID) }

// newProof returns a Proof of a claim.
func newProof(accessKeyID string, at time.Time, nonce string, c *claim) (*Proof, error) {
	switch {
	case accessKeyID == "" || len(accessKeyID) > maxAccessKeyID:
		return nil, malformed("access key ID")
	case len(nonce) > maxNonce:
		return nil, malformed("nonce")
	}
	return &Proof{AccessKeyID: accessKeyID, Time: at, Nonce: nonce, claim: c}, nil
}
