package httpsig_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/embedkms/kms/internal/httpsig"
)

// Whatever a request is, each scheme answers with a Proof or with one of two errors,
// and a Proof verifies with those secrets only that make the request's signature.
func FuzzProof(f *testing.F) {
	for _, text := range dumps(f) {
		f.Add(text, secret)
		f.Add(text, "")
	}
	for _, v := range vectors {
		f.Add(httpText(v.request), v.secret)
	}
	f.Fuzz(func(t *testing.T, text []byte, secret string) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		for name, parse := range schemes {
			check(t, name, parse, r, body, secret)
		}
	})
}

func check(t *testing.T, name string, parse parser, r *http.Request, body []byte, secret string) {
	p, err := parse(r, body)
	if err != nil {
		if p != nil || !errors.Is(err, httpsig.ErrMalformed) && !errors.Is(err, httpsig.ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	made := p.Sign(secret)
	if p.Verify(secret) != (made == p.Signature()) || (made == "") != (secret == "") {
		t.Errorf("%s: verifies: %t, signature %q for %q", name, p.Verify(secret), p.Signature(), made)
	}
	if len(p.Signature()) != len(p.Forge(secret)) {
		t.Errorf("%s: a signature of %d bytes", name, len(p.Signature()))
	}
	if p.AccessKeyID == "" || p.Time.Unix() != 0 && p.Time.IsZero() || len(p.Nonce) > 128 {
		t.Errorf("%s: %+v", name, p)
	}
	again, err := parse(r, body)
	if err != nil || again.Sign("x") != p.Sign("x") {
		t.Errorf("%s: parsing has changed the request: %v", name, err)
	}
}
