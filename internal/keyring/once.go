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
	sealed, opened answer
}

// An answer is the last one of Wrap or Unwrap.
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
	r.sealed.replace(bytes.Clone(kk), wrapped)
	return wrapped, nil
}

func (r *onceRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	if r.opened.wrapped == nil || !bytes.Equal(r.opened.wrapped, wrapped) {
		kk, err := r.Provider.Unwrap(ctx, wrapped, aad)
		if err != nil {
			return kk, err
		}
		r.opened.replace(kk, wrapped)
	}
	return bytes.Clone(r.opened.kk), nil // the caller clears it
}

func (r *onceRoot) forget() {
	r.sealed.replace(nil, nil)
	r.opened.replace(nil, nil)
}

func (a *answer) replace(kk, wrapped []byte) {
	clear(a.kk)
	*a = answer{kk, wrapped}
}
