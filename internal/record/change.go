package record

import (
	"slices"

	"github.com/embedkms/kms/internal/tlv"
)

// A ChangeID is drawn once for a call that changes a record, so that the call,
// repeated over an unknown outcome, finds what it has already done.
type ChangeID [8]byte

// MaxChanges is how many changes a record remembers.
const MaxChanges = 256

// Changes are the IDs of a record's last changes, the newest last.
type Changes []ChangeID

// Add notes the change id.
func (c *Changes) Add(id ChangeID) {
	*c = append(*c, id)
	*c = (*c)[max(0, len(*c)-MaxChanges):]
}

// append appends c as a field.
func (c Changes) append(b []byte, tag byte) []byte {
	if len(c) == 0 {
		return b
	}
	parts := make([][]byte, len(c))
	for i := range c {
		parts[i] = c[i][:]
	}
	return tlv.Append(b, tag, parts...)
}

// read reads the current field of r, which is not repeated.
func (c *Changes) read(r *tlv.Reader) {
	const size = len(ChangeID{})
	n := len(r.Value) / size
	if *c != nil || n == 0 || n > MaxChanges || len(r.Value)%size != 0 {
		r.Malformed()
		return
	}
	for id := range slices.Chunk(r.Value, size) {
		*c = append(*c, ChangeID(id))
	}
}
