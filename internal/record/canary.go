package record

import (
	"time"

	"github.com/embedkms/kms/internal/tlv"
)

// A Canary is the body of the record meta/canary, which is written to find out
// whether the store can be.
type Canary struct {
	WrittenAt time.Time // by the writer's clock
}

// Tags of the fields. They are never reused.
const canaryWrittenAt = 1

// Marshal returns the body of c.
func (c Canary) Marshal() []byte {
	return tlv.AppendTime([]byte{tlv.Format}, canaryWrittenAt, c.WrittenAt)
}

// ParseCanary reads a body.
func ParseCanary(body []byte) (Canary, error) {
	var c Canary
	r := tlv.NewReader(body)
	for r.Next() {
		if r.Tag != canaryWrittenAt {
			r.Unknown()
			break
		}
		r.Time(&c.WrittenAt)
	}
	if c.WrittenAt.IsZero() {
		r.Malformed()
	}
	if r.Err() != nil {
		return Canary{}, bodyError(r.Err())
	}
	return c, nil
}
