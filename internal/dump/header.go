package dump

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/embedkms/kms/rootkey"
)

const (
	createdAt   = 1 + 1 + 16    // where it stands
	rootLenAt   = createdAt + 8 // where it stands
	fixedSize   = rootLenAt + 1 // of what is before the root ID
	wrapLenSize = 2
	maxRootID   = 255
)

// A header is as many of its bytes as were read or made by now, in the order of
// the methods. It is kept as bytes because all of them are bound, as they are.
type header []byte

func (h header) created() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(h[createdAt:]))).UTC()
}

func (h header) rootLen() int    { return int(h[rootLenAt]) }
func (h header) rootID() string  { return string(h[fixedSize:h.wrapAt()]) }
func (h header) wrapAt() int     { return fixedSize + h.rootLen() } // where its length stands
func (h header) wrapLen() int    { return int(binary.BigEndian.Uint16(h[h.wrapAt():])) }
func (h header) wrapped() []byte { return h[h.wrapAt()+wrapLenSize:] }

// wrapBound returns what the wrap is bound to: all before it, so that not even
// the time is taken from a header before it is known to be genuine.
func (h header) wrapBound() []byte {
	return append([]byte(label), h[:h.wrapAt()]...)
}

// newHeader returns the header of a new dump under dk.
func newHeader(
	ctx context.Context, root rootkey.Provider, created time.Time, dk []byte,
) (header, error) {
	id := root.ID()
	if len(id) == 0 || len(id) > maxRootID {
		return nil, fmt.Errorf("root key's ID has %d bytes, want 1 to %d", len(id), maxRootID)
	}
	h := make(header, createdAt)
	h[0], h[1] = format, suite
	rand.Read(h[2:])
	h = binary.BigEndian.AppendUint64(h, uint64(created.UnixMilli()))
	h = append(append(h, byte(len(id))), id...)
	wrapped, err := root.Wrap(ctx, dk, h.wrapBound())
	if err != nil {
		return nil, fmt.Errorf("root key %q: %w", id, err)
	}
	if len(wrapped) > math.MaxUint16 {
		return nil, fmt.Errorf("root key %q: wrap of %d bytes, want at most %d",
			id, len(wrapped), math.MaxUint16)
	}
	h = binary.BigEndian.AppendUint16(h, uint16(len(wrapped)))
	return append(h, wrapped...), nil
}

// readHeader reads a header and nothing behind it.
func readHeader(r io.Reader) (header, error) {
	h, err := header(nil).read(r, fixedSize)
	switch {
	case err != nil:
		return nil, err
	case h[0] != format:
		return nil, fmt.Errorf("%w: not a dump", ErrDamaged)
	case h[1] != suite:
		return nil, ErrTooNew
	case h.rootLen() == 0:
		return nil, ErrDamaged
	}
	if h, err = h.read(r, h.rootLen()+wrapLenSize); err != nil {
		return nil, err
	}
	return h.read(r, h.wrapLen())
}

// read returns h with the next n bytes of r.
func (h header) read(r io.Reader, n int) (header, error) {
	b := append(h, make([]byte, n)...)
	if err := readFull(r, b[len(h):]); err != nil {
		return nil, err
	}
	return b, nil
}

// unwrap returns DK.
func (h header) unwrap(ctx context.Context, root rootkey.Provider) ([]byte, error) {
	if h.rootID() != root.ID() {
		return nil, fmt.Errorf("%w: dump is under root key %q, not %q",
			rootkey.ErrWrongKey, h.rootID(), root.ID())
	}
	dk, err := root.Unwrap(ctx, h.wrapped(), h.wrapBound())
	if err != nil {
		clear(dk)
		return nil, fmt.Errorf("root key %q: %w", h.rootID(), err)
	}
	if len(dk) != 32 {
		clear(dk)
		return nil, ErrDamaged
	}
	return dk, nil
}

// readFull fills b from r. An end of r is damage: the last frame is what ends a
// dump, and nothing reads beyond that.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrDamaged
	}
	return fmt.Errorf("reading dump: %w", err)
}
