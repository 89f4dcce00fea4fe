package sm2

import (
	"math/big"

	"golang.org/x/crypto/cryptobyte"
)

// addInteger adds the number b, big-endian and public, as an INTEGER.
func addInteger(to *cryptobyte.Builder, b []byte) { to.AddASN1BigInt(new(big.Int).SetBytes(b)) }

// readInteger reads an INTEGER that is minimal and not negative into out,
// big-endian. It reports whether there was one, and it fits.
func readInteger(from *cryptobyte.String, out []byte) bool {
	var b []byte
	if !from.ReadASN1Integer(&b) || len(b) > len(out) {
		return false
	}
	copy(out[len(out)-len(b):], b)
	return true
}
