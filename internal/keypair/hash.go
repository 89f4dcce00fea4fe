package keypair

import (
	"crypto"
	_ "crypto/sha256" // which hashOf names
	_ "crypto/sha512"
	"strings"
)

// hashOf returns the hash that an algorithm's name ends in.
func hashOf(algorithm string) crypto.Hash {
	switch {
	case strings.HasSuffix(algorithm, "_SHA_256"):
		return crypto.SHA256
	case strings.HasSuffix(algorithm, "_SHA_384"):
		return crypto.SHA384
	case strings.HasSuffix(algorithm, "_SHA_512"):
		return crypto.SHA512
	}
	panic("keypair: no hash in " + algorithm)
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}
