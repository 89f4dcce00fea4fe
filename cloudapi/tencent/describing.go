package tencent

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// updateAlias makes an alias the only one of a key, which is all that the API knows.
func (s *service) updateAlias(ctx context.Context, p *front.Params) (answer, error) {
	id, alias := s.key(p, "KeyId"), p.Text("Alias", isAlias)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if _, err := s.describe(ctx, id); err != nil {
		return nil, err
	}
	return &identity{}, s.keys.Rename(ctx, id, alias)
}

func (s *service) updateKeyDescription(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	description := p.Text("Description", front.Size(0, maxDescription))
	if err := p.Err(); err != nil {
		return nil, err
	}
	_, err := s.keys.UpdateKey(ctx, id, &kms.UpdateKeyOptions{Description: &description})
	return &identity{}, err
}
