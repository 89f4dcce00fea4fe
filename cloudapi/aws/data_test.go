package aws_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/aws"
)

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	return b
}

// What is encrypted here the library opens, with the same context, and the reverse.
func TestSymmetric(t *testing.T) {
	s := serve(t, nil, nil)
	key, about := s.key(t, nil), kms.EncryptionContext{"a": "b", "ä<&>": "ö"}
	e := s.good(t, "Encrypt", object{
		"KeyId": key, "Plaintext": b64("hello"), "EncryptionContext": about, "GrantTokens": []string{"a"},
		"EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
	})
	plaintext, err := s.kms.Decrypt(t.Context(), decoded(t, e.str("CiphertextBlob")), about)
	must(t, err)
	if string(plaintext) != "hello" {
		t.Errorf("%q", plaintext)
	}
	blob, err := s.kms.Encrypt(t.Context(), key, []byte("hello"), about)
	must(t, err)
	d := s.good(t, "Decrypt", object{"CiphertextBlob": blob, "KeyId": key, "EncryptionContext": about})
	if d.str("Plaintext") != b64("hello") || d.str("KeyId") != arnPrefix+"key/"+key {
		t.Error(d.text)
	}
	for name, p := range map[string]object{
		"no context":      {"CiphertextBlob": blob},
		"another context": {"CiphertextBlob": blob, "EncryptionContext": object{"a": "c"}},
		"cut":             {"CiphertextBlob": blob[:len(blob)-1], "EncryptionContext": about},
		"altered":         {"CiphertextBlob": append([]byte{0}, blob[1:]...), "EncryptionContext": about},
	} {
		if a := s.do(t, "Decrypt", p); a.code != "InvalidCiphertextException" || a.str("message") != "The ciphertext does not open." {
			t.Errorf("%s: %s", name, a.text)
		}
	}
}

// Decrypt opens all that is encrypted under a key, as AWS has it: data keys and
// private keys too, with the key named or not.
func TestDecryptAnything(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, &kms.CreateKeyOptions{Alias: "alias/a"})
	other := s.key(t, &kms.CreateKeyOptions{Alias: "alias/b"})
	about := object{"a": "b"}
	p := object{"KeyId": key, "EncryptionContext": about, "KeySpec": "AES_256"}
	dek := s.good(t, "GenerateDataKey", p)
	p["KeySpec"] = "AES_128"
	short := s.good(t, "GenerateDataKey", p)
	without := s.good(t, "GenerateDataKeyWithoutPlaintext", p)
	pair := s.good(t, "GenerateDataKeyPair", object{"KeyId": key, "EncryptionContext": about, "KeyPairSpec": "SM2"})
	if n, m := len(decoded(t, dek.str("Plaintext"))), len(decoded(t, short.str("Plaintext"))); n != 32 || m != 16 {
		t.Errorf("data keys of %d and %d bytes", n, m)
	}
	for name, c := range map[string]struct{ blob, want string }{
		"data key":    {dek.str("CiphertextBlob"), dek.str("Plaintext")},
		"without":     {without.str("CiphertextBlob"), ""},
		"private key": {pair.str("PrivateKeyCiphertextBlob"), pair.str("PrivateKeyPlaintext")},
	} {
		for _, ref := range []any{nil, key, "alias/a", arnPrefix + "key/" + key, arnPrefix + "alias/a"} {
			p := object{"CiphertextBlob": c.blob, "EncryptionContext": about, "KeyId": ref}
			if d := s.good(t, "Decrypt", p); c.want != "" && d.str("Plaintext") != c.want {
				t.Errorf("%s by %v: another plaintext", name, ref)
			}
		}
		for _, ref := range []string{other, "alias/b", arnPrefix + "alias/b"} {
			p := object{"CiphertextBlob": c.blob, "EncryptionContext": about, "KeyId": ref}
			s.bad(t, "Decrypt", p, http.StatusBadRequest, "IncorrectKeyException")
			p = object{"CiphertextBlob": c.blob, "SourceEncryptionContext": about, "SourceKeyId": ref, "DestinationKeyId": key}
			s.bad(t, "ReEncrypt", p, http.StatusBadRequest, "IncorrectKeyException")
		}
	}
}

func TestAsymmetric(t *testing.T) {
	s := serve(t, nil, nil)
	for alg, spec := range map[string]kms.KeySpec{"RSAES_OAEP_SHA_256": kms.KeySpecRSA2048, "SM2PKE": kms.KeySpecSM2} {
		key := s.key(t, &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageEncryptDecrypt, Alias: "alias/" + alg})
		p := object{"KeyId": "alias/" + alg, "Plaintext": b64("hello"), "EncryptionAlgorithm": alg}
		e := s.good(t, "Encrypt", p)
		if e.str("KeyId") != arnPrefix+"key/"+key || e.str("EncryptionAlgorithm") != alg {
			t.Error(e.text)
		}
		p["CiphertextBlob"] = e.str("CiphertextBlob")
		d := s.good(t, "Decrypt", p)
		if d.str("Plaintext") != b64("hello") || d.str("KeyId") != e.str("KeyId") || d.str("KeyMaterialId") != "" {
			t.Error(d.text)
		}
		p["EncryptionContext"] = object{"a": "b"}
		s.bad(t, "Encrypt", p, http.StatusBadRequest, validation)
		s.bad(t, "Decrypt", p, http.StatusBadRequest, validation)
		delete(p, "EncryptionContext")
		delete(p, "EncryptionAlgorithm")
		s.bad(t, "Encrypt", p, http.StatusBadRequest, usage)
		p["EncryptionAlgorithm"], p["CiphertextBlob"] = alg, b64("rubbish")
		s.bad(t, "Decrypt", p, http.StatusBadRequest, "InvalidCiphertextException")
		delete(p, "KeyId")
		s.bad(t, "Decrypt", p, http.StatusBadRequest, validation)
	}
	p := object{"KeyId": "alias/RSAES_OAEP_SHA_256", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256", "Plaintext": b64(strings.Repeat("a", 191))}
	s.bad(t, "Encrypt", p, http.StatusBadRequest, validation)
}

// SM2 ciphertexts come as DER, and are read in either form.
func TestSM2Forms(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt})
	p := object{"KeyId": key, "EncryptionAlgorithm": "SM2PKE", "Plaintext": b64("hello")}
	der := decoded(t, s.good(t, "Encrypt", p).str("CiphertextBlob"))
	raw, err := kms.SM2CiphertextFromASN1(der)
	must(t, err)
	for _, blob := range [][]byte{der, raw} {
		p["CiphertextBlob"] = blob
		if d := s.good(t, "Decrypt", p); d.str("Plaintext") != b64("hello") {
			t.Error(d.text)
		}
	}
}

// ReEncrypt goes from any kind of key to any.
func TestReEncrypt(t *testing.T) {
	s := serve(t, nil, nil)
	kinds := map[string]string{
		"SYMMETRIC_DEFAULT":  s.key(t, &kms.CreateKeyOptions{Alias: "alias/SYMMETRIC_DEFAULT"}),
		"RSAES_OAEP_SHA_256": s.key(t, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048, Usage: kms.KeyUsageEncryptDecrypt, Alias: "alias/RSAES_OAEP_SHA_256"}),
		"SM2PKE":             s.key(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt, Alias: "alias/SM2PKE"}),
	}
	for from, source := range kinds {
		e := s.good(t, "Encrypt", object{"KeyId": source, "EncryptionAlgorithm": from, "Plaintext": b64("hello")})
		for to, dest := range kinds {
			p := object{
				"CiphertextBlob": e.str("CiphertextBlob"), "SourceKeyId": "alias/" + from, "SourceEncryptionAlgorithm": from,
				"DestinationKeyId": "alias/" + to, "DestinationEncryptionAlgorithm": to,
			}
			if to == "SYMMETRIC_DEFAULT" {
				p["DestinationEncryptionContext"] = object{"a": "b"}
			}
			r := s.good(t, "ReEncrypt", p)
			if r.str("KeyId") != arnPrefix+"key/"+dest || r.str("SourceKeyId") != arnPrefix+"key/"+source {
				t.Errorf("%s to %s: %s", from, to, r.text)
			}
			d := s.good(t, "Decrypt", object{
				"CiphertextBlob": r.str("CiphertextBlob"), "KeyId": dest, "EncryptionAlgorithm": to,
				"EncryptionContext": p["DestinationEncryptionContext"],
			})
			if d.str("Plaintext") != b64("hello") {
				t.Errorf("%s to %s: %s", from, to, d.text)
			}
			p["DryRun"] = true
			s.bad(t, "ReEncrypt", p, http.StatusBadRequest, "DryRunOperationException")
			p["DestinationKeyId"] = nowhere
			s.bad(t, "ReEncrypt", p, http.StatusBadRequest, notFound)
		}
	}
}

// Clients that know a key by another ID get that ID, under their region and account.
func TestKeyIDs(t *testing.T) {
	const theirs = "mrk-1234abcd12ab34cd56ef1234567890ab"
	const arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/" + theirs
	var id string
	s := serve(t, nil, func(o *aws.Options, k *kms.KMS) {
		key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/a"})
		must(t, err)
		id = key.ID
		o.KeyIDs = map[string]string{theirs: id}
		o.Region, o.Account = "cn-north-1", "111122223333"
	})
	s.region = "cn-north-1"
	for _, ref := range []string{theirs, arn, id, "alias/a", "arn:aws-cn:kms:cn-north-1:111122223333:alias/a"} {
		e := s.good(t, "Encrypt", object{"KeyId": ref, "Plaintext": b64("hello")})
		d := s.good(t, "Decrypt", object{"CiphertextBlob": e.str("CiphertextBlob"), "KeyId": ref})
		if e.str("KeyId") != arn || d.str("KeyId") != arn {
			t.Errorf("%s: %s %s", ref, e.text, d.text)
		}
	}
	m := s.good(t, "DescribeKey", object{"KeyId": theirs}).body["KeyMetadata"].(map[string]any)
	if m["KeyId"] != theirs || m["Arn"] != arn || m["AWSAccountId"] != "111122223333" {
		t.Error(m)
	}
	entry := s.good(t, "ListKeys", object{}).body["Keys"].([]any)[0].(map[string]any)
	if entry["KeyId"] != theirs || entry["KeyArn"] != arn {
		t.Error(entry)
	}
	alias := s.good(t, "ListAliases", object{"KeyId": arn}).body["Aliases"].([]any)[0].(map[string]any)
	if alias["TargetKeyId"] != theirs || alias["AliasArn"] != "arn:aws-cn:kms:cn-north-1:111122223333:alias/a" {
		t.Error(alias)
	}
}

// Without the right to describe keys, an alias is answered where nothing tells its
// key, and a ciphertext of another key is just one that does not open.
func TestAliasWithoutDescribe(t *testing.T) {
	d := &deny{}
	s := serve(t, &kms.Options{Authorizer: d}, nil)
	params := requests["Verify"].params(t, s)
	params["KeyId"] = "alias/of-key"
	d.ops = []string{kms.OpDescribeKey}
	if a := s.good(t, "Verify", params); a.str("KeyId") != arnPrefix+"alias/of-key" {
		t.Error(a.text)
	}
	s.key(t, &kms.CreateKeyOptions{Alias: "alias/other"})
	key := s.key(t, nil)
	e := s.good(t, "Encrypt", object{"KeyId": key, "Plaintext": b64("hello")})
	p := object{"CiphertextBlob": e.str("CiphertextBlob"), "KeyId": "alias/other"}
	s.bad(t, "Decrypt", p, http.StatusBadRequest, "InvalidCiphertextException")
	d.ops = nil
	if a := s.good(t, "Verify", params); !strings.HasPrefix(a.str("KeyId"), arnPrefix+"key/") {
		t.Error(a.text)
	}
}

// A message is signed as it is, or as its digest, by all algorithms of a key.
func TestSigning(t *testing.T) {
	s := serve(t, nil, nil)
	for _, c := range []struct {
		spec, alg string
		digest    int
	}{
		{"RSA_2048", "RSASSA_PSS_SHA_256", 32}, {"RSA_2048", "RSASSA_PSS_SHA_384", 48}, {"RSA_2048", "RSASSA_PSS_SHA_512", 64},
		{"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", 32}, {"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_384", 48},
		{"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", 64}, {"ECC_NIST_P256", "ECDSA_SHA_256", 32},
		{"ECC_NIST_P384", "ECDSA_SHA_384", 48}, {"SM2", "SM2DSA", 32},
	} {
		created := s.good(t, "CreateKey", object{"KeySpec": c.spec, "KeyUsage": "SIGN_VERIFY"}).body["KeyMetadata"].(map[string]any)
		for mt, message := range map[string]string{"RAW": "hello", "DIGEST": strings.Repeat("d", c.digest)} {
			p := object{"KeyId": created["KeyId"], "Message": b64(message), "MessageType": mt, "SigningAlgorithm": c.alg}
			p["Signature"] = s.good(t, "Sign", p).str("Signature")
			if a := s.good(t, "Verify", p); a.body["SignatureValid"] != true || a.str("KeyId") != created["Arn"] {
				t.Error(a.text)
			}
			p["Message"] = b64(strings.ToUpper(message))
			s.bad(t, "Verify", p, http.StatusBadRequest, "KMSInvalidSignatureException")
		}
		a := s.good(t, "GetPublicKey", object{"KeyId": created["KeyId"]})
		if a.str("KeySpec") != c.spec || a.str("KeyUsage") != "SIGN_VERIFY" || !strings.Contains(a.text, `"`+c.alg+`"`) {
			t.Error(a.text)
		}
	}
}

// Of a key that AWS does not have nothing passes for one that it has.
func TestForeignKeys(t *testing.T) {
	s := serve(t, nil, nil)
	p := object{
		"KeyId":   s.key(t, &kms.CreateKeyOptions{Spec: kms.KeySpecHMACSM3}),
		"Message": b64("hello"), "MacAlgorithm": "HMAC_SHA_256",
	}
	s.bad(t, "GenerateMac", p, http.StatusBadRequest, usage)
	m := s.good(t, "DescribeKey", p).body["KeyMetadata"].(map[string]any)
	if m["KeySpec"] != "HMAC_SM3" || m["MacAlgorithms"] != nil {
		t.Error(m)
	}
	p = object{"KeyId": s.key(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4}), "Plaintext": b64("hello")}
	s.good(t, "Encrypt", p)
	m = s.good(t, "DescribeKey", p).body["KeyMetadata"].(map[string]any)
	if m["KeySpec"] != "SYMMETRIC_DEFAULT" {
		t.Error(m)
	}
}
