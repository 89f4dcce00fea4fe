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

// parseKeyID reads a key ID of the form that the vendors publish,
// ^[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}$. One that is
// not hexadecimal is none of ours: ErrKeyNotFound.
func parseKeyID(ref string) (id keyID, err error) {
	if len(ref) != keyIDSize || ref[8] != '-' || ref[13] != '-' || ref[18] != '-' || ref[23] != '-' {
		return keyID{}, ErrInvalidKeyRef
	}
	s, le := []byte(ref), binary.LittleEndian
	a, o1 := unhex(le.Uint64(s))
	b, o2 := unhex(uint64(le.Uint32(s[9:])) | uint64(le.Uint32(s[14:]))<<32)
	c, o3 := unhex(uint64(le.Uint32(s[19:])) | uint64(le.Uint32(s[24:]))<<32)
	d, o4 := unhex(le.Uint64(s[28:]))
	if o1|o2|o3|o4 != 0 {
		return keyID{}, notHex(ref)
	}
	le.PutUint64(id[:], uint64(a)|uint64(b)<<32)
	le.PutUint64(id[8:], uint64(c)|uint64(d)<<32)
	return id, nil
}

// unhex returns the 4 bytes that 8 digits in lower case stand for, the first
// lowest; other is 0 only if that is what all of x is. Reading a key's ID digit
// by digit would take a tenth of an encryption.
func unhex(x uint64) (v uint32, other uint64) {
	const ones = 0x0101010101010101
	n := x&(0xf*ones) + x>>6&ones*9     // the values, of letters from the 7th bit on
	letters := (n + 6*ones) >> 4 & ones // 1 where it is 10 or more
	other = x ^ (n + '0'*ones + letters*('a'-'0'-10)) | n&(0x10*ones)
	n = (n<<4 | n>>8) & 0x00ff00ff00ff00ff // pairs, then moved together
	n = (n | n>>8) & 0x0000ffff0000ffff
	return uint32(n | n>>16), other
}

// notHex returns the error for a ref with dashes where they belong, whose other
// characters are not all hexadecimal.
func notHex(ref string) error {
	for i, c := range []byte(ref) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if !dash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'z') {
			return ErrInvalidKeyRef
		}
	}
	return ErrKeyNotFound
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
