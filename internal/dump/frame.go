package dump

import (
	"encoding/binary"

	"github.com/embedkms/kms/internal/xgcm"
)

// Kinds of frames.
const (
	kindEntry = 1
	kindLast  = 2
)

const (
	headSize  = 1 + 3 // of a frame: kind and length
	countSize = 8     // of the last frame's plaintext

	maxSealed = xgcm.Overhead + 1 + MaxName + MaxBody
)

// A frameHead is the first bytes of a frame.
type frameHead [headSize]byte

func newFrameHead(kind byte, n int) frameHead {
	return frameHead{kind, byte(n >> 16), byte(n >> 8), byte(n)}
}

func (h frameHead) kind() byte { return h[0] }
func (h frameHead) len() int   { return int(h[1])<<16 | int(h[2])<<8 | int(h[3]) }

// valid says whether there are such frames. It is asked before the length, which
// anyone could have written, decides how much memory is taken.
func (h frameHead) valid() bool {
	switch h.kind() {
	case kindEntry:
		return h.len() > xgcm.Overhead && h.len() <= maxSealed
	case kindLast:
		return h.len() == xgcm.Overhead+countSize
	}
	return false
}

// appendEntry appends the plaintext of an entry's frame.
func appendEntry(dst []byte, e Entry) []byte {
	dst = append(dst, byte(len(e.Name)))
	dst = append(dst, e.Name...)
	return append(dst, e.Body...)
}

// parseEntry returns the entry of a plaintext, of which its body is a part.
func parseEntry(b []byte) (Entry, error) {
	n := 1 + int(b[0])
	if n > len(b) || len(b)-n > MaxBody {
		return Entry{}, ErrDamaged
	}
	return Entry{string(b[1:n]), b[n:len(b):len(b)]}, nil
}

// appendCount appends the plaintext of the last frame.
func appendCount(dst []byte, entries uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, entries)
}
