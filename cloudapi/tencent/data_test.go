package tencent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// bytesOf decodes a field of a reply.
func (w *reply) bytesOf(t testing.TB, name string) []byte {
	t.Helper()
	text, _ := w.fields[name].(string)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		t.Fatalf("%s in %s", name, w.Body)
	}
	return b
}

// Contexts that mean the same open what each other has sealed.
func TestContexts(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	const sealed = `{"a":"1","b":"<&>"}`
	plaintext := b64([]byte("plaintext"))
	w := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": plaintext, "EncryptionContext": sealed})
	bare := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": plaintext, "EncryptionContext": "{}"})
	invalid := codeValue + ".InvalidCiphertext"
	for _, c := range []struct {
		of      *reply
		context any
		code    string
	}{
		{w, sealed, ""}, {w, "{ \"b\":\"\\u003c&>\",\n\"a\":\"1\" }", ""},
		{w, nil, invalid}, {w, "", invalid}, {w, `{"a":"1"}`, invalid}, {w, `{"a":"1","b":"<&>","c":""}`, invalid},
		{bare, nil, ""}, {bare, "", ""}, {bare, "{}", ""}, {bare, `{"a":""}`, invalid},
	} {
		got := s.call(t, "Decrypt", request{
			"CiphertextBlob": c.of.fields["CiphertextBlob"], "EncryptionContext": c.context,
		})
		if got.code != c.code || c.code == "" && got.fields["Plaintext"] != plaintext {
			t.Errorf("%v: %s", c.context, got.Body)
		}
	}
}

// Whatever is wrong with a ciphertext, the answer is the same.
func TestOneCodeForCiphertexts(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	ciphertext, err := s.k.Encrypt(t.Context(), id, []byte("plaintext"), nil)
	must(t, err)
	messages := map[string]bool{}
	for i := range ciphertext {
		if i >= 3 && i < 19 {
			continue // the key's ID: there is no such key
		}
		changed := append([]byte(nil), ciphertext...)
		changed[i] ^= 1
		for _, blob := range [][]byte{changed, ciphertext[:i]} {
			if len(blob) == 0 {
				continue
			}
			w := s.call(t, "Decrypt", request{"CiphertextBlob": b64(blob)})
			e, _ := w.fields["Error"].(map[string]any)
			messages[w.code+e["Message"].(string)] = true
		}
	}
	if len(messages) != 1 {
		t.Errorf("%v", messages)
	}
}

// Limits of plaintexts and sizes of data keys.
func TestSizes(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	for _, n := range []int{1, 4096} {
		w := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": b64(make([]byte, n))})
		back := s.call(t, "Decrypt", request{"CiphertextBlob": w.fields["CiphertextBlob"]})
		if got := back.bytesOf(t, "Plaintext"); len(got) != n {
			t.Errorf("%d bytes: %d", n, len(got))
		}
	}
	for _, c := range []struct {
		spec, bytes any
		want        int
	}{{"AES_128", nil, 16}, {"AES_256", nil, 32}, {"AES_256", 1, 1}, {nil, 1024, 1024}, {"", 7, 7}} {
		w := s.call(t, "GenerateDataKey", request{"KeyId": id, "KeySpec": c.spec, "NumberOfBytes": c.bytes})
		key := w.bytesOf(t, "Plaintext")
		back := s.call(t, "Decrypt", request{"CiphertextBlob": w.fields["CiphertextBlob"]})
		if len(key) != c.want || string(back.bytesOf(t, "Plaintext")) != string(key) {
			t.Errorf("%v: %s %s", c, w.Body, back.Body)
		}
	}
	if w := s.call(t, "GenerateDataKey", request{"KeyId": id}); w.code != codeMissing {
		t.Errorf("no size: %s", w.Body)
	}
}

func TestReEncrypt(t *testing.T) {
	s := newServer(t)
	id, other := s.create(t, nil), s.create(t, nil)
	ciphertext, err := s.k.Encrypt(t.Context(), id, []byte("plaintext"),
		kms.EncryptionContext{"a": "b"})
	must(t, err)
	const context = `{"a":"b"}`
	for name, c := range map[string]struct {
		params  request
		changed bool
		key     string
		aad     kms.AAD
	}{
		"nothing to do": {request{"DestinationEncryptionContext": context}, false, id, kms.EncryptionContext{"a": "b"}},
		"no context":    {request{"DestinationKeyId": ""}, true, id, nil},
		"context":       {request{"DestinationEncryptionContext": `{"a":"c"}`}, true, id, kms.EncryptionContext{"a": "c"}},
		"key": {request{"DestinationKeyId": other, "DestinationEncryptionContext": context}, true, other,
			kms.EncryptionContext{"a": "b"}},
	} {
		c.params["CiphertextBlob"], c.params["SourceEncryptionContext"] = b64(ciphertext), context
		w := s.call(t, "ReEncrypt", c.params)
		if w.fields["ReEncrypted"] != c.changed || w.fields["KeyId"] != c.key ||
			w.fields["SourceKeyId"] != id {
			t.Errorf("%s: %s", name, w.Body)
		}
		plaintext, err := s.k.Decrypt(t.Context(), w.bytesOf(t, "CiphertextBlob"), c.aad)
		if err != nil || string(plaintext) != "plaintext" {
			t.Errorf("%s: %q, %v", name, plaintext, err)
		}
	}
}

// What a client wants wrapped is wrapped, or not answered at all.
func TestWrapping(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	sm2 := s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2}) // stands for a client's key
	public, err := s.k.PublicKey(t.Context(), sm2, 0)
	must(t, err)
	sm2PEM := string(public.PEM())
	for _, c := range []struct {
		pem, algorithm string
		open           func([]byte) ([]byte, error)
	}{
		{string(publicPEM()), "RSAES_OAEP_SHA_256", func(b []byte) ([]byte, error) {
			return rsa.DecryptOAEP(sha256.New(), nil, private(), b, nil)
		}},
		{sm2PEM, "", s.openSM2(t, sm2)}, {sm2PEM, "SM2", s.openSM2(t, sm2)},
		{sm2PEM, "SM2_C1C3C2_ASN1", func(b []byte) ([]byte, error) {
			c, err := kms.SM2CiphertextFromASN1(b)
			must(t, err)
			return s.openSM2(t, sm2)(c)
		}},
	} {
		w := s.call(t, "GenerateDataKey", request{"KeyId": id, "KeySpec": "AES_256",
			"EncryptionPublicKey": c.pem, "EncryptionAlgorithm": c.algorithm})
		key, err := c.open(w.bytesOf(t, "Plaintext"))
		must(t, err)
		d, err := s.k.DecryptDataKey(t.Context(), w.bytesOf(t, "CiphertextBlob"), nil)
		must(t, err)
		if string(d.Plaintext) != string(key) {
			t.Errorf("%s: data key", c.algorithm)
		}
		back := s.call(t, "Decrypt", request{"CiphertextBlob": w.fields["CiphertextBlob"],
			"EncryptionPublicKey": c.pem, "EncryptionAlgorithm": c.algorithm})
		again, err := c.open(back.bytesOf(t, "Plaintext"))
		if err != nil || string(again) != string(key) {
			t.Errorf("%s: decrypted data key, %v", c.algorithm, err)
		}
	}
}

func (s *server) openSM2(t *testing.T, id string) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		return s.k.DecryptAsymmetric(t.Context(), id, 0, kms.AlgorithmSM2Encrypt, b)
	}
}

func TestWrappingRefusals(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	const secret = "a plaintext that nobody shall see, wanted wrapped"
	w := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": b64([]byte(strings.Repeat(secret, 40)))})
	blob := w.fields["CiphertextBlob"]
	sm2, err := s.k.PublicKey(t.Context(), s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2}), 0)
	must(t, err)
	bits, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	good := string(publicPEM())
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sm2.DER}))
	for _, c := range []struct{ pem, algorithm, code string }{
		{good, "RSAES_OAEP_SHA_256", "FailedOperation.EncryptionError"}, // too long
		{string(sm2.PEM()), "SM2", "FailedOperation.EncryptionError"},
		{string(sm2.PEM()), "SM2_C1C3C2_ASN1", "FailedOperation.EncryptionError"},
		{good, "", codeInvalid}, {good, "SM2", codeInvalid},
		{good, "RSAES_OAEP_SHA_1", "UnsupportedOperation"},
		{good, "none", codeInvalid}, {"", "SM2", codeMissing}, {" ", "", codeInvalid},
		{private, "SM2", codeInvalid},
		{string(sm2.PEM()), "RSAES_OAEP_SHA_256", codeInvalid},
		{string(pemOf(&bits.PublicKey)), "RSAES_OAEP_SHA_256", codeInvalid},
		{string(pemOf(&ec.PublicKey)), "SM2", codeInvalid},
	} {
		w := s.call(t, "Decrypt", request{
			"CiphertextBlob": blob, "EncryptionPublicKey": c.pem, "EncryptionAlgorithm": c.algorithm,
		})
		if w.code != c.code {
			t.Errorf("%s under %.40q: %s", c.algorithm, c.pem, w.Body)
		}
	}
	right := request{"CiphertextBlob": blob}
	got := s.call(t, "Decrypt", right).bytesOf(t, "Plaintext")
	if !strings.HasPrefix(string(got), secret) {
		t.Errorf("in clear: %q", got)
	}
}
