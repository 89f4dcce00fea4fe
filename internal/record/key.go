package record

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/tlv"
	"github.com/embedkms/kms/internal/xgcm"
)

// A Mode is the part of a key's state that is stored as such.
type Mode byte

const (
	Enabled  Mode = 1
	Disabled Mode = 2
	Archived Mode = 3
)

// OriginExternal is the origin of keys whose material is imported, which alone
// may be without any version.
const OriginExternal = "EXTERNAL"

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

	RotationPeriod time.Duration // 0 for none
	NextRotation   time.Time     // zero for none
	DeletionDate   time.Time     // from when the key may be destroyed; zero for never
	DestroyedAt    time.Time     // set in a tombstone
	Changes        Changes
}

// Destroy makes a tombstone of the key: all that is known of it, less what it
// could encrypt and decrypt with.
func (k *Key) Destroy(at time.Time) {
	k.DestroyedAt = at
	for i := range k.Versions {
		k.Versions[i].Destroy(at)
	}
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
	keyPeriod      = 9 // u64 nanoseconds
	keyNext        = 10
	keyDeletion    = 11
	keyDestroyed   = 12
	keyChanges     = 13 // 8 bytes each
)

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
	for i := range k.Versions {
		b = k.Versions[i].append(b)
	}
	if k.RotationPeriod != 0 {
		b = tlv.Append(b, keyPeriod, binary.BigEndian.AppendUint64(nil, uint64(k.RotationPeriod)))
	}
	b = tlv.AppendTime(b, keyNext, k.NextRotation)
	b = tlv.AppendTime(b, keyDeletion, k.DeletionDate)
	b = tlv.AppendTime(b, keyDestroyed, k.DestroyedAt)
	return k.Changes.append(b, keyChanges)
}

// sizeBound is at least the size of the body, so that writing it never moves it.
func (k *Key) sizeBound() int {
	n := 256 + len(k.Spec) + len(k.Usage) + len(k.Origin) + len(k.Description)
	for name, value := range k.Tags {
		n += tlv.HeaderSize + 1 + len(name) + len(value)
	}
	for i := range k.Versions {
		n += versionSize + len(k.Versions[i].Material)
	}
	return n + len(ChangeID{})*len(k.Changes)
}

// Bound returns the most bytes that the sealed record of k takes, whatever becomes
// of it, as long as nothing is added to it: no version, tag or longer description.
// Imported material that is gone may come back, as many bytes as material at most.
func (k *Key) Bound(material int) int {
	n := headerSize + xgcm.Overhead + 256 + len(k.Spec) + len(k.Usage) + len(k.Origin) + len(k.Description)
	for name, value := range k.Tags {
		n += tlv.HeaderSize + 1 + len(name) + len(value)
	}
	for i := range k.Versions {
		n += k.Versions[i].bound(material)
	}
	return n + len(ChangeID{})*MaxChanges
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
		case keyPeriod:
			k.readPeriod(r)
		case keyNext:
			r.Time(&k.NextRotation)
		case keyDeletion:
			r.Time(&k.DeletionDate)
		case keyDestroyed:
			r.Time(&k.DestroyedAt)
		case keyChanges:
			k.Changes.read(r)
		default:
			r.Unknown()
		}
	}
	if k.Spec == "" || k.Usage == "" || k.Origin == "" || k.Mode == 0 ||
		k.CreatedAt.IsZero() || len(k.Versions) == 0 && k.Origin != OriginExternal {
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
	if k.Mode = Mode(mode[0]); k.Mode > Archived {
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

func (k *Key) readPeriod(r *tlv.Reader) {
	var period [8]byte
	if k.RotationPeriod != 0 {
		r.Malformed()
	}
	r.Fixed(period[:])
	if k.RotationPeriod = time.Duration(binary.BigEndian.Uint64(period[:])); k.RotationPeriod < 0 {
		r.Malformed()
	}
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
