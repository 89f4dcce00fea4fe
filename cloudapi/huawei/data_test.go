package huawei_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
)

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || text != strings.ToUpper(text) {
		t.Fatalf("%s is not upper-case hexadecimal", text)
	}
	return b
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func fromBase64(t testing.TB, text any) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loseReplies has the store make the next write, and be gone then.
func (s *service) loseReplies() {
	lost := false
	s.store.Fault = func(c faultstore.Call) faultstore.Fault {
		switch {
		case lost:
			return faultstore.Refuse
		case c.Method == "Put":
			lost = true
			return faultstore.LoseReply
		}
		return faultstore.None
	}
}

// published is the expression that the ciphertext of data matches as the cloud's does: its
// characters, and then its size, which is too much for package regexp.
var published = regexp.MustCompile(`^[0-9a-zA-Z+/=]+$`)

// Every length of a plaintext gives a ciphertext of the published form, which decrypts.
func TestPublishedCiphertexts(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	for n := 1; n <= 4096; n++ {
		text := s.must("POST encrypt-data", params{"key_id": id, "plain_text": long(n)})["cipher_text"].(string)
		if !published.MatchString(text) || len(text) < 128 || len(text) > 5648 {
			t.Fatalf("%d bytes: %d characters", n, len(text))
		}
		if n%512 == 1 || n == 4096 {
			if got := s.must("POST decrypt-data", params{"cipher_text": text})["plain_text"]; got != long(n) {
				t.Fatalf("%d bytes decrypt to %q", n, got)
			}
		}
	}
}

// Text comes back as it was, and what the API says opens in the library, and the reverse.
func TestData(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	for _, plaintext := range []string{"x", "你好 <&> \" \\ \u2028 \x00", "-----BEGIN\nEND-----\n"} {
		for _, c := range []struct {
			p   params
			aad kms.AAD
		}{
			{params{}, nil},
			{params{aadName: ""}, nil},
			{params{"encryption_context": params{}}, nil},
			{params{aadName: "ä{}"}, kms.AdditionalData("ä{}")},
			{params{"encryption_context": params{"b": "c", "a": "<"}}, kms.EncryptionContext{"a": "<", "b": "c"}},
		} {
			p := with(with(c.p, "key_id", id), "plain_text", plaintext)
			text := s.must("POST encrypt-data", p)["cipher_text"].(string)
			got, err := s.kms.Decrypt(t.Context(), fromBase64(t, text), c.aad)
			if err != nil || string(got) != plaintext {
				t.Fatalf("library: %q, %v", got, err)
			}
			for _, key := range []any{absent, id} {
				back := s.must("POST decrypt-data", with(with(c.p, "cipher_text", text), "key_id", key))
				want := params{"plain_text": plaintext, "plain_text_base64": b64(plaintext), "key_id": id}
				if !reflect.DeepEqual(back, want) {
					t.Errorf("%q comes back as %v", plaintext, back)
				}
			}
		}
	}
}

// What is not UTF-8 comes in base64 only.
func TestBinaryData(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	ciphertext, err := s.kms.Encrypt(t.Context(), id, []byte("\xff\x00"), nil)
	s.ok(err)
	back := s.must("POST decrypt-data", params{"cipher_text": base64.StdEncoding.EncodeToString(ciphertext)})
	if _, ok := back["plain_text"]; ok || back["plain_text_base64"] != "/wA=" {
		t.Errorf("got %v", back)
	}
}

// Under pairs, encryption is what the standards say: a public key outside will do. Only
// the newest version decrypts.
func TestAsymmetricData(t *testing.T) {
	s := serve(t, nil)
	for alg, spec := range map[string]kms.KeySpec{
		"RSAES_OAEP_SHA_256": kms.KeySpecRSA2048, "SM2_ENCRYPT": kms.KeySpecSM2,
	} {
		id := s.create(&kms.CreateKeyOptions{Spec: spec})
		p := params{"key_id": id, "encryption_algorithm": alg}
		text := s.must("POST encrypt-data", with(p, "plain_text", "text"))["cipher_text"]
		if back := s.must("POST decrypt-data", with(p, "cipher_text", text)); back["plain_text"] != "text" {
			t.Errorf("%s: %v", alg, back)
		}
		if alg == "SM2_ENCRYPT" {
			der, err := kms.SM2CiphertextToASN1(fromBase64(t, text))
			s.ok(err)
			text := base64.StdEncoding.EncodeToString(der)
			if back := s.must("POST decrypt-data", with(p, "cipher_text", text)); back["plain_text"] != "text" {
				t.Errorf("%s: %v", alg, back)
			}
		}
		_, err := s.kms.RotateKey(t.Context(), id)
		s.ok(err)
		s.do("POST decrypt-data", with(p, "cipher_text", text)).want(t, alg, 400, "KMS.0308")
	}
}

func TestPublicKey(t *testing.T) {
	s := serve(t, nil)
	id := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
	block, _ := pem.Decode([]byte(s.must("POST get-publickey", params{"key_id": id})["public_key"].(string)))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	s.ok(err)
	out, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), []byte("out"), nil)
	s.ok(err)
	back := s.must("POST decrypt-data", params{
		"key_id": id, "encryption_algorithm": "RSAES_OAEP_SHA_256",
		"cipher_text": base64.StdEncoding.EncodeToString(out),
	})
	if back["plain_text"] != "out" {
		t.Errorf("got %v", back)
	}
}

// A ciphertext goes under another key and context, of data or of a data key, and from and
// to pairs.
func TestReEncrypt(t *testing.T) {
	s := serve(t, nil)
	a, b := s.create(nil), s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
	pair := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecSM2})
	text := s.must("POST encrypt-data", params{"key_id": a, "plain_text": "text", aadName: "1"})["cipher_text"]
	got := s.must("POST re-encrypt", params{
		"cipher_text": text, "source_key_id": a, "source_" + aadName: "1",
		"destination_key_id": b, "destination_" + aadName: "2",
	})
	want := params{
		"key_id": b, "source_key_id": a, "source_encryption_algorithm": "SYMMETRIC_DEFAULT",
		"destination_encryption_algorithm": "SYMMETRIC_DEFAULT", "cipher_text": got["cipher_text"],
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.do("POST re-encrypt", params{
		"cipher_text": got["cipher_text"], "source_" + aadName: "2", "source_key_id": a,
		"destination_key_id": a,
	}).want(t, "another's", 400, "KMS.0308")
	back := s.must("POST decrypt-data", params{"cipher_text": got["cipher_text"], aadName: "2"})
	if back["plain_text"] != "text" || back["key_id"] != b {
		t.Errorf("got %v", back)
	}
	got = s.must("POST re-encrypt", params{
		"cipher_text": got["cipher_text"], "source_" + aadName: "2",
		"destination_key_id": pair, "destination_encryption_algorithm": "SM2_ENCRYPT",
	})
	got = s.must("POST re-encrypt", params{
		"cipher_text": got["cipher_text"], "source_key_id": pair,
		"source_encryption_algorithm": "SM2_ENCRYPT",
		"destination_key_id":          a,
	})
	back = s.must("POST decrypt-data", params{"cipher_text": got["cipher_text"]})
	if back["plain_text"] != "text" {
		t.Errorf("got %v", back)
	}
	s.reEncryptsDatakeys(a, b)
}

func (s *service) reEncryptsDatakeys(a, b string) {
	s.t.Helper()
	dek := s.must("POST create-datakey", params{"key_id": a, "datakey_length": "128"})
	for _, length := range []any{absent, "16"} {
		p := with(params{"cipher_text": dek["cipher_text"], "destination_key_id": b}, "datakey_cipher_length", length)
		got := s.must("POST re-encrypt", p)
		back := s.must("POST decrypt-datakey", params{
			"key_id": b, "cipher_text": got["cipher_text"], "datakey_cipher_length": "16",
		})
		if back["data_key"] != dek["plain_text"] {
			s.t.Errorf("got %v, want %v", back, dek)
		}
	}
	s.do("POST re-encrypt", params{
		"cipher_text": dek["cipher_text"], "destination_key_id": b, "datakey_cipher_length": "17",
	}).want(s.t, "length", 400, "KMS.2202")
}
