package record

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/tlv"
)

// A Mode is the part of a key's state that is stored as such.
type Mode byte

const (
	Enabled  Mode = 1
	Disabled Mode = 2
)

// A Key is the body of a record key/<uuid>: a key with all its versions.
type Key struct {
	Spec        string
	Usage       string
	Origin      string
	Mode        Mode
	CreatedAt   time.Time // to the millisecond, as all times here
	Description string
	Tags        map[string]string
	Versions    []Version // version n stands at n-1; the last is primary
}

// A Version is a key version.
type Version struct {
	// ID is drawn once for the call that made the version, so that a call
	// repeated over an unknown outcome finds its own.
	ID        [16]byte
	CreatedAt time.Time
	Material  []byte
}

// Tags of the fields. They are never reused.
const (
	keySpec        = 1
	keyUsage       = 2
	keyOrigin      = 3
	keyMode        = 4
	keyCreatedAt   = 5
	keyDescription = 6
	keyTag         = 7 // repeated, by name: u8 len ‖ name ‖ value
	keyVersion     = 8 // repeated, in order

	versionID        = 1
	versionCreatedAt = 2
	versionMaterial  = 3
)

const versionSize = 4*tlv.HeaderSize + 16 + 8 // less the material

// Marshal returns the body of k in a buffer that holds no other copy of its
// material, for the caller to clear.
func (k *Key) Marshal() []byte {
	b := append(make([]byte, 0, k.sizeBound()), tlv.Format)
	b = tlv.AppendText(b, keySpec, k.Spec)
	b = tlv.AppendText(b, keyUsage, k.Usage)
	b = tlv.AppendText(b, keyOrigin, k.Origin)
	b = tlv.Append(b, keyMode, []byte{byte(k.Mode)})
	b = tlv.AppendTime(b, keyCreatedAt, k.CreatedAt)
	b = tlv.AppendText(b, keyDescription, k.Description)
	for _, name := range slices.Sorted(maps.Keys(k.Tags)) {
		b = tlv.Append(b, keyTag, []byte{byte(len(name))}, []byte(name), []byte(k.Tags[name]))
	}
	for _, v := range k.Versions {
		b = v.append(b)
	}
	return b
}

// sizeBound is at least the size of the body, so that writing it never moves it.
func (k *Key) sizeBound() int {
	n := 128 + len(k.Spec) + len(k.Usage) + len(k.Origin) + len(k.Description)
	for name, value := range k.Tags {
		n += tlv.HeaderSize + 1 + len(name) + len(value)
	}
	for _, v := range k.Versions {
		n += versionSize + len(v.Material)
	}
	return n
}

// append appends v as a field, without a buffer between for its material.
func (v *Version) append(b []byte) []byte {
	start := len(b)
	b = tlv.Append(b, keyVersion)
	b = tlv.Append(b, versionID, v.ID[:])
	b = tlv.AppendTime(b, versionCreatedAt, v.CreatedAt)
	b = tlv.Append(b, versionMaterial, v.Material)
	n := len(b) - start - tlv.HeaderSize
	b[start+1], b[start+2], b[start+3] = byte(n>>16), byte(n>>8), byte(n)
	return b
}

// ParseKey reads a body. The versions' material is a part of body, not a copy:
// clearing body clears it.
func ParseKey(body []byte) (*Key, error) {
	k := &Key{}
	r := tlv.NewReader(body)
	lastTag := ""
	for r.Next() {
		switch r.Tag {
		case keySpec:
			r.Text(&k.Spec)
		case keyUsage:
			r.Text(&k.Usage)
		case keyOrigin:
			r.Text(&k.Origin)
		case keyMode:
			k.readMode(r)
		case keyCreatedAt:
			r.Time(&k.CreatedAt)
		case keyDescription:
			r.Text(&k.Description)
		case keyTag:
			lastTag = k.readTag(r, lastTag)
		case keyVersion:
			k.Versions = append(k.Versions, readVersion(r))
		default:
			r.Unknown()
		}
	}
	if k.Spec == "" || k.Usage == "" || k.Origin == "" || k.Mode == 0 ||
		k.CreatedAt.IsZero() || len(k.Versions) == 0 {
		r.Malformed()
	}
	if r.Err() != nil {
		return nil, bodyError(r.Err())
	}
	return k, nil
}

func (k *Key) readMode(r *tlv.Reader) {
	var mode [1]byte
	if k.Mode != 0 {
		r.Malformed()
	}
	r.Fixed(mode[:])
	if k.Mode = Mode(mode[0]); k.Mode > Disabled {
		r.Unknown()
	}
}

// readTag reads one tag, whose name comes after last.
func (k *Key) readTag(r *tlv.Reader, last string) string {
	if len(r.Value) == 0 || len(r.Value) < 1+int(r.Value[0]) {
		r.Malformed()
		return ""
	}
	n := 1 + int(r.Value[0])
	name, value := string(r.Value[1:n]), string(r.Value[n:])
	if cmp.Compare(name, last) <= 0 {
		r.Malformed()
	}
	if k.Tags == nil {
		k.Tags = map[string]string{}
	}
	k.Tags[name] = value
	return name
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
		default:
			r.Unknown()
		}
	}
	if v.ID == [16]byte{} || v.CreatedAt.IsZero() || v.Material == nil {
		r.Malformed()
	}
	if r.Err() != nil {
		outer.Fail(r.Err())
	}
	return v
}

// bodyError says of a body that opened but cannot be read what is wrong with
// it. What is sealed is what was written, so a malformed body is a writer's
// fault; to a reader it is as good as altered.
func bodyError(err error) error {
	if errors.Is(err, tlv.ErrTooNew) {
		return ErrFormatTooNew
	}
	return ErrTampered
}
