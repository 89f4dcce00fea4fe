package gm_test

import (
	"crypto/cipher"
	"strconv"
	"testing"

	"github.com/embedkms/kms/gm"
)

// benchmarkSizes measures the operation that prepare returns for each size.
func benchmarkSizes(b *testing.B, prepare func(size int) func()) {
	for _, size := range []int{64, 1024, 4096} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			operation := prepare(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				operation()
			}
		})
	}
}

func BenchmarkSM3(b *testing.B) {
	h := gm.Default().NewSM3()
	sum := make([]byte, 0, 32)
	benchmarkSizes(b, func(size int) func() {
		message := make([]byte, size)
		return func() {
			h.Reset()
			h.Write(message)
			h.Sum(sum)
		}
	})
}

func BenchmarkSM4(b *testing.B) {
	skipEnforced(b)
	block, err := gm.Default().NewSM4(new([16]byte))
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 16)
	b.SetBytes(16)
	b.ReportAllocs()
	for b.Loop() {
		block.Encrypt(buf, buf)
	}
}

func BenchmarkSM4GCMSeal(b *testing.B) {
	aead, nonce := benchmarkGCM(b)
	benchmarkSizes(b, func(size int) func() {
		message := make([]byte, size, size+aead.Overhead())
		return func() { aead.Seal(message[:0], nonce, message, nil) }
	})
}

func BenchmarkSM4GCMOpen(b *testing.B) {
	aead, nonce := benchmarkGCM(b)
	benchmarkSizes(b, func(size int) func() {
		sealed := aead.Seal(nil, nonce, make([]byte, size), nil)
		dst := make([]byte, 0, size)
		return func() {
			if _, err := aead.Open(dst, nonce, sealed, nil); err != nil {
				panic(err) // b is the parent's
			}
		}
	})
}

// BenchmarkSM4GCMNew is an AEAD and the first message it seals.
func BenchmarkSM4GCMNew(b *testing.B) {
	_, nonce := benchmarkGCM(b)
	b.ReportAllocs()
	for b.Loop() {
		aead, err := gm.Default().NewSM4GCM(new([16]byte))
		if err != nil {
			b.Fatal(err)
		}
		aead.Seal(nil, nonce, nil, nil)
	}
}

func benchmarkGCM(b *testing.B) (aead cipher.AEAD, nonce []byte) {
	skipEnforced(b)
	aead, err := gm.Default().NewSM4GCM(new([16]byte))
	if err != nil {
		b.Fatal(err)
	}
	return aead, make([]byte, 12)
}
