package gmtest

import (
	"bytes"
	"crypto/fips140"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms/gm"
)

// Benchmark measures what p does, one sub-benchmark an operation: SM3, an SM4
// block, SM4-GCM and SM2. SM2 decrypts with private keys of different weights,
// and their medians should not differ by more than the noise. Where [fips140.Enforced] is true, it
// measures SM3 only.
func Benchmark(b *testing.B, p gm.Provider) {
	benchmarkSM3(b, p)
	if fips140.Enforced() {
		return
	}
	benchmarkSM4(b, p)
	benchmarkGCM(b, p)
	benchmarkSM2(b, p)
}

// measure times f, which processes size bytes.
func measure(b *testing.B, name string, size int, f func() error) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkSM3(b *testing.B, p gm.Provider) {
	h, sum := p.NewSM3(), make([]byte, 0, 32)
	for _, size := range []int{32, 4096} {
		message := make([]byte, size)
		measure(b, fmt.Sprintf("SM3/%d", size), size, func() error {
			h.Reset()
			h.Write(message)
			h.Sum(sum)
			return nil
		})
	}
}

func benchmarkSM4(b *testing.B, p gm.Provider) {
	key, buf := sm4Key, make([]byte, 16)
	block, err := p.NewSM4(&key)
	if err != nil {
		b.Fatal(err)
	}
	measure(b, "SM4", len(buf), func() error {
		block.Encrypt(buf, buf)
		return nil
	})
}

func benchmarkGCM(b *testing.B, p gm.Provider) {
	aead, err := newGCM(p)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{32, 4096} {
		buf := make([]byte, size, size+aead.Overhead())
		measure(b, fmt.Sprintf("SM4-GCM/seal/%d", size), size, func() error {
			aead.Seal(buf[:0], gcmNonce, buf, nil)
			return nil
		})
		sealed, dst := aead.Seal(nil, gcmNonce, buf, nil), make([]byte, 0, size)
		measure(b, fmt.Sprintf("SM4-GCM/open/%d", size), size, func() error {
			_, err := aead.Open(dst, gcmNonce, sealed, nil)
			return err
		})
	}
	measure(b, "SM4-GCM/new", 0, func() error { // and the first message
		aead, err := newGCM(p)
		if err == nil {
			aead.Seal(nil, gcmNonce, nil, nil)
		}
		return err
	})
}

func benchmarkSM2(b *testing.B, p gm.Provider) {
	k, err := newSM2(p)
	if err != nil {
		b.Fatal(err)
	}
	message, e, rs := pattern(32), sm2Digest, sm2Signature
	measure(b, "SM2/private", 0, func() error {
		d := sm2Private
		_, err := p.SM2Private(&d)
		return err
	})
	measure(b, "SM2/encrypt", len(message), func() error {
		_, err := k.Encrypt(message)
		return err
	})
	measure(b, "SM2/sign", 0, func() error {
		_, err := k.SignDigest(&e)
		return err
	})
	measure(b, "SM2/verify", 0, func() error {
		if !k.VerifyDigest(&e, &rs) {
			return fmt.Errorf("%x does not verify", rs)
		}
		return nil
	})
	benchmarkSM2Weights(b, p)
}

// benchmarkSM2Weights decrypts with private keys of one bit, of 192 bits, of bits
// at random and of nothing but ones, in turns. It reports the median time of each,
// and by how much the greatest is above the least.
func benchmarkSM2Weights(b *testing.B, p gm.Provider) {
	keys := []struct {
		name string
		d    [32]byte
	}{
		{"one-bit", [32]byte{0x80}},
		{"short", [32]byte(append(make([]byte, 8), bytes.Repeat([]byte{0xff}, 24)...))},
		{"random", sm2Private},
		{"dense", [32]byte(append([]byte{0x7f}, bytes.Repeat([]byte{0xff}, 31)...))},
	}
	b.Run("SM2/decrypt", func(b *testing.B) {
		decrypt := make([]func() error, len(keys))
		for i, key := range keys {
			decrypt[i] = decryption(b, p, &key.d)
		}
		times := make([][]float64, len(keys))
		for b.Loop() {
			for i, f := range decrypt {
				start := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				times[i] = append(times[i], float64(time.Since(start)))
			}
		}
		medians := make([]float64, len(keys))
		for i, key := range keys {
			slices.Sort(times[i])
			medians[i] = times[i][len(times[i])/2]
			b.ReportMetric(medians[i], key.name+"-ns")
		}
		b.ReportMetric(100*(slices.Max(medians)/slices.Min(medians)-1), "spread-%")
		b.ReportMetric(0, "ns/op") // of four decryptions
	})
}

// decryption returns the decryption of a ciphertext with d.
func decryption(b *testing.B, p gm.Provider, d *[32]byte) func() error {
	private, err := p.SM2Private(d)
	if err != nil {
		b.Fatal(err)
	}
	q := private.Public()
	public, err := p.SM2Public(&q)
	if err != nil {
		b.Fatal(err)
	}
	c, err := public.Encrypt(pattern(32))
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		_, err := private.Decrypt(c)
		return err
	}
}
