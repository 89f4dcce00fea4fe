package httpsig

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// TencentV1 reads a signature of Tencent Cloud's HmacSHA1 and HmacSHA256, which stands
// among the parameters: tencentcloud-sdk-go common v1.3.103, sign.go. params are all
// parameters of the query of a GET or the form of a POST, decoded, Signature included,
// and each there once.
//
// The text to sign joins names and values unescaped, "A=1&B=2", so that a parameter
// could be hidden in the value of another on the way, or made from it. To make the text
// of one request that of no other, names must be as the API has them, and values must
// not hold what begins a parameter. That is this package's rule, not the vendor's;
// clients with such values use TC3.
func TencentV1(r *http.Request, params map[string]string) (*Proof, error) {
	signature := params["Signature"]
	if signature == "" {
		return nil, ErrUnsigned
	}
	sign, size, err := tencentMethod(params)
	if err != nil {
		return nil, err
	}
	if len(signature) != size {
		return nil, malformed("length")
	}
	at, err := parseUnix(params["Timestamp"])
	if err != nil {
		return nil, err
	}
	nonce := params["Nonce"]
	if nonce == "" || strings.Trim(nonce, "0123456789") != "" {
		return nil, malformed("nonce")
	}
	text, err := tencentText(r, params)
	if err != nil {
		return nil, err
	}
	return newProof(params["SecretId"], at, nonce, &claim{
		signature: signature,
		text:      text,
		sign:      sign,
		encode:    base64.StdEncoding.EncodeToString,
	})
}

// tencentMethod returns the HMAC of SignatureMethod and the size of its signatures.
// HmacSHA1 is the default (API page "Signature").
func tencentMethod(params map[string]string) (func(secret, text string) []byte, int, error) {
	method, named := params["SignatureMethod"]
	switch {
	case method == "HmacSHA256":
		return macSHA256, base64SHA256, nil
	case (method == "HmacSHA1" || !named) && sha1Allowed():
		return macSHA1, base64SHA1, nil
	}
	return nil, 0, malformed("algorithm")
}

// tencentText returns the text to sign: GET<host>/?<sorted parameters>.
func tencentText(r *http.Request, params map[string]string) (string, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return "", malformed("method")
	}
	b := make([]byte, 0, 1<<10)
	b = append(append(append(b, r.Method...), r.Host...), r.URL.EscapedPath()...)
	separator := byte('?')
	for _, name := range sortedKeys(params) {
		if name == "Signature" {
			continue
		}
		value := params[name]
		if parameterName(name) != len(name) || name == "" || holdsParameter(value) {
			return "", malformed("ambiguous parameter")
		}
		b = append(append(append(append(b, separator), name...), '='), value...)
		separator = '&'
	}
	return string(b), nil
}

// holdsParameter reports whether value holds "&", a name and "=".
func holdsParameter(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "&")
		if !found {
			return false
		}
		if n := parameterName(rest); n > 0 && strings.HasPrefix(rest[n:], "=") {
			return true
		}
		value = rest
	}
}

// parameterName returns the length of the name that s begins with, such as
// Tags.0.TagKey. All names of the API begin with a capital.
func parameterName(s string) int {
	n := 0
	for n < len(s) && (s[n] == '.' || unreserved(s[n])) {
		n++
	}
	if n > 0 && (s[0] < 'A' || s[0] > 'Z') {
		return 0
	}
	return n
}
