package tencent

import (
	"context"
	"strings"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits of tencentcloud-sdk-go kms v1.0.1000, models.go, except for tags (guess).
const (
	maxDescription = 1024 // bytes
	maxTags        = 50
	maxKeyIDs      = 100
)

// isAlias is the rule of aliases. What begins with kms- belongs to the cloud's own
// products.
func isAlias(s string) bool {
	return aliasPattern(s) && !strings.HasPrefix(s, "kms-")
}

var aliasPattern = front.Pattern(`[A-Za-z0-9][A-Za-z0-9_-]{0,59}`)

type createKeyAnswer struct {
	KeyId        string
	Alias        string
	CreateTime   int64 // s since 1970, as all times
	Description  string
	KeyState     string
	KeyUsage     string
	TagCode      int // 0 is well
	TagMsg       string
	HsmClusterId string
	identity
}

func (s *service) createKey(ctx context.Context, p *front.Params) (answer, error) {
	alias := p.Text("Alias", isAlias)
	opts := &kms.CreateKeyOptions{
		Alias:       front.AliasPrefix + alias,
		Description: p.OptText("Description", "", front.Size(0, maxDescription)),
		Tags:        p.Tags("Tags", maxTags, "TagKey", "TagValue"),
	}
	name := p.OptText("KeyUsage", usageSymmetric, isUsage)
	external := p.OptInt("Type", 1, 1, 2) == 2
	p.OptText("HsmClusterId", "", none)
	if name == "" {
		name = usageSymmetric
	}
	u, ok := usages[name]
	if external {
		opts.Origin = kms.OriginExternal
		if name != usageSymmetric {
			p.Fail("Type", front.Invalid) // guess: pairs are not imported
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, faultUsageHere
	}
	opts.Spec, opts.Usage = u.spec, u.usage
	key, err := s.keys.CreateKey(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &createKeyAnswer{
		KeyId: s.keys.There(key.ID), Alias: alias, CreateTime: key.CreatedAt.Unix(),
		Description: key.Description, KeyState: stateOf(key), KeyUsage: name,
	}, nil
}

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
