package record

import (
	"time"

	"github.com/embedkms/kms/internal/tlv"
)

// A Token is the body of a record token/<uuid>: a permission to import material
// into a key, once.
type Token struct {
	KeyID      [16]byte
	Wrapping   string
	ExpiresAt  time.Time
	Secret     [32]byte // that whoever shows the token must know
	PrivateKey []byte   // PKCS #8 (RFC 5208)
}

// Tags of the fields. They are never reused.
const (
	tokenKeyID      = 1
	tokenWrapping   = 2
	tokenExpiresAt  = 3
	tokenSecret     = 4
	tokenPrivateKey = 5
)

// Marshal returns the body of t in a buffer that holds no other copy of its
// private key, for the caller to clear.
func (t *Token) Marshal() []byte {
	b := append(make([]byte, 0, 256+len(t.Wrapping)+len(t.PrivateKey)), tlv.Format)
	b = tlv.Append(b, tokenKeyID, t.KeyID[:])
	b = tlv.AppendText(b, tokenWrapping, t.Wrapping)
	b = tlv.AppendTime(b, tokenExpiresAt, t.ExpiresAt)
	b = tlv.Append(b, tokenSecret, t.Secret[:])
	return tlv.Append(b, tokenPrivateKey, t.PrivateKey)
}

// ParseToken reads a body. The private key is a part of body, not a copy.
func ParseToken(body []byte) (*Token, error) {
	t := &Token{}
	r := tlv.NewReader(body)
	for r.Next() {
		switch r.Tag {
		case tokenKeyID:
			r.Fixed(t.KeyID[:])
		case tokenWrapping:
			r.Text(&t.Wrapping)
		case tokenExpiresAt:
			r.Time(&t.ExpiresAt)
		case tokenSecret:
			r.Fixed(t.Secret[:])
		case tokenPrivateKey:
			if t.PrivateKey != nil || len(r.Value) == 0 {
				r.Malformed()
			}
			t.PrivateKey = r.Value
		default:
			r.Unknown()
		}
	}
	if t.KeyID == [16]byte{} || t.Wrapping == "" || t.ExpiresAt.IsZero() || t.Secret == [32]byte{} ||
		t.PrivateKey == nil {
		r.Malformed()
	}
	if r.Err() != nil {
		return nil, bodyError(r.Err())
	}
	return t, nil
}
