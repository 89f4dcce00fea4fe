package httpsig_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/httpsig"
)

// An edit replaces a regular expression in a dumped request.
type edit struct{ old, new string }

// Edits of requests with an Authorization header, after which nothing looks signed.
var withoutSignature = []edit{
	{"Authorization: ", "X-Authorization: "},
	{"Authorization: .*", "Authorization: Basic QUtJREVYQU1QTEU6"},
	{"Authorization: .*", "Authorization: "},
	{"Authorization: .*", "Authorization: Bearer Signature=x"},
}

// Edits of requests with an Authorization header, which no scheme can read.
var badAuthorization = []edit{
	{"-HMAC-SHA256 ", "-HMAC-SHA1 "},
	{"-HMAC-SHA256 ", "-HMAC-SHA256"},
	{"-HMAC-SHA256 ", "-HMAC-SHA256-PAYLOAD "},
	{"-HMAC-SHA256 .*", "-HMAC-SHA256"},
	{"-HMAC-SHA256 .*", "-HMAC-SHA256 ,,,"},
	{"Authorization: (.*)", "Authorization: $1\nAuthorization: $1"},
	{"Authorization: (.*)", "Authorization: Basic eA==\nAuthorization: $1"},
	{"(Access|Credential)=", "Identity="},
	{"(Access|Credential)=[^,]*, ?", ""},
	{"(Access|Credential)=[^,]*", "$1="},
	{"((?:Access|Credential)=[^,]*)", "$1, $1"},
	{"AKIDEXAMPLE", strings.Repeat("A", 129)},
	{"SignedHeaders=[^,]*, ?", ""},
	{"SignedHeaders=[^,]*", "SignedHeaders="},
	{"SignedHeaders=", "SignedHeaders=;"},
	{"SignedHeaders=", "SignedHeaders=zz;"},
	{"SignedHeaders=", "SignedHeaders=Host;"},
	{"SignedHeaders=", "SignedHeaders=a-header;"},
	{"SignedHeaders=([^;,]*);", "SignedHeaders=$1;$1;"},
	{"SignedHeaders=([^;,]*);([^;,]*)", "SignedHeaders=$2;$1"},
	{"Signature=", "SignedHeaders=x, Signature="},
	{"Signature=", "Signature=" + strings.Repeat("0", 64) + ", Signature="},
	{"Signature=", "Signature=, Signature="},
	{"Signature=", "Other=x, Signature="},
	{"Signature=", "Signature=0"},
	{"Signature=.", "Signature="},
	{"Signature=[0-9a-f]*", "Signature="},
	{", ?Signature=[0-9a-f]*", ""},
	{", ?Signature=", strings.Repeat(" ", 8<<10) + ", Signature="},
}

// Edits of a scheme's requests that only it refuses.
var badRequests = map[string][]edit{
	"huawei-post": {
		{"X-Sdk-Date: (.*)Z", "X-Sdk-Date: ${1}.5Z"},
		{"X-Sdk-Date: (.*)", "X-Sdk-Date: $1\nX-Sdk-Date: $1"},
		{"X-Sdk-Date: (....)(..)", "X-Sdk-Date: $1-$2"},
		{"X-Sdk-Date: ....", "X-Sdk-Date: "},
		{"X-Sdk-Date: .*", "X-Sdk-Date: "},
		{"X-Sdk-Date: .*\n", ""},
		{";x-sdk-date", ""},
		{";x-sdk-date", ";X-sdk-date"},
		{"=user-agent", "=User-agent"},
		{"encrypt-data ", "encrypt-data?a=%zz "},
		{"encrypt-data ", "encrypt-data?a;b "},
	},
	"tencent-tc3-post": {
		{"X-Tc-Timestamp: ", "X-Tc-Timestamp: 0"},
		{"X-Tc-Timestamp: ", "X-Tc-Timestamp: +"},
		{"X-Tc-Timestamp: ", "X-Tc-Timestamp: -"},
		{"X-Tc-Timestamp: .*", "X-Tc-Timestamp: "},
		{"X-Tc-Timestamp: .*", "X-Tc-Timestamp: 9223372036854775807"},
		{"X-Tc-Timestamp: .*", "X-Tc-Timestamp: 9223372036854775808"},
		{"X-Tc-Timestamp: .*\n", ""},
		{"X-Tc-Timestamp: (.*)", "X-Tc-Timestamp: $1\nX-Tc-Timestamp: $1"},
		{"/2026-11-21/", "/2026-11-22/"},
		{"/2026-11-21/", "/20261121/"},
		{"/kms/", "/cvm/"},
		{"/kms/", "/KMS/"},
		{"/tc3_request", "/aws4_request"},
		{"/tc3_request", ""},
		{"/tc3_request", "/tc3_request/"},
		{"AKIDEXAMPLE/", "AKID/EXAMPLE/"},
		{"AKIDEXAMPLE/", "/"},
		{"content-type;host", "host"},
		{"content-type;host", "content-type"},
		{"Content-Type: (.*)", "Content-Type: $1\nContent-Type: $1"},
		{"POST / ", "POST /?Action=Decrypt "},
		{"POST / ", "POST /x "},
		{"POST / ", "PUT / "},
	},
	"alibaba-acs3": {
		{"host;", ""},
		{"x-acs-action;", ""},
		{"x-acs-content-sha256;", ""},
		{"x-acs-date;", ""},
		{"x-acs-signature-nonce;", ""},
		{";x-acs-version", ""},
		{"X-Acs-Action: (.*)", "X-Acs-Action: $1\nX-Acs-Action: Decrypt"},
		{"X-Acs-Content-Sha256: e", "X-Acs-Content-Sha256: E"},
		{"X-Acs-Content-Sha256: .*", "X-Acs-Content-Sha256: UNSIGNED-PAYLOAD"},
		{`\z`, "x"},
		{"X-Acs-Date: (.*)T", "X-Acs-Date: $1 "},
		{"X-Acs-Date: (.*)Z", "X-Acs-Date: ${1}+08:00"},
		{"X-Acs-Date: (.*)Z", "X-Acs-Date: ${1}.5Z"},
		{"X-Acs-Signature-Nonce: .*", "X-Acs-Signature-Nonce: "},
		{"X-Acs-Signature-Nonce: ", "X-Acs-Signature-Nonce: " + strings.Repeat("1", 128)},
		{"POST /\\?", "POST /x?"},
		{"POST /\\?", "POST //?"},
		{"POST /\\?", "POST /?%zz&"},
	},
	"aws-encrypt": {
		{";host", ""},
		{";x-amz-date", ""},
		{";x-amz-target", ""},
		{"X-Amz-Date: (.*)Z", "X-Amz-Date: ${1}.5Z"},
		{"X-Amz-Date: .*T", "X-Amz-Date: 20261122T"},
		{"X-Amz-Date: .*", "X-Amz-Date: Sat, 21 Nov 2026 16:12:53 GMT"},
		{"X-Amz-Date: (.*)", "X-Amz-Date: $1\nX-Amz-Date: $1"},
		{"X-Amz-Target: (.*)", "X-Amz-Target: $1\nX-Amz-Target: TrentService.Decrypt"},
		{"/20261121/", "/2026-11-21/"},
		{"/us-east-1/", "//"},
		{"/us-east-1/", "/"},
		{"/kms/", "/sts/"},
		{"/aws4_request", "/tc3_request"},
		{"POST / ", "POST /x "},
		{"POST / ", "POST /?%zz "},
	},
	"tencent-v1-get-sha1": {
		{"&Signature=[^&]*", "&Signature=x"},
		{"&SignatureMethod=HmacSHA1", "&SignatureMethod="},
		{"&SignatureMethod=HmacSHA1", "&SignatureMethod=HmacSHA256"},
		{"&SignatureMethod=HmacSHA1", "&SignatureMethod=TC3-HMAC-SHA256"},
		{"&Timestamp=", "&Timestamp=0"},
		{"&Timestamp=", "&Timestamp=-"},
		{"&Timestamp=[^&]*", "&Timestamp=253402300800"},
		{"&Timestamp=[^&]*", ""},
		{"&Nonce=[^&]*", ""},
		{"&Nonce=", "&Nonce=x"},
		{"&Nonce=", "&Nonce=" + strings.Repeat("1", 128)},
		{"&SecretId=[^&]*", ""},
		{"&SecretId=", "&SecretId=" + strings.Repeat("A", 128)},
		{"&Region=", "&Region=x%26NumberOfBytes%3D64"},
		{"&Region=", "&Region=%26%26a%3D%26Tags.0.TagKey%3D"},
		{"&Region=", "&region="},
		{"&Region=", "&Re%26gion="},
		{"&Region=", "&="},
		{"GET /", "PUT /"},
	},
	"tencent-v1-post-sha256": {
		{"SignatureMethod=HmacSHA256", "SignatureMethod=HmacSHA1__"},
	},
	"alibaba-rpc-post": {
		{"&Signature=[^&]*", "&Signature=x"},
		{"&SignatureMethod=[^&]*", ""},
		{"&SignatureMethod=[^&]*", "&SignatureMethod=HMAC-SHA256"},
		{"&SignatureVersion=1.0", ""},
		{"&SignatureVersion=1.0", "&SignatureVersion=2.0"},
		{"&SignatureType=", "&SignatureType=BEARERTOKEN"},
		{"&SignatureNonce=[^&]*", ""},
		{"&SignatureNonce=", "&SignatureNonce=" + strings.Repeat("1", 128)},
		{"&Timestamp=[^&]*", ""},
		{"&Timestamp=[^&]*", "&Timestamp=1465185768"},
		{"AccessKeyId=[^&]*", ""},
		{"POST /", "POST /x/"},
	},
}

func TestMalformed(t *testing.T) {
	texts := dumps(t)
	for file, edits := range badRequests {
		if !strings.Contains(string(texts[file]), "Authorization: ") {
			refuse(t, texts, file, edit{"([?&\n])Signature=", "${1}Sign="}, httpsig.ErrUnsigned)
		} else {
			edits = append(edits, badAuthorization...)
			for _, e := range withoutSignature {
				refuse(t, texts, file, e, httpsig.ErrUnsigned)
			}
		}
		for _, e := range edits {
			refuse(t, texts, file, e, httpsig.ErrMalformed)
		}
	}
}

// 64 headers may be signed.
func TestMaxSignedHeaders(t *testing.T) {
	const old = "Authorization: SDK-HMAC-SHA256 Access=AKIDEXAMPLE, SignedHeaders="
	headers, names := "", ""
	for i := range 62 {
		if i == 61 { // with the three that the SDK signs
			prove(t, "huawei-post", old, headers+old+names)
		}
		headers += fmt.Sprintf("A-%02d: x\n", i)
		names += fmt.Sprintf("a-%02d;", i)
	}
	refuse(t, dumps(t), "huawei-post", edit{old, headers + old + names}, httpsig.ErrMalformed)
}

// refuse wants an error, which quotes nothing, of a request after an edit.
func refuse(t *testing.T, texts map[string][]byte, file string, e edit, want error) {
	t.Helper()
	text := texts[file]
	at := regexp.MustCompile(e.old)
	if !at.Match(text) {
		t.Fatalf("%s: nothing to replace by %q", file, e.new)
	}
	r, body := read(t, withLength(at.ReplaceAll(text, []byte(e.new))))
	p, err := schemes[schemeOf(t, file)](r, body)
	if p != nil || !errors.Is(err, want) {
		t.Errorf("%s: %.60q for %q: %v", file, e.new, e.old, err)
	} else if text := err.Error(); len(text) > 80 || strings.Contains(text, keyID) {
		t.Errorf("%s: %q", file, text)
	}
}
