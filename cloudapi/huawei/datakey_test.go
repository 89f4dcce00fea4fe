package huawei_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
)

// A data key has the length that was asked for, and comes back with its digest.
func TestDatakeys(t *testing.T) {
	s := serve(t, nil)
	digests := map[string]func([]byte) []byte{
		s.create(nil): func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] },
		s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecSM4}): func(b []byte) []byte {
			h := gm.Default().NewSM3()
			h.Write(b)
			return h.Sum(nil)
		},
	}
	for id, digest := range digests {
		for _, c := range []struct {
			p    params
			size int
		}{
			{params{}, 32}, {params{"key_spec": "AES_128"}, 16}, {params{"key_spec": "HMAC_384"}, 48},
			{params{"key_spec": "HMAC_512"}, 64}, {params{"datakey_length": "8"}, 1},
			{params{"datakey_length": 8192}, 1024},
			{params{"key_spec": "SM4", "datakey_length": "24", aadName: "a", "sequence": serial}, 3},
		} {
			p := with(c.p, "key_id", id)
			made := s.must("POST create-datakey", p)
			plaintext := fromHex(t, made["plain_text"].(string))
			if len(plaintext) != c.size || made["key_id"] != id || len(made) != 3 {
				t.Errorf("%v: %v", p, made)
			}
			s.opens(id, made["cipher_text"], c.size, c.p[aadName], digest, plaintext)
			hidden := s.must("POST create-datakey-without-plaintext", p)
			if len(hidden) != 2 || hidden["key_id"] != id {
				t.Errorf("%v: %v", p, hidden)
			}
			s.opens(id, hidden["cipher_text"], c.size, c.p[aadName], digest, nil)
			sent := s.must("POST encrypt-datakey", params{
				"key_id": id, "datakey_plain_length": fmt.Sprint(c.size),
				"plain_text": hex.EncodeToString(append(plaintext[:c.size:c.size], digest(plaintext)...)),
			})
			s.opens(id, sent["cipher_text"], c.size, nil, digest, plaintext)
		}
	}
}

// opens decrypts a data key, and compares it if it is known.
func (s *service) opens(
	id string, ciphertext any, size int, aad any, digest func([]byte,
	) []byte, want []byte) {
	s.t.Helper()
	p := params{"key_id": id, "cipher_text": ciphertext, "datakey_cipher_length": fmt.Sprint(size), aadName: aad}
	got := s.must("POST decrypt-datakey", p)
	dek := fromHex(s.t, got["data_key"].(string))
	if want == nil {
		want = dek
	}
	if !reflect.DeepEqual(got, params{
		"data_key": upperHex(want), "datakey_length": fmt.Sprint(size),
		"datakey_dgst": upperHex(digest(want)),
	}) || len(dek) != size {
		s.t.Errorf("got %v, want %x", got, want)
	}
}

func TestRandom(t *testing.T) {
	s := serve(t, nil)
	for _, bits := range []int{8, 512, 8192} {
		got := s.must("POST gen-random", params{"random_data_length": fmt.Sprint(bits)})
		if b := fromHex(t, got["random_data"].(string)); len(b) != bits/8 || len(got) != 1 {
			t.Errorf("%d bits: %v", bits, got)
		}
	}
}
