package httpsig_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/httpsig"
)

// Examples of vendors' documents and test suites. Some are of other services.
var vectors = []struct {
	name    string
	parse   parser
	secret  string
	request string
}{
	{"Alibaba RPC, API page \"Signature\"", withParams(httpsig.AlibabaRPC), "testsecret",
		"GET /?Timestamp=2016-02-23T12%3A46%3A24Z&Format=XML&AccessKeyId=testid" +
			"&Action=DescribeRegions&SignatureMethod=HMAC-SHA1" +
			"&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&Version=2014-05-26" +
			"&SignatureVersion=1.0&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D\n" +
			"Host: ecs.aliyuncs.com\n\n"},
	{"ACS3, API page \"Request syntax and signature method V3\"", httpsig.ACS3,
		"YourAccessKeySecret",
		"POST /?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd" +
			"&RegionId=cn-shanghai\n" +
			"Host: ecs.cn-shanghai.aliyuncs.com\n" +
			"x-acs-action: RunInstances\n" +
			"x-acs-content-sha256: " + sha256OfNothing + "\n" +
			"x-acs-date: 2023-10-26T10:22:32Z\n" +
			"x-acs-signature-nonce: 3156853299f313e23d1673dc12e1703d\n" +
			"x-acs-version: 2014-05-26\n" +
			"Authorization: ACS3-HMAC-SHA256 Credential=YourAccessKeyId," +
			"SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;" +
			"x-acs-signature-nonce;x-acs-version,Signature=" +
			"06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0\n\n"},
	// Of two editions of the page; the newer one has asterisks for a secret.
	{"TC3, API page \"Signature v3\" of 2020", tc3Of("cvm"), "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
		tc3Example("content-type;host",
			"72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168")},
	{"TC3, API page \"Signature v3\", action signed", tc3Of("cvm"), strings.Repeat("*", 32),
		tc3Example("content-type;host;x-tc-action",
			"10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f")},
	{"TencentV1, API page \"Signature\"", withParams(httpsig.TencentV1),
		"Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
		"GET /?Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Limit=20&Nonce=11886" +
			"&Offset=0&Region=ap-guangzhou&SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE" +
			"&Timestamp=1465185768&Version=2017-03-12" +
			"&Signature=EliP9YW3pW28FpsEdkXt%2F%2BWcGeI%3D\n" +
			"Host: cvm.tencentcloudapi.com\n\n"},
	{"SigV4, documentation of IAM", sigV4Of("iam"), awsSecret,
		"GET /?Action=ListUsers&Version=2010-05-08\n" +
			"Host: iam.amazonaws.com\n" +
			"Content-Type: application/x-www-form-urlencoded; charset=utf-8\n" +
			"X-Amz-Date: 20150830T123600Z\n" +
			"Authorization: AWS4-HMAC-SHA256 " +
			"Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
			"SignedHeaders=content-type;host;x-amz-date, Signature=" +
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\n\n"},
	{"SigV4 test suite, get-vanilla", sigV4Of("service"), awsSecret, awsSuite("GET /", "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")},
	{"SigV4 test suite, post-vanilla", sigV4Of("service"), awsSecret, awsSuite("POST /", "",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")},
	{"SigV4 test suite, get-vanilla-query-order-key-case", sigV4Of("service"), awsSecret,
		awsSuite("GET /?Param2=value2&Param1=value1", "",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")},
	{"SigV4 test suite, get-header-value-trim", sigV4Of("service"), awsSecret,
		awsSuite("GET /", "My-Header1: value1 \nMy-Header2:  \"a   b   c\" \n",
			"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736")},
	{"SigV4 test suite, get-header-key-duplicate", sigV4Of("service"), awsSecret,
		awsSuite("GET /", "My-Header1: value2\nMy-Header1: value2\nMy-Header1: value1\n",
			"c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea")},
}

const (
	sha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	awsSecret       = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		r, body := read(t, httpText(v.request))
		p, err := v.parse(r, body)
		if err != nil || !p.Verify(v.secret) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

// httpText completes a request whose lines end as they are read best.
func httpText(s string) []byte {
	line, rest, _ := strings.Cut(s, "\n")
	head, body, _ := strings.Cut(rest, "\n\n")
	head = strings.ReplaceAll(line+" HTTP/1.1\n"+head, "\n", "\r\n")
	return []byte(head + "\r\n\r\n" + body)
}

func tc3Of(service string) parser {
	return func(r *http.Request, body []byte) (*httpsig.Proof, error) {
		return httpsig.TC3Of(r, body, service)
	}
}

func sigV4Of(service string) parser {
	return func(r *http.Request, body []byte) (*httpsig.Proof, error) {
		return httpsig.SigV4Of(r, body, service)
	}
}

func tc3Example(signedHeaders, signature string) string {
	return "POST /\n" +
		"Host: cvm.tencentcloudapi.com\n" +
		"Content-Type: application/json; charset=utf-8\n" +
		"Content-Length: 86\n" +
		"X-TC-Action: DescribeInstances\n" +
		"X-TC-Timestamp: 1551113065\n" +
		"Authorization: TC3-HMAC-SHA256 " +
		"Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, " +
		"SignedHeaders=" + signedHeaders + ", Signature=" + signature + "\n\n" +
		`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
}

// awsSuite writes a request of AWS's aws-sig-v4-test-suite.
func awsSuite(line, headers, signature string) string {
	names := "host;x-amz-date"
	for _, h := range []string{"my-header2", "my-header1"} {
		if strings.Contains(strings.ToLower(headers), h) {
			names = strings.Replace(names, "host;", "host;"+h+";", 1)
		}
	}
	return line + "\nHost: example.amazonaws.com\n" + headers +
		"X-Amz-Date: 20150830T123600Z\n" +
		"Authorization: AWS4-HMAC-SHA256 " +
		"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
		"SignedHeaders=" + names + ", Signature=" + signature + "\n\n"
}
