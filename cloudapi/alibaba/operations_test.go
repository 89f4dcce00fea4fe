package alibaba_test

import (
	"crypto/sha256"

	"github.com/embedkms/kms"
)

// A param is a parameter of an operation: what may be wrong with it.
type param struct {
	name     string
	optional bool
	bad      []bad
}

// A bad is a value that a parameter must not have.
type bad struct {
	value string
	code  string // InvalidParameter if empty
}

// An action is an operation with parameters that are right.
type action struct {
	base   func(s *server) params
	params []param
}

func opt(p param) param { p.optional = true; return p }

func values(code string, vs ...string) (all []bad) {
	for _, v := range vs {
		all = append(all, bad{v, code})
	}
	return all
}

// Kinds of parameters.
func keyParam(name string) param {
	return param{name, false, append(append(values("Forbidden.KeyNotFound",
		"0d0466b0-e727-4d9c-b35d-f84bb474a37f",
		"key-hzz630494463ejqjxxxxx", "acs:kms:elsewhere:"+account+":key/0d0466b0-e727-4d9c-b35d-f84bb474a37f",
		"acs:kms:"+region+":1:alias/none"),
		values("Forbidden.AliasNotFound", "alias/none", "acs:kms:"+region+":"+account+":alias/none")...),
		values("", "", "alias/", "alias//x", "alias/ü", "alias/"+long(250), long(65), "a b", "key*",
			"\xff", "acs:kms", "acs:ecs:a:b:key/c",
			"acs:kms:"+region+":"+account+":none/c", "acs:kms:"+region+":"+account+":key/"+long(65))...)}
}

func versionParam(name string) param {
	return param{name, false, append(values("Forbidden.KeyNotFound",
		"0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
		values("", "", long(65), "a*", "\xff")...)}
}

func base64Param(name string, most int) param {
	return param{name, false, values("", "", "****", "QQ", "QR==", "QUFB\n", "QQ==QQ==", "\xff",
		b64(make([]byte, most+1)))}
}

func contextParam(name string) param {
	return param{name, true, values("", "", "{", "[]", `"a"`, `{"a":1}`, `{"a":null}`, `{"a":{}}`,
		`{"a":"1","a":"1"}`, `{"":"a"}`,
		`{"a":"\ud800"}`, `{"a":"\xff"}`, `{"a":"b"}x`, `{"a":"`+long(8192)+`"}`, "\xff")}
}

func intParam(name string, tooFew, tooMany string) param {
	return param{name, false, values("", "", "x", "1.5", "+8", " 8", "1e1", "0x8",
		"99999999999999999999", tooFew, tooMany)}
}

func boolParam(name string) param {
	return param{name, false, values("", "", "1", "TRUE", "yes", "null")}
}

func choiceParam(name string, unsupported ...string) param {
	return param{name, false, append(values("", "", "x", "\xff"),
		values("UnsupportedOperation", unsupported...)...)}
}

func aliasParam() param {
	return param{"AliasName", false,
		values("", "", "x", "alias/", "alias/ü", "alias/a b", "alias//", "alias/"+long(250), "\xff")}
}

func tagsParam(name string) param {
	return param{name, false, values("", "", "{", "{}", `"a"`, `["a"]`, `[{"TagKey":1}]`,
		`[{"TagValue":"a"}]`, `[{"TagKey":"","TagValue":"b"}]`,
		`[{"TagKey":"a"},{"TagKey":"a"}]`, `[{"TagKey":"aliyun1"}]`, `[{"TagKey":"acs:a"}]`,
		`[{"TagKey":"a b"}]`,
		`[{"TagKey":"a","TagValue":"`+long(129)+`"}]`, `[{"TagKey":"`+long(129)+`"}]`,
		`[{"TagKey":"a","TagKey":"b"}]`, tagList(21))}
}

func textParam(name string, most int) param {
	return param{name, false, values("", long(most+1), "\x00", "\xff")}
}

var intervalParam = param{"RotationInterval", false,
	values("", "", "x", "7", "d", "0d", "07d", "6d", "731d", "604799s", "7w", "-7d", "+7d",
		"9999999999s", "99999999d")}

var (
	encryptionAlgorithm = choiceParam("Algorithm", "RSAES_OAEP_SHA_1")
	signatureAlgorithm  = choiceParam("Algorithm", "SM2DSA", "RSA_PSS_SHA_256") // not of the key's spec
	rsaPublic           = param{"PublicKeyBlob", false,
		append(base64Param("", 1024).bad, bad{value: b64([]byte("no key"))})}
	wrapping = []param{rsaPublic, choiceParam("WrappingAlgorithm"),
		choiceParam("WrappingKeySpec")}
)

var sum = sha256.Sum256([]byte("message"))

// symmetric returns the parameters of what makes a data key.
func dataKeyParams(more ...param) []param {
	return append([]param{keyParam("KeyId"), opt(choiceParam("KeySpec")),
		opt(intParam("NumberOfBytes", "0", "1025")),
		contextParam("EncryptionContext")}, more...)
}

func pageParams(tooFew, tooMany string) []param {
	return []param{opt(intParam("PageNumber", "0", "2147483648")),
		opt(intParam("PageSize", tooFew, tooMany))}
}

func onKey(more ...param) []param { return append([]param{keyParam("KeyId")}, more...) }

// aKey returns parameters with a new key of AES_256.
func aKey(more ...string) func(*server) params {
	return func(s *server) params { return with(params{"KeyId": s.aes()}, more...) }
}

func exported(s *server) params {
	return params{"PublicKeyBlob": publicBlob(s.t), "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
		"WrappingKeySpec": "RSA_2048"}
}

// aPair returns parameters with a new pair and its first version.
func aPair(spec kms.KeySpec, usage kms.KeyUsage, more ...string) func(*server) params {
	return func(s *server) params {
		id := s.pair(spec, usage)
		return with(params{"KeyId": id, "KeyVersionId": first(id)}, more...)
	}
}
