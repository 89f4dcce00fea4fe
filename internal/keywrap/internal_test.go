package keywrap

import (
	"bytes"
	"testing"
)

// A value that fails a check leaves nothing of what it decrypted to in memory.
// The buffer is never handed out, so only a test within the package can look.
func TestClearedOnFailure(t *testing.T) {
	for _, at := range []int{0, 4, 7, semiblock + 31} {
		buf := frame(bytes.Repeat([]byte{1}, 31))
		buf[at] ^= 0x80
		out, err := unframe(buf)
		if err != ErrInvalid || out != nil {
			t.Errorf("byte %d altered: %x, %v", at, out, err)
		}
		if !bytes.Equal(buf, make([]byte, len(buf))) {
			t.Errorf("byte %d altered: %x is left", at, buf)
		}
	}
}

// What is returned ends where the plaintext does: a caller that appends to it or
// clears it touches all of it and nothing else.
func TestUnframeCapacity(t *testing.T) {
	out, err := unframe(frame([]byte{1, 2, 3}))
	if err != nil || len(out) != 3 || cap(out) != 3 {
		t.Errorf("%x of capacity %d, %v", out, cap(out), err)
	}
}

// The lengths let through to be decrypted are those that Wrap makes, no others:
// the checks after it would mostly fail anyway, but only once the work is done.
func TestWrappedLen(t *testing.T) {
	made := map[int]bool{}
	for n := 1; n <= MaxPlaintext; n++ {
		made[len(frame(make([]byte, n)))] = true
	}
	for n := range MaxPlaintext + 4*semiblock {
		if wrappedLen(n) != made[n] {
			t.Errorf("wrappedLen(%d) = %v", n, wrappedLen(n))
		}
	}
}
