package suite

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Key seals and opens the envelopes of one key version and one purpose. It
// never changes once made, apart from its caches, and is safe for concurrent use.
type Key struct {
	sessions sessions
	prefix   [offN1]byte // H ‖ C: the same in every envelope
	counter  *Counter    // nil for none

	sealing sync.Pool // of *session
	opened  atomic.Pointer[openCache]
}

// A session seals messages under one N1, at the speed of plain GCM. One caller
// at a time owns it, so it can hold the buffer for what is authenticated.
//
// XAES needs (N1, N2) unique. Q messages in sessions of at most 2^16 collide
// with probability below Q·2^16/2^97 + Q²/2^193: 2^-33 after 2^48 messages.
type session struct {
	aead   cipher.AEAD
	sealed *sessionCount
	ends   time.Duration // by the caller's clock
	bound  boundTo
}

const (
	sessionMessages = 1 << 16
	sessionLife     = 9 * time.Minute // and what the caller's clock is behind, within 10
)

// session returns a session that may seal at now, a reading of a clock that
// never goes back.
func (k *Key) session(now time.Duration) *session {
	if s, _ := k.sealing.Get().(*session); s != nil && now < s.ends &&
		s.ends-now <= sessionLife && s.sealed.Load() < sessionMessages {
		return s
	}
	bound := newBoundTo()
	copy(bound.aad, k.prefix[:])
	n1 := bound.aad[offN1:]
	rand.Read(n1)
	s := &session{aead: k.sessions.Session(n1, make([]byte, 32)), ends: now + sessionLife, bound: bound}
	s.sealed = k.counter.begin(s)
	return s
}

// Seal appends to dst the envelope of plaintext bound to c. It allocates
// nothing if dst has room and overlaps nothing; dst may overlap what it likes.
func (k *Key) Seal(dst, plaintext []byte, c Context, now time.Duration) ([]byte, error) {
	s := k.session(now)
	aad, err := s.bound.with(c)
	if err != nil {
		k.sealing.Put(s)
		return nil, err
	}
	dst = grow(dst, len(plaintext)+Overhead)
	if overlap(dst[len(dst):len(dst)+len(plaintext)+Overhead], plaintext) {
		plaintext = bytes.Clone(plaintext)
		defer clear(plaintext)
	}
	dst = s.aead.Seal(append(dst, aad[:offN2]...), nil, plaintext, aad)
	s.sealed.Add(1)
	k.sealing.Put(s)
	return dst, nil
}

// A scratch is what opening an envelope takes in buffers.
type scratch struct {
	bound boundTo
	kx    [32]byte
}

var scratches = sync.Pool{New: func() any { return &scratch{bound: newBoundTo()} }}

// Open appends to dst the plaintext of e, if e is this key's and bound to c.
// Otherwise it returns ErrInvalid and nothing else, or an ErrContext. It
// allocates nothing if dst has room and e's session has opened two before, lately.
func (k *Key) Open(dst []byte, e Envelope, c Context) ([]byte, error) {
	// The commitment is compared before anything is derived from N1: another
	// key with this ID, or another suite or purpose, ends here.
	if !k.owns(e) {
		return nil, ErrInvalid
	}
	session := k.opened.Load().lookup(e.n1())
	if session != nil && c.none() {
		return openInto(dst, session.aead, e, session.unbound[:])
	}
	if session != nil && session.size > 0 && c.encodedAs(session.first()[offN2:]) {
		return openInto(dst, session.aead, e, session.first())
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	copy(s.bound.aad, e.bound())
	aad, err := s.bound.with(c)
	if err != nil {
		return nil, err
	}
	if session != nil {
		return openInto(dst, session.aead, e, aad)
	}
	// What has opened an envelope is no attacker's, and is remembered.
	aead := k.sessions.Session(e.n1(), s.kx[:])
	if dst, err = openInto(dst, aead, e, aad); err == nil {
		k.remember(aead, aad)
	}
	return dst, err
}

// remember keeps the session of an envelope that was opened with aad.
func (k *Key) remember(aead cipher.AEAD, aad []byte) {
	if k.opened.Load() == nil {
		k.opened.CompareAndSwap(nil, new(openCache))
	}
	k.opened.Load().remember(aead, aad)
}

// owns compares H ‖ C in constant time, a word at a time.
func (k *Key) owns(e Envelope) bool {
	const last = offN1 - 8 // the last word overlaps the one before
	h := (*[offN1]byte)(e)
	diff := binary.LittleEndian.Uint64(h[last:]) ^ binary.LittleEndian.Uint64(k.prefix[last:])
	for i := 0; i < last; i += 8 {
		diff |= binary.LittleEndian.Uint64(h[i:]) ^ binary.LittleEndian.Uint64(k.prefix[i:])
	}
	return diff == 0
}

// openInto appends the plaintext of e to dst, by way of a buffer of its own if
// dst's spare room overlaps e.
func openInto(dst []byte, aead cipher.AEAD, e Envelope, aad []byte) ([]byte, error) {
	n := e.PlaintextSize()
	dst = grow(dst, n)
	if !overlap(dst[len(dst):len(dst)+n], e) {
		out, err := aead.Open(dst, nil, e.sealed(), aad)
		if err != nil {
			return nil, ErrInvalid
		}
		return out, nil
	}
	out, err := aead.Open(make([]byte, 0, n), nil, e.sealed(), aad)
	if err != nil {
		return nil, ErrInvalid
	}
	defer clear(out)
	return append(dst, out...), nil
}

// grow returns dst with room for n bytes more. Of nothing, to make some takes less
// than slices.Grow does.
func grow(dst []byte, n int) []byte {
	if dst == nil {
		return make([]byte, 0, n)
	}
	return slices.Grow(dst, n)
}

// overlap reports whether a and b share memory.
func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	a0, b0 := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return a0 < b0+uintptr(len(b)) && b0 < a0+uintptr(len(a))
}
