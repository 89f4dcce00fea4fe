package httpsig

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
)

// Sizes of signatures as written.
var (
	hexSHA256    = hex.EncodedLen(sha256.Size)
	base64SHA256 = base64.StdEncoding.EncodedLen(sha256.Size)
	base64SHA1   = base64.StdEncoding.EncodedLen(sha1.Size)
)

// sha1Allowed reports whether HMAC-SHA1 may be used: not where FIPS 140-3 mode is
// enforced, in which it would panic.
func sha1Allowed() bool { return !fips140.Enforced() }

// mac returns the HMAC of text under key.
func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// macSHA1 and macSHA256 sign with the secret itself.
func macSHA1(secret, text string) []byte   { return macSecret(sha1.New, secret, text) }
func macSHA256(secret, text string) []byte { return macSecret(sha256.New, secret, text) }

func macSecret(h func() hash.Hash, secret, text string) []byte {
	key := []byte(secret)
	defer clear(key)
	return mac(h, key, text)
}

// macDerived signs with a key that HMAC-SHA256 derives from prefix and the secret, a
// step for each part of a credential scope.
func macDerived(prefix string, scope ...string) func(secret, text string) []byte {
	return func(secret, text string) []byte {
		key := append([]byte(prefix), secret...)
		for _, part := range scope {
			next := mac(sha256.New, key, part)
			clear(key)
			key = next
		}
		defer clear(key)
		return mac(sha256.New, key, text)
	}
}

// hexHash returns the SHA-256 of b in lower-case hex.
func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
