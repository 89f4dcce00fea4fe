package record

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/embedkms/kms/internal/tlv"
)

// A Usage is the body of a record usage/<uuid>: about how many messages each
// version of a key has encrypted. It is a record of its own, so that counting
// does not change the key.
type Usage map[uint32]uint64

// Add adds the counts of other, none beyond the largest.
func (u Usage) Add(other Usage) {
	for version, n := range other {
		u[version] += min(n, math.MaxUint64-u[version])
	}
}

const usageVersion = 1 // repeated, ascending: u32 version ‖ u64 count

// Marshal returns the body of u.
func (u Usage) Marshal() []byte {
	b := []byte{tlv.Format}
	for _, version := range slices.Sorted(maps.Keys(u)) {
		field := binary.BigEndian.AppendUint32(nil, version)
		b = tlv.Append(b, usageVersion, binary.BigEndian.AppendUint64(field, u[version]))
	}
	return b
}

// ParseUsage reads a body.
func ParseUsage(body []byte) (Usage, error) {
	u := Usage{}
	r := tlv.NewReader(body)
	last := uint32(0)
	for r.Next() {
		if r.Tag != usageVersion {
			r.Unknown()
			break
		}
		if len(r.Value) != 12 || binary.BigEndian.Uint32(r.Value) <= last {
			r.Malformed()
			break
		}
		last = binary.BigEndian.Uint32(r.Value)
		u[last] = binary.BigEndian.Uint64(r.Value[4:])
	}
	if r.Err() != nil {
		return nil, bodyError(r.Err())
	}
	return u, nil
}
