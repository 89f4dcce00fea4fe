package record

import (
	"time"

	"github.com/embedkms/kms/internal/tlv"
)

// An Alias is the body of a record alias/<hash of the name>: a pointer to a
// key. A writer of the store can neither read its name nor turn it elsewhere.
type Alias struct {
	Name      string // without "alias/"
	KeyID     [16]byte
	ID        [16]byte // random, of each time that the alias was created
	CreatedAt time.Time
	DeletedAt time.Time // set in a tombstone, which a new alias may replace
	Changes   Changes   // of the record, also before a tombstone
}

// Tags of the fields. They are never reused.
const (
	aliasName      = 1
	aliasKeyID     = 2
	aliasID        = 3
	aliasCreatedAt = 4
	aliasDeletedAt = 5
	aliasChanges   = 6
)

// Marshal returns the body of a.
func (a *Alias) Marshal() []byte {
	b := tlv.AppendText([]byte{tlv.Format}, aliasName, a.Name)
	b = tlv.Append(b, aliasKeyID, a.KeyID[:])
	b = tlv.Append(b, aliasID, a.ID[:])
	b = tlv.AppendTime(b, aliasCreatedAt, a.CreatedAt)
	b = tlv.AppendTime(b, aliasDeletedAt, a.DeletedAt)
	return a.Changes.append(b, aliasChanges)
}

// ParseAlias reads a body.
func ParseAlias(body []byte) (*Alias, error) {
	a := &Alias{}
	r := tlv.NewReader(body)
	for r.Next() {
		switch r.Tag {
		case aliasName:
			r.Text(&a.Name)
		case aliasKeyID:
			r.Fixed(a.KeyID[:])
		case aliasID:
			r.Fixed(a.ID[:])
		case aliasCreatedAt:
			r.Time(&a.CreatedAt)
		case aliasDeletedAt:
			r.Time(&a.DeletedAt)
		case aliasChanges:
			a.Changes.read(r)
		default:
			r.Unknown()
		}
	}
	if a.Name == "" || a.KeyID == [16]byte{} || a.ID == [16]byte{} || a.CreatedAt.IsZero() {
		r.Malformed()
	}
	if r.Err() != nil {
		return nil, bodyError(r.Err())
	}
	return a, nil
}
