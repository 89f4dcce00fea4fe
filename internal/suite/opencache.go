package suite

import (
	"crypto/cipher"
	"encoding/binary"
	"sync/atomic"
)

// maxOpened is how many sessions of a key are remembered.
const maxOpened = 16

// An openCache remembers the sessions that have opened envelopes, the oldest
// giving way to the newest: each from its second envelope on, since those of which
// one is read now and then are many, and would put out those of which many are.
// Readers take no lock: a tag says where to look, and the session there says itself
// whether it is the one.
type openCache struct {
	tags  [maxOpened]atomic.Uint32 // the first bytes of N1
	slots [maxOpened]atomic.Pointer[opened]
	next  atomic.Uint32

	once     [maxOpened]atomic.Uint32 // tags of those that have opened one
	nextOnce atomic.Uint32
}

// An opened is a session and what some of its messages authenticate, ready made. It
// never changes, and fills a size class.
type opened struct {
	aead    cipher.AEAD
	unbound [offN2 + 1]byte // those without a context
	bound   [171]byte       // those with the context that was opened first,
	size    uint8           // if it is short enough, or else 0
}

func (o *opened) n1() []byte { return o.unbound[offN1:offN2] }

// first returns what those messages authenticate whose context was opened first.
func (o *opened) first() []byte { return o.bound[:o.size] }

func tagOf(n1 []byte) uint32 { return binary.LittleEndian.Uint32(n1) }

// lookup returns the session of n1, or nil. A nil cache is empty.
func (c *openCache) lookup(n1 []byte) *opened {
	if c == nil {
		return nil
	}
	tag := tagOf(n1)
	for i := range c.tags {
		if c.tags[i].Load() != tag {
			continue
		}
		if o := c.slots[i].Load(); o != nil && string(o.n1()) == string(n1) {
			return o
		}
	}
	return nil
}

// remember keeps the session of an envelope that was opened with aad, if it is not
// the first of its session. The envelope itself may be overwritten by now. Two at a
// time may keep one twice, or lose one, which costs no more than time.
func (c *openCache) remember(aead cipher.AEAD, aad []byte) {
	tag := tagOf(aad[offN1:offN2])
	if !c.again(tag) {
		return
	}
	o := &opened{aead: aead}
	copy(o.unbound[:], aad)
	o.unbound[offN2] = contextNone
	if len(aad) <= len(o.bound) {
		o.size = uint8(copy(o.bound[:], aad))
	}
	i := c.next.Add(1) % maxOpened
	c.slots[i].Store(o)
	c.tags[i].Store(tag)
}

// again reports whether a session of this tag has opened an envelope lately, and
// notes that it has now.
func (c *openCache) again(tag uint32) bool {
	for i := range c.once {
		if c.once[i].Load() == tag {
			return true
		}
	}
	c.once[c.nextOnce.Add(1)%maxOpened].Store(tag)
	return false
}
