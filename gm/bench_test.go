package gm_test

import (
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/gmtest"
)

func BenchmarkDefault(b *testing.B) {
	gmtest.Benchmark(b, gm.Default())
}
