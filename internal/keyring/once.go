package keyring

import (
	"bytes"
	"context"
	"crypto/subtle"

	"github.com/embedkms/kms/rootkey"
)

// A onceRoot asks a root key once about each KK, for an answer may take
// Argon2id or a round trip, and an edit may run many times. It is for one
// change of one keyring: it takes no notice of aad and is not safe for
// concurrent use.
type onceRoot struct {
	rootkey.Provider
	sealed answer   // the last one
	opened []answer // all of them
}

// An answer is one of Wrap or Unwrap.
type answer struct{ kk, wrapped []byte }

// onceEach returns roots that are asked once, and what makes them forget KK.
func onceEach(roots ...rootkey.Provider) (once []rootkey.Provider, forget func()) {
	for _, root := range roots {
		once = append(once, &onceRoot{Provider: root})
	}
	return once, func() {
		for _, root := range once {
			root.(*onceRoot).forget()
		}
	}
}

func (r *onceRoot) Wrap(ctx context.Context, kk, aad []byte) ([]byte, error) {
	if subtle.ConstantTimeCompare(r.sealed.kk, kk) == 1 {
		return r.sealed.wrapped, nil
	}
	wrapped, err := r.Provider.Wrap(ctx, kk, aad)
	if err != nil {
		return nil, err
	}
	clear(r.sealed.kk)
	r.sealed = answer{bytes.Clone(kk), wrapped}
	return wrapped, nil
}

func (r *onceRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	for _, a := range r.opened {
		if bytes.Equal(a.wrapped, wrapped) {
			return bytes.Clone(a.kk), nil // the caller clears it
		}
	}
	kk, err := r.Provider.Unwrap(ctx, wrapped, aad)
	if err == nil {
		r.opened = append(r.opened, answer{bytes.Clone(kk), wrapped})
	}
	return kk, err
}

func (r *onceRoot) forget() {
	for _, a := range append(r.opened, r.sealed) {
		clear(a.kk)
	}
	r.sealed, r.opened = answer{}, nil
}
