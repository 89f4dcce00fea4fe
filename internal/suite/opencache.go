package suite

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"sync/atomic"

	"github.com/embedkms/kms/internal/xgcm"
)

// maxOpened is how many sessions of a key are remembered.
const maxOpened = 16

// An openCache remembers the sessions that have opened envelopes, the oldest
// giving way to the newest. Readers take no lock: a tag says where to look, and
// the session there says itself whether it is the one.
type openCache struct {
	tags  [maxOpened]atomic.Uint64 // the first bytes of N1
	slots [maxOpened]atomic.Pointer[opened]
	next  atomic.Uint32
}

type opened struct {
	n1   [xgcm.NonceHalf]byte
	aead cipher.AEAD
	aad  []byte // what the envelope opened first has authenticated, if it is short
}

const maxOpenedAAD = 160

// bound reports whether an envelope of this session authenticates o.aad if it is
// bound to c.
func (o *opened) bound(c Context) bool { return o.aad != nil && c.encodedAs(o.aad[offN2:]) }

// lookup returns the session of n1, or nil. A nil cache is empty.
func (c *openCache) lookup(n1 []byte) *opened {
	if c == nil {
		return nil
	}
	tag := binary.LittleEndian.Uint64(n1)
	for i := range c.tags {
		if c.tags[i].Load() != tag {
			continue
		}
		if o := c.slots[i].Load(); o != nil && string(o.n1[:]) == string(n1) {
			return o
		}
	}
	return nil
}

// remember keeps the session of an envelope that was opened with aad. Two at a
// time may keep one twice, or lose one, which costs no more than time.
func (c *openCache) remember(e Envelope, aead cipher.AEAD, aad []byte) {
	o := &opened{n1: [xgcm.NonceHalf]byte(e.n1()), aead: aead}
	if len(aad) <= maxOpenedAAD {
		o.aad = bytes.Clone(aad)
	}
	i := c.next.Add(1) % maxOpened
	c.slots[i].Store(o)
	c.tags[i].Store(binary.LittleEndian.Uint64(e.n1()))
}
