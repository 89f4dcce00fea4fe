package gm

import (
	"slices"

	"github.com/tjfoc/gmsm/sm3"
)

// sm3Chunk is the most that one Write of tjfoc's SM3 is given: it counts the
// bits of a write in an int, which overflows at 256 MiB where an int has 32 bits.
const sm3Chunk = 1 << 20

// An sm3Hash is SM3 (GB/T 32905) that keeps the contract of hash.Hash, so HMAC,
// HKDF and PBKDF2 over it are right. It cannot be wiped: tjfoc's SM3 copies what
// it is given and keeps the last copy.
type sm3Hash struct{ sm3.SM3 }

func newSM3() *sm3Hash {
	h := new(sm3Hash)
	h.Reset() // the zero value is not a hash yet
	return h
}

func (h *sm3Hash) Write(p []byte) (int, error) {
	for chunk := range slices.Chunk(p, sm3Chunk) {
		h.SM3.Write(chunk)
	}
	return len(p), nil
}

// Sum appends the digest to b. tjfoc's Sum hashes its argument into the state
// and returns the digest alone; given nil it has nothing to hash.
func (h *sm3Hash) Sum(b []byte) []byte {
	return append(b, h.SM3.Sum(nil)...)
}
