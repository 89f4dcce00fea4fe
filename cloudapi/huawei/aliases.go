package huawei

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// isAliasText is the published form of an alias; isName is what the library can have: no
// colon, no slash at the ends or beside another.
var (
	isAliasText = front.Pattern(`[a-zA-Z0-9:/_-]{1,255}`)
	isName      = front.Pattern(`[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*`)
)

const maxAlias = 250 // bytes, of the library

// isAlias is the rule of an alias. Names that end in /default are those of keys that the
// cloud's services make (API page "Changing the Alias of a Key").
func isAlias(s string) bool {
	return isAliasText(s) && isName(s) && len(s) <= maxAlias && !strings.HasSuffix(s, "/default")
}

// isDescription is the rule of a description. NUL is the library's exception.
func isDescription(s string) bool {
	return front.Chars(0, maxDescription)(s) && !strings.ContainsRune(s, 0)
}

// names returns the aliases of all keys. Those who may not list them see none.
func (c *call) names(ctx context.Context) (map[string][]string, error) {
	names, err := c.keys.Names(ctx)
	if errors.Is(err, kms.ErrAccessDenied) {
		return nil, nil
	}
	return names, err
}

// keyAlias is the answer of update-key-alias.
type keyAlias struct {
	Info keyAliasInfo `json:"key_info"`
}

type keyAliasInfo struct {
	KeyID string `json:"key_id"`
	Alias string `json:"key_alias"`
}

// updateKeyAlias gives a key another alias in place of all that it has.
func updateKeyAlias(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	name := c.p.Text("key_alias", isAlias)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if _, err := c.describe(ctx, id); err != nil {
		return nil, err
	}
	if err := c.keys.Rename(ctx, id, name); err != nil {
		return nil, err
	}
	return &keyAlias{keyAliasInfo{c.keys.There(id), name}}, nil
}

// aliasEntity is an alias (huaweicloud-sdk-go-v3 v0.1.207, model_alias_entity.go). Its URN
// has no region, as there is none.
type aliasEntity struct {
	DomainID   string `json:"domain_id"`
	KeyID      string `json:"key_id"`
	Alias      string `json:"alias"`
	URN        string `json:"alias_urn"`
	CreateTime string `json:"create_time"`
	UpdateTime string `json:"update_time"`
}

// entity describes an alias that was last changed at a time.
func (c *call) entity(a kms.Alias, updated time.Time) aliasEntity {
	name := strings.TrimPrefix(a.Name, front.AliasPrefix)
	return aliasEntity{
		DomainID:   c.project,
		KeyID:      c.keys.There(a.KeyID),
		Alias:      name,
		URN:        "kms::" + c.project + ":alias:" + name,
		CreateTime: a.CreatedAt.UTC().Format(time.RFC3339),
		UpdateTime: updated.UTC().Format(time.RFC3339),
	}
}

func createAlias(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	name := front.AliasPrefix + c.p.Text("alias", isAlias)
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	if err := c.keys.CreateAlias(ctx, name, id); err != nil {
		return nil, err
	}
	now := c.now()
	return c.entity(kms.Alias{Name: name, KeyID: id, CreatedAt: now}, now), nil
}

// associateAlias moves an alias to another key.
func associateAlias(ctx context.Context, c *call) (any, error) {
	name := front.AliasPrefix + c.p.Text("alias", isAlias)
	id := c.key("target_key_id")
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	aliases, err := c.aliases(ctx, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(aliases, func(a kms.Alias) bool { return a.Name == name })
	if i < 0 {
		return nil, kms.ErrAliasNotFound
	}
	if err := c.keys.UpdateAlias(ctx, name, id); err != nil {
		return nil, err
	}
	aliases[i].KeyID = id
	return c.entity(aliases[i], c.now()), nil
}

// aliases returns the aliases of a key, or all if it is "", by name.
func (c *call) aliases(ctx context.Context, id string) ([]kms.Alias, error) {
	var aliases []kms.Alias
	for a, err := range c.keys.Aliases(ctx) {
		if err != nil {
			return nil, err
		}
		if id == "" || id == a.KeyID {
			aliases = append(aliases, a)
		}
	}
	slices.SortFunc(aliases, func(a, b kms.Alias) int { return strings.Compare(a.Name, b.Name) })
	return aliases, nil
}

// aliasPage is what listAliases answers a list of, with one in it.
type aliasPage struct {
	Aliases []aliasEntity `json:"aliases"`
	Info    pageInfo      `json:"page_info"`
}

type pageInfo struct {
	NextMarker   string `json:"next_marker,omitempty"`
	CurrentCount int    `json:"current_count"`
}

func listAliases(ctx context.Context, c *call) (any, error) {
	id := c.optKey("key_id")
	marker, limit := c.page()
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	aliases, err := c.aliases(ctx, id)
	if err != nil {
		return nil, err
	}
	page := aliasPage{Aliases: []aliasEntity{}}
	aliases, page.Info.NextMarker = cut(aliases, marker, limit)
	for _, a := range aliases {
		page.Aliases = append(page.Aliases, c.entity(a, a.CreatedAt))
	}
	page.Info.CurrentCount = len(aliases)
	return []aliasPage{page}, nil
}

const maxAliases = 100 // that are deleted at a time (guess)

// deleteAliases deletes aliases of one key, or none if one is not.
func deleteAliases(ctx context.Context, c *call) (any, error) {
	id := c.key("key_id")
	names := c.p.Texts("aliases", maxAliases, isAlias)
	if c.p.Err() == nil && len(names) == 0 {
		c.p.Fail("aliases", front.Missing)
	}
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	aliases, err := c.aliases(ctx, id)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = front.AliasPrefix + name
		if !slices.ContainsFunc(aliases, func(a kms.Alias) bool { return a.Name == names[i] }) {
			return nil, kms.ErrAliasNotFound
		}
	}
	for _, name := range names {
		if err := c.keys.DeleteAlias(ctx, name); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
