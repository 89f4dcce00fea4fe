package dump

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/embedkms/kms/internal/xgcm"
	"github.com/embedkms/kms/rootkey"
)

// A Dump is an open dump. It is for one goroutine at a time.
type Dump struct {
	r       io.ReadSeeker
	frames  int64 // where in r they begin
	key     *xgcm.Key
	created time.Time
}

// Open opens the dump that begins at r's current position, with the root key it
// was written for. It reads the header only, and leaves r anywhere.
//
// A header that names another root key is rootkey.ErrWrongKey, and what root
// itself returns is wrapped. The context is for root alone.
func Open(ctx context.Context, r io.ReadSeeker, root rootkey.Provider) (*Dump, error) {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("reading dump: %w", err)
	}
	h, err := readHeader(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	dk, err := h.unwrap(ctx, root)
	if err != nil {
		return nil, err
	}
	defer clear(dk)
	return &Dump{r, start + int64(len(h)), newKey(dk, h), h.created()}, nil
}

// Created returns the time that the Writer was given, in UTC. It is genuine as
// soon as Open has returned.
func (d *Dump) Created() time.Time { return d.created }

// Entries returns a pass over all entries in the order they were added. An error
// is the last pair of a pass. A pass that ends without one has seen the whole
// dump and the end of the reader, and only then is it known that nothing is
// missing; until then the entries are genuine, but may be the first ones only.
// So pass once to verify, and again to use them.
//
// A body is cleared after its yield: copy what is to be kept.
//
// Each pass begins with the first entry, and reads the reader anew. If it was
// exchanged or changed since Open, the pass ends with ErrDamaged, having
// yielded nothing but entries of the dump that was opened. Passes must not run
// inside one another, for they share the reader.
func (d *Dump) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := d.pass(yield); err != nil {
			yield(Entry{}, err)
		}
	}
}

// pass yields all entries. It returns nil at the end of the dump and after yield
// has returned false.
func (d *Dump) pass(yield func(Entry, error) bool) error {
	if _, err := d.r.Seek(d.frames, io.SeekStart); err != nil {
		return fmt.Errorf("reading dump: %w", err)
	}
	p := &pass{r: bufio.NewReader(d.r), key: d.key}
	for {
		kind, err := p.next()
		if err != nil {
			return err
		}
		if kind == kindLast {
			return p.end()
		}
		if more, err := p.yield(yield); err != nil || !more {
			return err
		}
	}
}
