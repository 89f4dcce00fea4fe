package dump

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/xgcm"
	"github.com/embedkms/kms/rootkey"
)

// A Writer writes one dump. It is for one goroutine at a time.
type Writer struct {
	w     *bufio.Writer
	key   *xgcm.Key
	index uint64 // of the next frame
	plain []byte // the last plaintext's memory, clear
	frame []byte // the last frame's
	err   error  // what every further call returns
}

var errClosed = errors.New("dump is closed")

// NewWriter begins a dump in w that root opens. It is made of the time created,
// to the millisecond. What it writes may reach w with a later call only.
//
// The context is for root alone.
func NewWriter(
	ctx context.Context, w io.Writer, root rootkey.Provider, created time.Time,
) (*Writer, error) {
	var dk [32]byte
	rand.Read(dk[:])
	defer clear(dk[:])
	h, err := newHeader(ctx, root, created, dk[:])
	if err != nil {
		return nil, err
	}
	d := &Writer{w: bufio.NewWriter(w), key: newKey(dk[:], h)}
	if err := d.write(h); err != nil {
		return nil, err
	}
	return d, nil
}

// Add adds an entry and keeps nothing of it. Its error, even one about the entry
// alone, is final: Close then returns it too, so that a dump which lacks an
// entry cannot become a complete one.
func (w *Writer) Add(e Entry) error {
	if w.err == nil {
		w.err = w.add(e)
	}
	return w.err
}

func (w *Writer) add(e Entry) error {
	switch {
	case len(e.Name) > MaxName:
		return fmt.Errorf("entry's name has %d bytes, want at most %d", len(e.Name), MaxName)
	case len(e.Body) > MaxBody:
		return fmt.Errorf("entry %q has %d bytes, want at most %d", e.Name, len(e.Body), MaxBody)
	}
	w.plain = appendEntry(slices.Grow(w.plain, 1+len(e.Name)+len(e.Body)), e)
	return w.seal(kindEntry)
}

// Close completes the dump: call it when all entries are added and only then,
// never deferred. A Writer that is given up is left as it is, and what it wrote
// is refused as a dump. Close does not close, nor sync, what is written to.
func (w *Writer) Close() error {
	if w.err == nil {
		w.err = w.last()
	}
	if w.err != nil {
		return w.err
	}
	w.err = errClosed
	return nil
}

// last writes the last frame and all that is still buffered.
func (w *Writer) last() error {
	w.plain = appendCount(w.plain, w.index)
	if err := w.seal(kindLast); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("writing dump: %w", err)
	}
	return nil
}

// seal writes the plaintext as a frame and clears it.
func (w *Writer) seal(kind byte) error {
	head := newFrameHead(kind, len(w.plain)+xgcm.Overhead)
	w.frame = append(w.frame[:0], head[:]...)
	w.frame = w.key.Seal(w.frame, w.plain, bound(w.index, kind))
	clear(w.plain)
	w.plain = w.plain[:0]
	w.index++
	return w.write(w.frame)
}

func (w *Writer) write(b []byte) error {
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("writing dump: %w", err)
	}
	return nil
}
