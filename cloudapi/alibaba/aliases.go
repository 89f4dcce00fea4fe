package alibaba

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/embedkms/kms/internal/front"
)

// alias reads AliasName.
func (c *call) alias() string { return c.Text("AliasName", isAlias) }

func (c *call) createAlias(ctx context.Context) (any, error) {
	alias := c.alias()
	if strings.HasPrefix(alias, "alias/acs") { // reserved: kms-20160120 v3.2.3, CreateAliasRequest
		c.Fail("AliasName", front.Invalid)
	}
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		return c.keys.CreateAlias(ctx, alias, key)
	})
}

func (c *call) updateAlias(ctx context.Context) (any, error) {
	alias := c.alias()
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		return c.keys.UpdateAlias(ctx, alias, key)
	})
}

func (c *call) deleteAlias(ctx context.Context) (any, error) {
	alias := c.alias()
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c.done(c.keys.DeleteAlias(ctx, alias))
}

// A listedAlias is one of ListAliases.
type listedAlias struct {
	KeyID     string `json:"KeyId" xml:"KeyId"`
	AliasName string
	AliasARN  string `json:"AliasArn" xml:"AliasArn"`
}

// An aliasesAnswer is the answer of ListAliases and ListAliasesByKeyId.
type aliasesAnswer struct {
	Aliases struct{ Alias []listedAlias }
	page
	answer
}

func (c *call) listAliases(ctx context.Context) (any, error) {
	p := c.page(0, 100)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c.aliasesOf(ctx, p, "")
}

func (c *call) listAliasesByKeyID(ctx context.Context) (any, error) {
	key, p := c.key("KeyId"), c.page(0, 101)
	if err := c.Err(); err != nil {
		return nil, err
	}
	described, err := describe(ctx, c.api.keys, key)
	if err != nil {
		return nil, err
	}
	return c.aliasesOf(ctx, p, described.ID)
}

// aliasesOf lists the aliases of a key, or of all if id is empty, by name.
func (c *call) aliasesOf(ctx context.Context, p page, id string) (any, error) {
	all := []listedAlias{}
	for a, err := range c.keys.Aliases(ctx) {
		if err != nil {
			return nil, err
		}
		if id == "" || id == a.KeyID {
			all = append(all, listedAlias{c.api.keys.There(a.KeyID), a.Name, c.api.arn(a.Name)})
		}
	}
	slices.SortFunc(all, func(a, b listedAlias) int { return cmp.Compare(a.AliasName, b.AliasName) })
	a := &aliasesAnswer{page: p, answer: c.answer()}
	a.Aliases.Alias = cut(&a.page, all)
	return a, nil
}
