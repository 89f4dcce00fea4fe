package httpsig

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A canonical is a request as a scheme writes it to be hashed:
//
//	method \n path \n query \n name:value \n ... \n \n signed headers \n hash of the body
//
// The schemes differ in how they write path, query and the values of headers.
type canonical struct {
	method string
	path   string
	query  string
	auth   *authorization
	value  func(name string, values []string) string // of a header, as it is signed
	body   []byte
}

// hash returns the SHA-256 of the canonical request in hex.
func (c *canonical) hash() string {
	b := make([]byte, 0, 1<<10)
	for _, line := range []string{c.method, c.path, c.query} {
		b = append(append(b, line...), '\n')
	}
	for _, h := range c.auth.headers {
		b = append(append(b, h.name...), ':')
		b = append(append(b, c.value(h.name, h.values)...), '\n')
	}
	b = append(append(append(b, '\n'), c.auth.signedHeaders...), '\n')
	body := sha256.Sum256(c.body)
	return hexHash(hex.AppendEncode(b, body[:]))
}

// sortedValues returns values without blanks around them, in order.
func sortedValues(values []string, separator string) string {
	if len(values) == 1 {
		return strings.TrimSpace(values[0])
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	slices.Sort(trimmed)
	return strings.Join(trimmed, separator)
}

// rootPath refuses a path other than "/", for schemes that take it for granted.
func rootPath(r *http.Request) error {
	if path := r.URL.EscapedPath(); path != "/" && path != "" {
		return malformed("path")
	}
	return nil
}

// rootQuery returns the canonical query of r, whose path is "/".
func rootQuery(r *http.Request) (string, error) {
	if err := rootPath(r); err != nil {
		return "", err
	}
	return canonicalQuery(r)
}

// canonicalPath returns the path of r with each segment in one escaped form. "%2F"
// stays apart from "/": otherwise one could be made the other on the way.
func canonicalPath(r *http.Request) (string, error) {
	path := r.URL.EscapedPath()
	b := make([]byte, 0, 2*len(path))
	for i, segment := range strings.Split(path, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return "", malformed("path")
		}
		if i > 0 {
			b = append(b, '/')
		}
		b = appendEscaped(b, plain)
	}
	return string(b), nil
}

// canonicalQuery returns the query of r, sorted by names and then by values.
func canonicalQuery(r *http.Request) (string, error) {
	if r.URL.RawQuery == "" {
		return "", nil
	}
	// The error is not wrapped: it quotes the query.
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", malformed("query")
	}
	b := make([]byte, 0, len(r.URL.RawQuery)+len(r.URL.RawQuery)/4)
	for _, name := range sortedKeys(query) {
		slices.Sort(query[name])
		for _, value := range query[name] {
			b = appendParameter(b, name, value)
		}
	}
	return string(b), nil
}

// appendParameter appends a parameter of a canonical query.
func appendParameter(b []byte, name, value string) []byte {
	if len(b) > 0 {
		b = append(b, '&')
	}
	return appendEscaped(append(appendEscaped(b, name), '='), value)
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
