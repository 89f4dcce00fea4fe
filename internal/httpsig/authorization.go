package httpsig

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is parsed before anyone is known.
const (
	maxAuthorization = 8 << 10 // bytes
	maxSignedHeaders = 64
)

// An authorization is an Authorization header:
//
//	<algorithm> <credential's name>=..., SignedHeaders=..., Signature=...
type authorization struct {
	credential    string
	signedHeaders string
	signature     string
	headers       []header // of signedHeaders
}

// A header is one that is signed, with its values in the request.
type header struct {
	name   string // lower-case
	values []string
}

// parseAuthorization reads the Authorization header of r. One of another family of
// schemes, such as AWS4-, is ErrUnsigned.
func parseAuthorization(r *http.Request, algorithm, credential string) (*authorization, error) {
	values := r.Header["Authorization"]
	family := algorithm[:strings.IndexByte(algorithm, '-')+1]
	if !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, family) }) {
		return nil, ErrUnsigned
	}
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return nil, malformed("Authorization header")
	}
	named, list, _ := strings.Cut(values[0], " ")
	if named != algorithm {
		return nil, malformed("algorithm")
	}
	return parseParts(list, credential)
}

// parseParts reads the list of an Authorization header, each part once and no others.
func parseParts(list, credential string) (*authorization, error) {
	a := &authorization{}
	for part := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.Trim(part, " "), "=")
		var to *string
		switch name {
		case credential:
			to = &a.credential
		case "SignedHeaders":
			to = &a.signedHeaders
		case "Signature":
			to = &a.signature
		default:
			return nil, malformed("part of the Authorization header")
		}
		if *to != "" || value == "" {
			return nil, malformed("part of the Authorization header")
		}
		*to = value
	}
	// All schemes with this header write HMAC-SHA256 in hex. Who reads the other parts
	// refuses them if they are missing.
	if len(a.signature) != hexSHA256 {
		return nil, malformed("part of the Authorization header")
	}
	return a, nil
}

// scope returns the parts of a credential <access key ID>/<part>/..., n in all.
func (a *authorization) scope(n int) ([]string, error) {
	parts := strings.Split(a.credential, "/")
	if len(parts) != n || slices.Contains(parts, "") {
		return nil, malformed("credential scope")
	}
	return parts, nil
}

// readHeaders finds the signed headers, which must be in r, sorted, lower-case and
// each once. Each of must is among them and has one value.
func (a *authorization) readHeaders(r *http.Request, body []byte, must ...string) error {
	n := strings.Count(a.signedHeaders, ";") + 1
	if n > maxSignedHeaders {
		return malformed("too many signed headers")
	}
	a.headers = make([]header, 0, n)
	last := ""
	for name := range strings.SplitSeq(a.signedHeaders, ";") {
		values := valuesOf(r, body, name)
		if name <= last {
			return malformed("order of the signed headers")
		}
		if strings.ToLower(name) != name || len(values) == 0 {
			return malformed("signed header that is not there")
		}
		a.headers = append(a.headers, header{name, values})
		last = name
	}
	for _, name := range must {
		i := slices.IndexFunc(a.headers, func(h header) bool { return h.name == name })
		if i < 0 || len(a.headers[i].values) != 1 {
			return malformed(name + " is not signed, or not there once")
		}
	}
	return nil
}

// valuesOf returns the values of a header. net/http moves host to r.Host. The
// content-length is of what was read, whatever a relay has made of the header.
func valuesOf(r *http.Request, body []byte, name string) []string {
	switch {
	case name == "content-length":
		return []string{strconv.Itoa(len(body))}
	case name != "host":
		return r.Header.Values(name)
	case r.Host == "":
		return nil
	}
	return []string{r.Host}
}

// one returns the value of a header that r has once.
func one(r *http.Request, name string) (string, error) {
	values := r.Header[name]
	if len(values) != 1 || values[0] == "" {
		return "", malformed(name + " header")
	}
	return values[0], nil
}
