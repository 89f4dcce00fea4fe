package suite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Context is what a ciphertext is bound to beside its header: a map, raw
// bytes, or nothing. At most one of the fields is not empty.
type Context struct {
	Map map[string]string
	Raw []byte
}

// Limits of a context in bytes.
const (
	MaxContextMap = 32768 // encoded
	MaxContextRaw = 8192
)

// The first byte of an encoded context. With the lengths behind it, it makes
// the encoding injective: no two contexts have the same bytes.
const (
	contextNone = 0 // an empty map and empty bytes are no context either
	contextMap  = 1 // u16 count, then for each pair u16 len, key, u16 len, value
	contextRaw  = 2 // u16 len, bytes
)

// ErrContext says that a context is out of its limits.
var ErrContext = errors.New("additional data is invalid")

// none reports whether c binds nothing.
func (c Context) none() bool { return len(c.Map) == 0 && len(c.Raw) == 0 }

// Append appends the encoding of c to dst, or returns an ErrContext.
func (c Context) Append(dst []byte) ([]byte, error) {
	switch {
	case len(c.Map) > 0:
		return appendMap(dst, c.Map)
	case len(c.Raw) > MaxContextRaw:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrContext, len(c.Raw), MaxContextRaw)
	case len(c.Raw) > 0:
		dst = append(dst, contextRaw)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(c.Raw)))
		return append(dst, c.Raw...), nil
	}
	return append(dst, contextNone), nil
}

// encodedAs reports whether Append has made b of c. It takes half of what making it
// again does, and not the same time for all: a context is no secret.
func (c Context) encodedAs(b []byte) bool { return c.rewrites(b, false) }

// rewrites is encodedAs, but may also make it so, in place: where nothing differs
// but values of the same length, such as the ID of what is encrypted. If it reports
// false, b is no encoding any more.
func (c Context) rewrites(b []byte, write bool) bool {
	if len(b) == 0 {
		return false
	}
	switch {
	case len(c.Map) > 0:
		return b[0] == contextMap && rewritesMap(b[1:], c.Map, write)
	case len(c.Raw) > 0:
		return b[0] == contextRaw && string(b[3:]) == string(c.Raw)
	}
	return b[0] == contextNone
}

// rewritesMap does so with the pairs of m, in b without its first byte: as many of
// them, no two of one key.
func rewritesMap(b []byte, m map[string]string, write bool) bool {
	if int(binary.BigEndian.Uint16(b)) != len(m) {
		return false
	}
	for b = b[2:]; len(b) > 0; {
		var key, value []byte
		key, b = cutString(b)
		value, b = cutString(b)
		v, ok := m[string(key)]
		if !ok || len(v) != len(value) {
			return false
		}
		if v != string(value) {
			if !write || !utf8.ValidString(v) {
				return false
			}
			copy(value, v)
		}
	}
	return true
}

// cutString cuts u16 len, bytes off b.
func cutString(b []byte) (s, rest []byte) {
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n], b[n:]
}

type pair struct{ key, value string }

// appendMap encodes m with its keys in byte order. It allocates only for a map
// of more pairs than almost anyone binds.
func appendMap(dst []byte, m map[string]string) ([]byte, error) {
	var few [8]pair
	pairs, size := few[:0], 3
	for k, v := range m {
		if size += 4 + len(k) + len(v); size > MaxContextMap {
			return nil, fmt.Errorf("%w: encryption context of more than %d bytes encoded",
				ErrContext, MaxContextMap)
		}
		pairs = append(pairs, pair{k, v})
	}
	if len(pairs) == 2 { // the common case, without the sort's machinery
		if pairs[0].key > pairs[1].key {
			pairs[0], pairs[1] = pairs[1], pairs[0]
		}
	} else {
		slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	}
	start := len(dst)
	dst = append(dst, contextMap)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(pairs)))
	for i := range pairs {
		p := &pairs[i]
		if p.key == "" {
			return nil, fmt.Errorf("%w: encryption context with an empty key", ErrContext)
		}
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(p.key))), p.key...)
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(p.value))), p.value...)
	}
	// Most contexts are ASCII, which shows at a glance at all of it.
	if !ascii(dst[start:]) && slices.ContainsFunc(pairs, pair.notUTF8) {
		return nil, fmt.Errorf("%w: encryption context is not UTF-8", ErrContext)
	}
	return dst, nil
}

func (p pair) notUTF8() bool { return !utf8.ValidString(p.key) || !utf8.ValidString(p.value) }

// ascii reports whether all of b is ASCII.
func ascii(b []byte) bool {
	var or uint64
	for ; len(b) >= 8; b = b[8:] {
		or |= binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		or |= uint64(c)
	}
	return or&0x8080808080808080 == 0
}
