package rootkey

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
)

// Static returns the root whose key is these 32 bytes, which it copies. They
// must come from a source of randomness; all zeros, which no such source
// returns and a forgotten buffer does, are refused.
//
// Its ID is "key-" and 16 hexadecimal digits that are a one-way function of
// the key. Unwrap cannot tell some damage from another key's wrap: a flipped
// bit in the first 34 bytes of a wrap is ErrWrongKey or ErrFormatTooNew, any
// other is ErrTampered.
//
// It works in FIPS 140-3 mode.
func Static(key []byte) (Provider, error) {
	p, err := newStatic(key)
	if err != nil {
		return nil, fmt.Errorf("rootkey: static key: %w", err)
	}
	return p, nil
}

// newStatic returns the root of Static and File. Its errors have no prefix yet.
func newStatic(key []byte) (*provider, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("%d bytes, want %d", len(key), keySize)
	}
	if subtle.ConstantTimeCompare(key, make([]byte, keySize)) == 1 {
		return nil, errors.New("all zeros, want random bytes")
	}
	key = bytes.Clone(key)
	return &provider{
		id:      "key-" + hex.EncodeToString(derive(key, "id", 8)),
		kind:    kindKey,
		newHead: func() []byte { return []byte{format, kindKey} },
		secret: func(context.Context, []byte) ([]byte, error) {
			return bytes.Clone(key), nil
		},
	}, nil
}
