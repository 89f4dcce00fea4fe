package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/rootkey"
)

// Errors of a root key, beside those of a record.
var (
	ErrWrongRoot       = errors.New("root key does not open this store")
	ErrRootUnavailable = errors.New("root key could not be used")
)

const (
	wrapLabel = "kms-keyring/v1"

	maxRootID = 255 // bytes
	maxRoots  = 16  // that a keyring is given; more are read
)

// A wrapping is KK under one root key.
type wrapping struct {
	id      string
	wrapped []byte
}

// wrappings are those of one KK, each of another root key.
type wrappings []wrapping

// wrapBound returns what the wrapping of a root key is bound to.
func wrapBound(storeID [16]byte, rootID string) []byte {
	return append(append([]byte(wrapLabel), storeID[:]...), rootID...)
}

// checkID returns an error unless id can stand in a keyring.
func checkID(id string) error {
	if n := len(id); n == 0 || n > maxRootID {
		return fmt.Errorf("%w: its ID has %d bytes, want 1 to %d", ErrRootUnavailable, n, maxRootID)
	}
	return nil
}

// find returns the wrapping of the root with this ID, or nil.
func (ws wrappings) find(id string) *wrapping {
	for i := range ws {
		if ws[i].id == id {
			return &ws[i]
		}
	}
	return nil
}

func (ws wrappings) ids() []string {
	ids := make([]string, len(ws))
	for i, w := range ws {
		ids[i] = w.id
	}
	return ids
}

// unwrap returns KK, by root's wrapping of it.
func (ws wrappings) unwrap(ctx context.Context, storeID [16]byte,
	root rootkey.Provider) (*[32]byte, error) {
	w := ws.find(root.ID())
	if w == nil {
		return nil, fmt.Errorf("%w: it is wrapped by %s, not by %q",
			ErrWrongRoot, quote(ws.ids()), root.ID())
	}
	kk, err := root.Unwrap(ctx, w.wrapped, wrapBound(storeID, w.id))
	defer clear(kk)
	if err != nil {
		return nil, unwrapError(err)
	}
	if len(kk) != 32 {
		return nil, fmt.Errorf("%w: unwrapped %d bytes, want 32", record.ErrTampered, len(kk))
	}
	return (*[32]byte)(append([]byte(nil), kk...)), nil
}

// unwrapError makes an error of a root key's Unwrap one of this package.
func unwrapError(err error) error {
	sentinel := ErrRootUnavailable
	switch {
	case errors.Is(err, rootkey.ErrWrongKey):
		sentinel = ErrWrongRoot
	case errors.Is(err, rootkey.ErrTampered):
		sentinel = record.ErrTampered
	case errors.Is(err, rootkey.ErrFormatTooNew):
		sentinel = record.ErrFormatTooNew
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

func quote(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = fmt.Sprintf("%q", id)
	}
	return strings.Join(quoted, ", ")
}
