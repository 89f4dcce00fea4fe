package rootkey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"github.com/embedkms/kms/internal/xgcm"
)

// What the roots of this package write:
//
//	D2 ‖ kind ‖ parameters ‖ C (32) ‖ nonce (24) ‖ ciphertext ‖ tag (16)
//
// Format, kind and parameters are the head. From 32 secret bytes and the head,
// HKDF-SHA256 makes the key of XAES-256-GCM and C, which commits to that key.
// Everything before the nonce is authenticated, and the caller's aad behind it:
// a kind fixes the size of its head, so no two heads and aads read alike.
//
// C tells another root key from altered bytes. An altered head or C looks like
// another root key's, because that is all that a root which lacks the secret
// can see: it is ErrWrongKey, and everything behind C is ErrTampered.
const (
	format = 0xd2

	kindKey        = 1 // the secret is the root key: no parameters
	kindPassphrase = 2 // the secret is made by Argon2id: its salt and cost

	keySize        = 32
	commitmentSize = 32
	maxSize        = 65535 // of a wrap, as Provider promises

	label = "kms-root/v1" // separates what is derived here from other uses of a key
)

// headSize returns the size of a kind's head, 0 if there is no such kind.
func headSize(kind byte) int {
	switch kind {
	case kindKey:
		return 2
	case kindPassphrase:
		return 2 + parametersSize
	}
	return 0
}

// A wrap is bytes that parse found to be of a known shape.
type wrap []byte

// parse checks that b is a wrap of kind. What the head says is still unchecked.
func parse(b []byte, kind byte) (wrap, error) {
	switch {
	case len(b) == 0:
		return nil, ErrTampered
	case b[0] != format:
		return nil, ErrFormatTooNew
	case len(b) == 1:
		return nil, ErrTampered
	case headSize(b[1]) == 0:
		return nil, ErrFormatTooNew
	case len(b) < headSize(b[1])+commitmentSize+xgcm.Overhead:
		return nil, ErrTampered
	case b[1] != kind:
		return nil, ErrWrongKey
	}
	return b, nil
}

func (w wrap) head() []byte       { return w[:headSize(w[1])] }
func (w wrap) commitment() []byte { return w.prefix()[len(w.head()):] }
func (w wrap) prefix() []byte     { return w[:headSize(w[1])+commitmentSize] }
func (w wrap) sealed() []byte     { return w[len(w.prefix()):] }

// seal wraps plaintext under 32 secret bytes.
func seal(secret, head, plaintext, aad []byte) []byte {
	okm := derive(secret, string(head), keySize+commitmentSize)
	defer clear(okm)
	prefix := slices.Concat(head, okm[keySize:])
	key := xgcm.NewKey((*[keySize]byte)(okm))
	return key.Seal(prefix, plaintext, slices.Concat(prefix, aad))
}

// open returns what seal was given.
func (w wrap) open(secret, aad []byte) ([]byte, error) {
	okm := derive(secret, string(w.head()), keySize+commitmentSize)
	defer clear(okm)
	if subtle.ConstantTimeCompare(okm[keySize:], w.commitment()) != 1 {
		return nil, ErrWrongKey
	}
	key := xgcm.NewKey((*[keySize]byte)(okm))
	plaintext, err := key.Open(nil, w.sealed(), slices.Concat(w.prefix(), aad))
	if err != nil {
		return nil, ErrTampered
	}
	return plaintext, nil
}

// derive returns size bytes made from 32 secret ones for the use info names.
func derive(secret []byte, info string, size int) []byte {
	out, err := hkdf.Key(sha256.New, secret, []byte(label), info, size)
	if err != nil {
		panic("rootkey: " + err.Error()) // only for secrets and sizes out of reach here
	}
	return out
}
