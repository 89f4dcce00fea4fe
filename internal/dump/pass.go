package dump

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/embedkms/kms/internal/xgcm"
)

// A pass reads the frames of a dump. It keeps one frame at a time.
type pass struct {
	r      *bufio.Reader
	key    *xgcm.Key
	index  uint64 // of the next frame
	sealed []byte // the current frame behind its head
	plain  []byte // its plaintext
}

// next opens the next frame and returns its kind.
func (p *pass) next() (kind byte, err error) {
	var head frameHead
	if err := readFull(p.r, head[:]); err != nil {
		return 0, err
	}
	if !head.valid() {
		return 0, ErrDamaged
	}
	p.sealed = slices.Grow(p.sealed[:0], head.len())[:head.len()]
	if err := readFull(p.r, p.sealed); err != nil {
		return 0, err
	}
	// With room for it all, Open leaves no second copy behind. The memory is new,
	// so that a body which was kept by mistake is never another entry's.
	room := make([]byte, 0, head.len())
	p.plain, err = p.key.Open(room, p.sealed, bound(p.index, head.kind()))
	if err != nil {
		return 0, ErrDamaged
	}
	p.index++
	return head.kind(), nil
}

// yield yields the current frame's entry and clears it, also if yield panics.
func (p *pass) yield(yield func(Entry, error) bool) (more bool, err error) {
	defer clear(p.plain)
	e, err := parseEntry(p.plain)
	if err != nil {
		return false, err
	}
	return yield(e, nil), nil
}

// end checks that the current frame, the last, is in order and nothing follows.
func (p *pass) end() error {
	if binary.BigEndian.Uint64(p.plain) != p.index-1 {
		return ErrDamaged
	}
	_, err := p.r.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		return ErrDamaged
	}
	return fmt.Errorf("reading dump: %w", err)
}
