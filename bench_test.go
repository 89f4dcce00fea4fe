package kms_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

// The benchmarks that docs/performance rests on. Each size runs raw AES-256-GCM
// first: cached, with a random nonce, into a reused buffer, authenticating as
// many bytes as the library does. What counts is the ratio within one run.

var (
	benchSizes    = []int{32, 1 << 10, 4 << 10}
	benchContexts = []struct {
		name    string
		aad     kms.AAD
		encoded int // bytes of the context encoding
	}{
		{"two-pairs", kms.EncryptionContext{"service": "orders", "env": "prod"}, 31},
		{"none", nil, 1},
	}
)

func rawGCM(b *testing.B) cipher.AEAD {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	return aead
}

func BenchmarkEncrypt(b *testing.B) {
	for _, c := range benchContexts {
		for _, size := range benchSizes {
			plaintext := make([]byte, size)
			dst := make([]byte, 0, size+kms.Overhead)
			b.Run(fmt.Sprintf("%s/%d/raw", c.name, size), func(b *testing.B) {
				aead, aad := rawGCM(b), make([]byte, 67+c.encoded)
				b.ReportAllocs()
				for b.Loop() {
					aead.Seal(dst, nil, plaintext, aad)
				}
			})
			for _, spec := range []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecSM4} {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, size, spec), func(b *testing.B) {
					k := kmstest.New(b)
					key := newKey(b, k, spec)
					b.ReportAllocs()
					for b.Loop() {
						if _, err := k.AppendEncrypt(b.Context(), dst, key, plaintext, c.aad); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	for _, c := range benchContexts {
		for _, size := range benchSizes {
			plaintext := make([]byte, size)
			dst := make([]byte, 0, size)
			b.Run(fmt.Sprintf("%s/%d/raw", c.name, size), func(b *testing.B) {
				aead, aad := rawGCM(b), make([]byte, 67+c.encoded)
				ciphertext := aead.Seal(nil, nil, plaintext, aad)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := aead.Open(dst, nil, ciphertext, aad); err != nil {
						b.Fatal(err)
					}
				}
			})
			for _, spec := range []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecSM4} {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, size, spec), func(b *testing.B) {
					k := kmstest.New(b)
					key := newKey(b, k, spec)
					ciphertext, err := k.Encrypt(b.Context(), key, plaintext, c.aad)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						if _, err := k.AppendDecrypt(b.Context(), dst, ciphertext, c.aad); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
