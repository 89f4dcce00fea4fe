package httpsig

import (
	"encoding/base64"
	"net/http"
)

// AlibabaRPC reads a signature of Alibaba Cloud's RPC style, version 1.0, which stands
// among the parameters: alibaba-cloud-sdk-go v1.63.107, rpc_signature_composer.go.
// params are all parameters of the query and the form, decoded, Signature included,
// and each there once.
//
// HMAC-SHA1 is all that it has. Host is not signed. That a SignatureType other than the
// SDK's empty one means another kind of key is a guess; it is refused.
func AlibabaRPC(r *http.Request, params map[string]string) (*Proof, error) {
	signature := params["Signature"]
	if signature == "" {
		return nil, ErrUnsigned
	}
	if params["SignatureMethod"] != "HMAC-SHA1" || params["SignatureVersion"] != "1.0" ||
		params["SignatureType"] != "" || !sha1Allowed() {
		return nil, malformed("algorithm")
	}
	if len(signature) != base64SHA1 {
		return nil, malformed("length")
	}
	at, err := parseDate(extendedDate, params["Timestamp"])
	if err != nil {
		return nil, err
	}
	if params["SignatureNonce"] == "" {
		return nil, malformed("nonce")
	}
	if err := rootPath(r); err != nil {
		return nil, err
	}
	return newProof(params["AccessKeyId"], at, params["SignatureNonce"], &claim{
		signature: signature,
		text:      alibabaText(r.Method, params),
		sign:      alibabaMAC,
		encode:    base64.StdEncoding.EncodeToString,
	})
}

// alibabaText returns the text to sign: <method>&%2F&<escaped canonical query>.
func alibabaText(method string, params map[string]string) string {
	query := make([]byte, 0, 1<<10)
	for _, name := range sortedKeys(params) {
		if name != "Signature" {
			query = appendParameter(query, name, params[name])
		}
	}
	b := make([]byte, 0, len(query)*3/2)
	b = append(append(b, method...), "&%2F&"...)
	return string(appendEscaped(b, string(query)))
}

// alibabaMAC signs with the secret and "&".
func alibabaMAC(secret, text string) []byte { return macSHA1(secret+"&", text) }
