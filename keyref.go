package kms

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A keyID is a key's UUID, of random bytes (RFC 9562, version 4).
type keyID [16]byte

func newKeyID() keyID {
	var id keyID
	rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String returns the form 0d0466b0-e727-4d9c-b35d-f84bb474a37f.
func (id keyID) String() string {
	b := make([]byte, 0, keyIDSize)
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

// hash spreads key IDs: those that exist are random.
func (id keyID) hash() uint64 { return binary.LittleEndian.Uint64(id[8:]) >> 8 }

// recordKey is where the key is stored.
func (id keyID) recordKey() string { return keyPrefix + id.String() }

const (
	keyIDSize   = 36
	keyPrefix   = "key/"
	aliasPrefix = "alias/"
	maxAlias    = 250 // bytes of an alias name
)

// nibbles has the value of each hexadecimal digit, notHex for the other
// characters of a key ID as the vendors write it, and notID for all else.
var nibbles = func() (t [256]byte) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = byte(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = byte(c - 'a' + 10)
		case 'g' <= c && c <= 'z':
			t[c] = notHex
		default:
			t[c] = notID
		}
	}
	return t
}()

const (
	notHex = 0x40
	notID  = 0x80
)

// idDigits are the offsets of the bytes in a key ID.
var idDigits = [16]byte{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// parseKeyID reads a key ID of the form that the vendors publish,
// ^[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}$. One that is
// not hexadecimal is none of ours: ErrKeyNotFound.
func parseKeyID(ref string) (id keyID, err error) {
	if len(ref) != keyIDSize || ref[8] != '-' || ref[13] != '-' || ref[18] != '-' || ref[23] != '-' {
		return keyID{}, ErrInvalidKeyRef
	}
	var seen byte
	for i, at := range idDigits {
		hi, lo := nibbles[ref[at]], nibbles[ref[at+1]]
		seen |= hi | lo
		id[i] = hi<<4 | lo&0xf
	}
	switch {
	case seen&notID != 0:
		return keyID{}, ErrInvalidKeyRef
	case seen&notHex != 0:
		return keyID{}, ErrKeyNotFound
	}
	return id, nil
}

// isAlias reports whether ref is meant as an alias; it may still be malformed.
func isAlias(ref string) bool {
	return len(ref) >= len(aliasPrefix) && ref[:len(aliasPrefix)] == aliasPrefix
}

// parseAlias returns the name of alias/<name>, which must be of the form
// [A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)* and at most 250 bytes.
func parseAlias(ref string) (name string, err error) {
	if !isAlias(ref) {
		return "", fmt.Errorf("%w: an alias is alias/<name>", ErrInvalidKeyRef)
	}
	name = ref[len(aliasPrefix):]
	if len(name) > maxAlias {
		return "", fmt.Errorf("%w: alias name of %d bytes, at most %d", ErrInvalidKeyRef, len(name), maxAlias)
	}
	start := true // at the first byte of a segment
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
			start = false
		case c == '/' && !start:
			start = true
		default:
			return "", fmt.Errorf("%w: alias name must be [A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", ErrInvalidKeyRef)
		}
	}
	if start {
		return "", fmt.Errorf("%w: alias name is empty or ends in a slash", ErrInvalidKeyRef)
	}
	return name, nil
}
