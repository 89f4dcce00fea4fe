// Package tlv encodes the sealed bodies of stored records: a format byte, then
// fields of a tag, a length and a value. Tags ascend, a field that has its zero
// value is left out, and a reader refuses a tag that it does not know: so a
// body has one encoding only, and an older version of this module never drops
// what a newer one has added.
package tlv

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// Format is the first byte of a body.
const Format = 1

// HeaderSize is the size of a field less that of its value: u8 tag, u24 length.
const HeaderSize = 4

// Errors of a Reader.
var (
	ErrMalformed = errors.New("malformed body")
	ErrTooNew    = errors.New("body of a newer format")
)

// Append appends a field of value's parts.
func Append(dst []byte, tag byte, value ...[]byte) []byte {
	n := 0
	for _, part := range value {
		n += len(part)
	}
	dst = append(dst, tag, byte(n>>16), byte(n>>8), byte(n))
	for _, part := range value {
		dst = append(dst, part...)
	}
	return dst
}

// AppendText appends a field of text, unless it is empty.
func AppendText(dst []byte, tag byte, text string) []byte {
	if text == "" {
		return dst
	}
	return Append(dst, tag, []byte(text))
}

// AppendTime appends a field of t in milliseconds since 1970, unless t is zero.
func AppendTime(dst []byte, tag byte, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return Append(dst, tag, binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli())))
}

// A Reader reads the fields of a body in order. Its first error stays.
type Reader struct {
	rest  cryptobyte.String
	last  byte
	Tag   byte   // of the current field
	Value []byte // of the current field: a part of the body, not a copy
	err   error
}

// NewReader reads a whole body, which begins with the format byte.
func NewReader(body []byte) *Reader {
	r := &Reader{rest: body}
	var format byte
	switch {
	case !r.rest.ReadUint8(&format):
		r.Malformed()
	case format != Format:
		r.err = ErrTooNew
	}
	return r
}

// NewNested reads the fields of a field.
func NewNested(value []byte) *Reader { return &Reader{rest: value} }

// Next moves to the next field and reports whether there is one.
func (r *Reader) Next() bool {
	if r.err != nil || r.rest.Empty() {
		return false
	}
	var value cryptobyte.String
	if !r.rest.ReadUint8(&r.Tag) || !r.rest.ReadUint24LengthPrefixed(&value) || r.Tag < r.last {
		return r.Malformed()
	}
	r.last, r.Value = r.Tag, value
	return true
}

// Err is what ended the reading, nil at the end of the body.
func (r *Reader) Err() error { return r.err }

// Malformed ends the reading with ErrMalformed. It returns false.
func (r *Reader) Malformed() bool {
	r.Fail(ErrMalformed)
	return false
}

// Unknown ends the reading at a tag of a newer version of this module.
func (r *Reader) Unknown() { r.Fail(ErrTooNew) }

// Fail ends the reading with err, if nothing has before.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Text reads the current field into s, which must be empty: the field is not
// repeated.
func (r *Reader) Text(s *string) {
	if *s != "" || len(r.Value) == 0 {
		r.Malformed()
		return
	}
	*s = string(r.Value)
}

// Time reads the current field into t, which must be zero.
func (r *Reader) Time(t *time.Time) {
	if !t.IsZero() || len(r.Value) != 8 {
		r.Malformed()
		return
	}
	*t = time.UnixMilli(int64(binary.BigEndian.Uint64(r.Value))).UTC()
	if t.IsZero() {
		r.Malformed()
	}
}

// Fixed reads the current field into b, whose size it must have and which must
// be zero.
func (r *Reader) Fixed(b []byte) {
	if len(r.Value) != len(b) || !zero(b) || zero(r.Value) {
		r.Malformed()
		return
	}
	copy(b, r.Value)
}

func zero(b []byte) bool {
	var or byte
	for _, c := range b {
		or |= c
	}
	return or == 0
}
