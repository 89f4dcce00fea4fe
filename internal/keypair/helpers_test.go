package keypair_test

import (
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// specs are all there are, with the algorithms by which keys of them sign.
var specs = map[string][]string{
	keypair.RSA2048: rsaAlgorithms,
	keypair.RSA3072: rsaAlgorithms,
	keypair.RSA4096: rsaAlgorithms,
	keypair.ECP256:  {"ECDSA_SHA_256"},
	keypair.ECP384:  {"ECDSA_SHA_384"},
	keypair.SM2:     {"SM2DSA_SM3"},
}

var rsaAlgorithms = []string{
	"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
	"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
}

// eachSpec runs f for every spec, with the pair of its file.
func eachSpec(t *testing.T, f func(t *testing.T, spec string, pair keypair.Pair)) {
	for spec := range specs {
		t.Run(spec, func(t *testing.T) { f(t, spec, fixed(t, spec)) })
	}
}

// file returns the PKCS #8 of a spec that OpenSSL wrote. To make one takes
// seconds for 4,096 bits.
func file(tb testing.TB, spec string) []byte {
	tb.Helper()
	name := strings.ReplaceAll(strings.ToLower(spec), "_", "-")
	der, err := os.ReadFile(filepath.Join("testdata", "test-only-"+name+".der"))
	must(tb, err)
	return der
}

// fixed returns the pair of a spec's file.
func fixed(tb testing.TB, spec string) keypair.Pair {
	tb.Helper()
	return parse(tb, file(tb, spec))
}

func parse(tb testing.TB, der []byte) keypair.Pair {
	tb.Helper()
	pair, err := keypair.Parse(der, gm.Default())
	must(tb, err)
	return pair
}

func generate(tb testing.TB, spec string) keypair.Pair {
	tb.Helper()
	pair, err := keypair.Generate(spec, gm.Default())
	must(tb, err)
	return pair
}

func pkcs8(tb testing.TB, pair keypair.Pair) []byte {
	tb.Helper()
	der, err := pair.PKCS8()
	must(tb, err)
	return der
}

func spki(tb testing.TB, pair keypair.Pair) []byte {
	tb.Helper()
	der, err := pair.SPKI()
	must(tb, err)
	return der
}

// flipped returns a copy of b with one bit changed.
func flipped(b []byte, bit int) []byte {
	out := append([]byte(nil), b...)
	out[bit/8] ^= 1 << (bit % 8)
	return out
}

func plus(a *big.Int, b int64) *big.Int { return new(big.Int).Add(a, big.NewInt(b)) }

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
