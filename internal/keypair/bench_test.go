package keypair_test

import (
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// To load a key is to parse it.
func BenchmarkParse(b *testing.B) {
	for spec := range specs {
		der := file(b, spec)
		b.Run(spec, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keypair.Parse(der, gm.Default()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// To import one is to check its primes, too.
func BenchmarkCheckPrimes(b *testing.B) {
	for _, spec := range []string{keypair.RSA2048, keypair.RSA3072, keypair.RSA4096} {
		pair := fixed(b, spec)
		b.Run(spec, func(b *testing.B) {
			for b.Loop() {
				if err := keypair.CheckPrimes(pair); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGenerate(b *testing.B) {
	for spec := range specs {
		b.Run(spec, func(b *testing.B) {
			for b.Loop() {
				if _, err := keypair.Generate(spec, gm.Default()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
