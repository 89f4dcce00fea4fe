package huawei_test

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// wrap wraps material by RSAES-OAEP under the public key of import parameters.
func (s *service) wrap(parameters params, material []byte) string {
	s.t.Helper()
	der, err := base64.StdEncoding.DecodeString(parameters["public_key"].(string))
	s.ok(err)
	public, err := x509.ParsePKIXPublicKey(der)
	s.ok(err)
	if n := public.(*rsa.PublicKey).N.BitLen(); n != 2048 {
		s.t.Errorf("the key has %d bits", n)
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	s.ok(err)
	return base64.StdEncoding.EncodeToString(wrapped)
}

// importing returns parameters of an import of 32 bytes into a key.
func (s *service) importing(id string) params {
	s.t.Helper()
	got := s.must("POST get-parameters-for-import", params{
		"key_id": id, "wrapping_algorithm": "RSAES_OAEP_SHA_256",
	})
	wrapped := s.wrap(got, bytes.Repeat([]byte{1}, 32))
	if len(wrapped) != 344 {
		s.t.Errorf("wrapped material has %d characters, and as published 344", len(wrapped))
	}
	return params{
		"key_id": id, "import_token": got["import_token"], "encrypted_key_material": wrapped,
	}
}

// sm2Encrypt encrypts under an SM2 key.
func sm2Encrypt(t *testing.T, public, material []byte) []byte {
	t.Helper()
	point, err := sm2.ParseSPKI(public)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sm2.NewPublicKey(gm.Default(), point[:])
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := key.Encrypt(material)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// keyWrap is AES key wrap with padding (RFC 5649).
func keyWrap(t *testing.T, key, plaintext []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	a := []byte{0xa6, 0x59, 0x59, 0xa6, 0, 0, byte(len(plaintext) >> 8), byte(len(plaintext))}
	r := bytes.Clone(plaintext)
	for len(r)%8 != 0 {
		r = append(r, 0)
	}
	n := len(r) / 8
	var b [16]byte
	for j := range 6 {
		for i := range n {
			copy(b[:], a)
			copy(b[8:], r[8*i:])
			block.Encrypt(b[:], b[:])
			step := n*j + i + 1
			copy(a, b[:8])
			a[7] ^= byte(step)
			a[6] ^= byte(step >> 8)
			copy(r[8*i:8*i+8], b[8:])
		}
	}
	return append(a, r...)
}

// Material is imported, deleted, imported again, and ends.
func TestImport(t *testing.T) {
	s := serve(t, nil)
	id := s.create(external)
	parameters := s.must("POST get-parameters-for-import", params{
		"key_id": id, "wrapping_algorithm": "RSAES_OAEP_SHA_256", "sequence": serial,
	})
	if parameters["key_id"] != id || len(parameters) != 4 ||
		parameters["expiration_time"] != float64(start.Add(24*time.Hour).Unix()) {
		t.Errorf("got %v", parameters)
	}
	ends := start.Add(48 * time.Hour)
	p := with(s.importing(id), "expiration_time", ends.Unix())
	if got := s.must("POST import-key-material", p); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	got := info(s.must("POST describe-key", params{"key_id": id}))
	if got["key_state"] != "2" || got["expiration_time"] != fmt.Sprint(ends.UnixMilli()) {
		t.Errorf("got %v", got)
	}
	s.do("POST import-key-material", p).want(t, "enabled", 400, "KMS.0310")
	s.must("POST delete-imported-key-material", params{"key_id": id})
	s.do("POST import-key-material", p).want(t, "used token", 400, "KMS.2601")
	other := with(s.importing(id), "encrypted_key_material", absent)
	other["encrypted_key_material"] = s.wrap(parameters, bytes.Repeat([]byte{2}, 32))
	s.do("POST import-key-material", other).want(t, "other public key", 400, "KMS.2604")
	late := s.importing(id)
	s.must("POST import-key-material", s.importing(id))
	s.must("POST delete-imported-key-material", params{"key_id": id})
	s.advance(25 * time.Hour)
	s.do("POST import-key-material", late).want(t, "late", 400, "KMS.2605")
	s.do("POST import-key-material", with(late, "key_id", s.create(external))).want(t, "other key", 400, "KMS.2601")
}

// The private key of a pair comes under an AES key of the client's.
func TestImportPrivateKey(t *testing.T) {
	s := serve(t, nil)
	id := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecECP256, Origin: kms.OriginExternal})
	p := params{"key_id": id, "wrapping_algorithm": "RSAES_OAEP_SHA_256"}
	s.do("POST get-parameters-for-import", with(p, "wrapping_algorithm", "SM2_ENCRYPT")).
		want(t, "SM2", 400, "KMS.0331")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.ok(err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	s.ok(err)
	parameters, kek := s.must("POST get-parameters-for-import", p), bytes.Repeat([]byte{3}, 32)
	right := params{
		"key_id": id, "import_token": parameters["import_token"],
		"encrypted_key_material": s.wrap(parameters, kek),
		"encrypted_privatekey":   base64.StdEncoding.EncodeToString(keyWrap(t, kek, der)),
	}
	s.do("POST import-key-material", with(right, "encrypted_privatekey", absent)).want(t, "alone", 400, "KMS.2604")
	s.must("POST import-key-material", right)
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	s.ok(err)
	got, err := s.kms.PublicKey(t.Context(), id, 0)
	s.ok(err)
	if !bytes.Equal(got.DER, public) {
		t.Error("it is another key")
	}
}

// Material comes under SM2, too, in either form of its ciphertexts.
func TestImportBySM2(t *testing.T) {
	s := serve(t, nil)
	for _, der := range []bool{false, true} {
		id := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecSM4, Origin: kms.OriginExternal})
		p := s.must("POST get-parameters-for-import", params{"key_id": id, "wrapping_algorithm": "SM2_ENCRYPT"})
		wrapped := sm2Encrypt(t, fromBase64(t, p["public_key"]), bytes.Repeat([]byte{4}, 16))
		if der {
			var err error
			wrapped, err = kms.SM2CiphertextToASN1(wrapped)
			s.ok(err)
		}
		s.must("POST import-key-material", params{
			"key_id": id, "import_token": p["import_token"],
			"encrypted_key_material": base64.StdEncoding.EncodeToString(wrapped),
		})
	}
}
