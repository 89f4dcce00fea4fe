package keyring

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// ErrFull says that a keyring has no room for another root key or version.
var ErrFull = errors.New("keyring is full")

// A draft is a keyring that can still be changed, since its storage keys are
// raw. It is cleared as soon as it is written or was looked at.
type draft struct {
	ring      *Ring
	kk        *[32]byte
	wrappings wrappings
}

// newDraft returns the keyring of an empty store, which nothing wraps yet.
func newDraft(now time.Time) *draft {
	d := &draft{ring: newRing(now), kk: new([32]byte)}
	rand.Read(d.kk[:])
	return d
}

// draft opens s, which was stored at rev, with root.
func (s *sealedRing) draft(ctx context.Context, rev uint64, root rootkey.Provider) (*draft, error) {
	kk, err := s.wrappings.unwrap(ctx, s.storeID, root)
	if err != nil {
		return nil, err
	}
	ring, err := s.open(kk, rev)
	if err != nil {
		clear(kk[:])
		return nil, err
	}
	return &draft{ring, kk, s.wrappings}, nil
}

// clear clears KK and the raw storage keys.
func (d *draft) clear() {
	clear(d.kk[:])
	d.ring.clear()
}

// wrap adds root's wrapping of KK, and opens it: a root that can wrap but not
// unwrap would open nothing on the day it is needed.
func (d *draft) wrap(ctx context.Context, root rootkey.Provider) error {
	wrapped, err := root.Wrap(ctx, d.kk[:], wrapBound(d.ring.storeID, root.ID()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	}
	d.wrappings = append(d.wrappings, wrapping{root.ID(), wrapped})
	if err := d.verify(ctx, root); err != nil {
		return fmt.Errorf("%w: what it has wrapped: %w", ErrRootUnavailable, err)
	}
	return nil
}

// verify returns an error unless root opens its wrapping, and to KK.
func (d *draft) verify(ctx context.Context, root rootkey.Provider) error {
	kk, err := d.wrappings.unwrap(ctx, d.ring.storeID, root)
	if err != nil {
		return fmt.Errorf("%q: %w", root.ID(), err)
	}
	defer clear(kk[:])
	if subtle.ConstantTimeCompare(kk[:], d.kk[:]) != 1 {
		return fmt.Errorf("%q: %w: it wraps another key", root.ID(), record.ErrTampered)
	}
	return nil
}

// seal returns the record data of d at rev, and makes d what that data holds.
func (d *draft) seal(rev uint64) ([]byte, error) {
	head, err := marshalHead(d.ring.storeID, d.wrappings)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRootUnavailable, err) // a wrapping is too long
	}
	data := d.ring.sealBody(d.kk, head, rev)
	if n := len(data); n > keystore.MaxData {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d", ErrFull, n, keystore.MaxData)
	}
	if err := d.reread(data, rev); err != nil {
		return nil, err
	}
	return data, nil
}

// reread replaces the ring by that in data. A keyring that nobody could open
// again would be the loss of all keys, so none is stored that was not opened.
func (d *draft) reread(data []byte, rev uint64) error {
	var ring *Ring
	sealed, err := parse(data)
	if err == nil {
		ring, err = sealed.open(d.kk, rev)
	}
	if err != nil {
		return fmt.Errorf("new keyring does not open: %w", err)
	}
	d.ring.clear()
	d.ring = ring
	return nil
}
