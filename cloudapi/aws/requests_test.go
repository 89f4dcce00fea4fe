package aws_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/aws"
)

type object = map[string]any

// A request is a good one to do an operation, what may be wrong with each of its
// parameters, and the answer.
type request struct {
	params  func(t *testing.T, s *server) object
	bad     map[string][]wrong // by parameter
	answer  string             // names and kinds of what is in it; "" if it is empty
	changes bool               // it cannot be made twice
}

// A wrong is a value that a parameter must not have.
type wrong struct {
	value any // or absent
	code  string
}

type absentType struct{}

var absent absentType

const (
	validation    = "ValidationException"
	serialization = "SerializationException"
	notFound      = "NotFoundException"
	invalidARN    = "InvalidArnException"
	unsupported   = "UnsupportedOperationException"
	usage         = "InvalidKeyUsageException"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func missing(rest ...[]wrong) []wrong {
	out := []wrong{{absent, validation}, {nil, validation}}
	for _, r := range rest {
		out = append(out, r...)
	}
	return out
}

// keyWrongs are of a parameter that names a key, where a malformed ARN is a code.
func keyWrongs(arnCode string, aliases bool) []wrong {
	w := []wrong{
		{"", validation}, {strings.Repeat("a", 2049), validation}, {1, serialization}, {object{}, serialization},
		{"no such key", notFound}, {nowhere, notFound}, {"alias/no/such", notFound}, {"alias/?", notFound},
		{arnPrefix + "key/" + nowhere, notFound}, {arnPrefix + "alias/no/such", notFound},
		{"arn:aws:kms:us-east-1:000000000000:key/" + nowhere, notFound},
		{"arn:aws-cn:kms:eu-west-1:000000000000:key/" + nowhere, notFound},
		{"arn:aws:kms:eu-west-1:111122223333:key/" + nowhere, notFound},
		{"arn:aws:kms:eu-west-1", arnCode}, {"arn:aws:s3:eu-west-1:000000000000:key/" + nowhere, arnCode},
		{arnPrefix + nowhere, arnCode}, {arnPrefix + "key/alias/of-key", arnCode}, {"arn:", arnCode},
	}
	if !aliases {
		w = append(w, wrong{"alias/of-key", notFound}, wrong{arnPrefix + "alias/of-key", notFound})
	}
	return w
}

func blobWrongs(most int) []wrong {
	return []wrong{
		{"", validation}, {b64(strings.Repeat("a", most+1)), validation}, {"!", validation}, {"YQ", validation},
		{"YQ==\n", validation}, {1, serialization}, {[]string{"YQ=="}, serialization},
	}
}

func intWrongs(least, most int) []wrong {
	return []wrong{
		{least - 1, validation}, {most + 1, validation}, {-1, validation}, {"7", serialization},
		{7.5, serialization}, {true, serialization}, {[]byte{}, serialization},
	}
}

func wordWrongs(code string, others ...string) []wrong {
	w := []wrong{{"", validation}, {"NO_SUCH_WORD", validation}, {1, serialization}, {[]string{}, serialization}}
	for _, word := range others {
		w = append(w, wrong{word, code})
	}
	return w
}

func textWrongs(most int) []wrong {
	return []wrong{{strings.Repeat("ä", most+1), validation}, {1, serialization}, {object{}, serialization}}
}

var (
	boolWrongs    = []wrong{{"true", serialization}, {1, serialization}}
	dryRun        = append([]wrong{{true, "DryRunOperationException"}}, boolWrongs...)
	contextWrongs = []wrong{
		{"{}", serialization}, {[]string{}, serialization}, {object{"a": 1}, serialization},
		{object{"a": nil}, serialization}, {object{"a": object{}}, serialization}, {object{"": "a"}, validation},
		{object{"a": strings.Repeat("a", 1<<15)}, validation},
	}
	grantWrongs = []wrong{
		{"token", serialization}, {[]int{1}, serialization}, {[]string{""}, validation},
		{strings.Split("a,a,a,a,a,a,a,a,a,a,a", ","), validation}, {[]string{strings.Repeat("a", 8193)}, validation},
	}
	refused    = []wrong{{object{}, unsupported}, {"a", unsupported}}
	tagWrongs  = []wrong{{object{}, serialization}, {[]int{1}, serialization}}
	badTag     = "TagException"
	markerText = append(textWrongs(1024), wrong{"", validation})
)

func tagsOf(kv ...string) []object {
	tags := []object{}
	for i := 0; i < len(kv); i += 2 {
		tags = append(tags, object{"TagKey": kv[i], "TagValue": kv[i+1]})
	}
	return tags
}

var listedTagWrongs = append([]wrong{
	{tagsOf("", "v"), badTag}, {tagsOf(strings.Repeat("a", 129), "v"), badTag}, {tagsOf("a", strings.Repeat("a", 257)), badTag},
	{tagsOf("aws:a", "v"), badTag}, {tagsOf("a", "b", "a", "c"), badTag}, {[]object{{"TagValue": "a"}}, badTag},
	{[]object{{"TagKey": 1, "TagValue": "a"}}, badTag},
}, tagWrongs...)

// of returns a request for the key that alias/of-key names, with more parameters.
func of(opts *kms.CreateKeyOptions, more object) func(t *testing.T, s *server) object {
	return func(t *testing.T, s *server) object {
		opts := *opts
		opts.Alias = "alias/of-key"
		params := object{"KeyId": s.key(t, &opts)}
		for name, v := range more {
			params[name] = v
		}
		return params
	}
}

var (
	symmetric = &kms.CreateKeyOptions{}
	signing   = &kms.CreateKeyOptions{Spec: kms.KeySpecECP256, Usage: kms.KeyUsageSignVerify}
	hmac      = &kms.CreateKeyOptions{Spec: kms.KeySpecHMACSHA256}
	external  = &kms.CreateKeyOptions{Origin: kms.OriginExternal}
)

var otherSpecs = strings.Fields(`ECC_NIST_P521 ECC_SECG_P256K1 ECC_NIST_EDWARDS25519 HMAC_224 HMAC_384 HMAC_512
	ML_DSA_44 ML_DSA_65 ML_DSA_87 ML_KEM_512 ML_KEM_768 ML_KEM_1024`)

// Every operation has a request.
func TestRequestsComplete(t *testing.T) {
	for _, op := range aws.Operations() {
		if _, ok := requests[op]; !ok {
			t.Errorf("%s has no request", op)
		}
	}
	if len(requests) != len(aws.Operations()) {
		t.Errorf("%d requests for %d operations", len(requests), len(aws.Operations()))
	}
}
