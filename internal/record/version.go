package record

import (
	"time"

	"github.com/embedkms/kms/internal/tlv"
)

// A Version is a key version.
type Version struct {
	// ID is drawn once for the call that made the version, so that a call
	// repeated over an unknown outcome finds its own.
	ID        [16]byte
	CreatedAt time.Time

	// Material is nil where there is none: in an imported version until it is
	// imported again, which Fingerprint allows, and in a destroyed one.
	Material []byte

	Fingerprint     [16]byte  // of imported material, which it outlives
	ValidTo         time.Time // of imported material; zero for good
	DestructionDate time.Time // from when it may be destroyed; zero for never
	DestroyedAt     time.Time // zero if it is not
}

// Destroy removes the version's material for good.
func (v *Version) Destroy(at time.Time) {
	if v.DestroyedAt.IsZero() {
		v.Material, v.Fingerprint, v.ValidTo, v.DestroyedAt = nil, [16]byte{}, time.Time{}, at
	}
}

// Tags of the fields. They are never reused.
const (
	versionID          = 1
	versionCreatedAt   = 2
	versionMaterial    = 3
	versionFingerprint = 4
	versionValidTo     = 5
	versionDestruction = 6
	versionDestroyed   = 7
)

const versionSize = 8*tlv.HeaderSize + 16 + 16 + 4*8 // at most, less the material

// bound is the most bytes that v takes, with imported material of as many bytes as
// material at most.
func (v *Version) bound(material int) int {
	const (
		date  = tlv.HeaderSize + 8
		fixed = tlv.HeaderSize + tlv.HeaderSize + 16 + 2*date // ID, created, destruction
	)
	switch {
	case !v.DestroyedAt.IsZero():
		return fixed + date
	case v.Fingerprint != [16]byte{}: // to destroy it takes more than it adds
		return fixed + tlv.HeaderSize + max(material, len(v.Material)) + tlv.HeaderSize + 16 + date
	}
	return fixed + tlv.HeaderSize + len(v.Material)
}

// append appends v as a field, without a buffer between for its material.
func (v *Version) append(b []byte) []byte {
	start := len(b)
	b = tlv.Append(b, keyVersion)
	b = tlv.Append(b, versionID, v.ID[:])
	b = tlv.AppendTime(b, versionCreatedAt, v.CreatedAt)
	if len(v.Material) > 0 {
		b = tlv.Append(b, versionMaterial, v.Material)
	}
	if v.Fingerprint != [16]byte{} {
		b = tlv.Append(b, versionFingerprint, v.Fingerprint[:])
	}
	b = tlv.AppendTime(b, versionValidTo, v.ValidTo)
	b = tlv.AppendTime(b, versionDestruction, v.DestructionDate)
	b = tlv.AppendTime(b, versionDestroyed, v.DestroyedAt)
	n := len(b) - start - tlv.HeaderSize
	b[start+1], b[start+2], b[start+3] = byte(n>>16), byte(n>>8), byte(n)
	return b
}

func readVersion(outer *tlv.Reader) (v Version) {
	r := tlv.NewNested(outer.Value)
	for r.Next() {
		switch r.Tag {
		case versionID:
			r.Fixed(v.ID[:])
		case versionCreatedAt:
			r.Time(&v.CreatedAt)
		case versionMaterial:
			if v.Material != nil || len(r.Value) == 0 {
				r.Malformed()
			}
			v.Material = r.Value
		case versionFingerprint:
			r.Fixed(v.Fingerprint[:])
		case versionValidTo:
			r.Time(&v.ValidTo)
		case versionDestruction:
			r.Time(&v.DestructionDate)
		case versionDestroyed:
			r.Time(&v.DestroyedAt)
		default:
			r.Unknown()
		}
	}
	if v.ID == [16]byte{} || v.CreatedAt.IsZero() || !v.whole() {
		r.Malformed()
	}
	if r.Err() != nil {
		outer.Fail(r.Err())
	}
	return v
}

// whole reports whether the version has material unless it may be without, and
// none if it is destroyed.
func (v *Version) whole() bool {
	if !v.DestroyedAt.IsZero() {
		return v.Material == nil
	}
	return v.Material != nil || v.Fingerprint != [16]byte{}
}
