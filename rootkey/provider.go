package rootkey

import (
	"context"
	"fmt"

	"github.com/embedkms/kms/internal/xgcm"
)

// A provider is a root of this package. Its secret is known to functions only,
// never to a field: fmt, encoding/json, log/slog and every tool that walks
// values by reflection, through pointers and unexported fields if need be, can
// show a function's address but not what it holds.
type provider struct {
	id   string
	kind byte

	// newHead returns the head of a new wrap.
	newHead func() []byte

	// secret returns the 32 bytes that seal a wrap of this head, a copy that
	// its caller clears.
	secret func(ctx context.Context, head []byte) ([]byte, error)
}

var _ Provider = (*provider)(nil)

func (p *provider) ID() string     { return p.id }
func (p *provider) String() string { return p.id }

func (p *provider) Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	most := maxSize - headSize(p.kind) - commitmentSize - xgcm.Overhead
	if len(plaintext) > most {
		return nil, fmt.Errorf("rootkey: plaintext of %d bytes, want at most %d",
			len(plaintext), most)
	}
	head := p.newHead()
	secret, err := p.secret(ctx, head)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return seal(secret, head, plaintext, aad), nil
}

func (p *provider) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := parse(wrapped, p.kind)
	if err != nil {
		return nil, err
	}
	secret, err := p.secret(ctx, w.head())
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return w.open(secret, aad)
}
