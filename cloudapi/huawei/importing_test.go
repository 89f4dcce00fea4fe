package huawei_test

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"testing"
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
