package httpsig

import (
	"net/http"
	"slices"
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
	// All schemes with this header write HMAC-SHA256 in hex.
	if a.credential == "" || a.signedHeaders == "" || len(a.signature) != hexSHA256 {
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

// headers returns the signed headers of r, which must be in r, sorted, lower-case and
// each once. Each of must is among them and has one value in r.
func (a *authorization) headers(r *http.Request, must ...string) ([]string, error) {
	if strings.Count(a.signedHeaders, ";") >= maxSignedHeaders {
		return nil, malformed("too many signed headers")
	}
	names := strings.Split(a.signedHeaders, ";")
	for i, name := range names {
		if i > 0 && names[i-1] >= name {
			return nil, malformed("order of the signed headers")
		}
		if strings.ToLower(name) != name || !present(r, name) {
			return nil, malformed("signed header that is not there")
		}
	}
	for _, name := range must {
		if _, found := slices.BinarySearch(names, name); !found {
			return nil, malformed(name + " is not signed")
		}
		if name != "host" && len(r.Header.Values(name)) != 1 {
			return nil, malformed(name + " header")
		}
	}
	return names, nil
}

// present reports whether r has a header. net/http moves host to r.Host.
func present(r *http.Request, name string) bool {
	switch name {
	case "host":
		return r.Host != ""
	case "content-length":
		return true // that of the body
	}
	return len(r.Header.Values(name)) > 0
}

// one returns the value of a header that r has once.
func one(r *http.Request, name string) (string, error) {
	values := r.Header[name]
	if len(values) != 1 || values[0] == "" {
		return "", malformed(name + " header")
	}
	return values[0], nil
}
