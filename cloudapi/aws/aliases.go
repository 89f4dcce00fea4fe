package aws

import (
	"context"
	"strings"

	"github.com/embedkms/kms/internal/front"
)

var (
	isAliasName = front.Pattern(`alias/[a-zA-Z0-9/_-]{1,250}`) // API reference, CreateAlias
	isPossible  = front.Pattern(`alias(/[A-Za-z0-9_-]+)+`)     // in the library
)

// reservedAliases are for keys that AWS manages.
const reservedAliases = front.AliasPrefix + "aws/"

// aliasName reads the name of an alias.
func (c *call) aliasName() string {
	name := c.Text("AliasName", isAliasName)
	if c.Params.Err() == nil && (strings.HasPrefix(name, reservedAliases) || !isPossible(name)) {
		c.wrong = errAliasName
	}
	return name
}

func createAlias(ctx context.Context, c *call) (any, error) {
	return pointAlias(ctx, c, c.keys.CreateAlias)
}

func updateAlias(ctx context.Context, c *call) (any, error) {
	return pointAlias(ctx, c, c.keys.UpdateAlias)
}

// pointAlias lets an alias point at a key.
func pointAlias(ctx context.Context, c *call, point func(context.Context, string, string) error) (any, error) {
	name, key := c.aliasName(), c.key("TargetKeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	return nil, point(ctx, name, key)
}

func deleteAlias(ctx context.Context, c *call) (any, error) {
	name := c.aliasName()
	if err := c.Err(); err != nil {
		return nil, err
	}
	return nil, c.keys.DeleteAlias(ctx, name)
}

type aliasEntry struct {
	AliasARN     string `json:"AliasArn"`
	AliasName    string `json:"AliasName"`
	CreationDate stamp  `json:"CreationDate"`
	TargetKeyID  string `json:"TargetKeyId"`
}

type aliasesAnswer struct {
	Aliases []aliasEntry `json:"Aliases"`
	more
}

// listAliases reads all aliases for each page: the library has them in no order.
func listAliases(ctx context.Context, c *call) (any, error) {
	p, of := c.page(50, 100), ""
	if c.Has("KeyId") {
		of = c.key("KeyId")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	if p.marker != "" && !isAlias(p.marker) {
		return nil, errMarker
	}
	if of != "" {
		if _, err := c.describe(ctx, of); err != nil {
			return nil, err
		}
	}
	var all []aliasEntry
	for a, err := range c.keys.Aliases(ctx) {
		if err != nil {
			return nil, err
		}
		if of == "" || a.KeyID == of {
			all = append(all, aliasEntry{c.arn(a.Name), a.Name, stamp(a.CreatedAt), c.keys.There(a.KeyID)})
		}
	}
	answer := &aliasesAnswer{}
	answer.Aliases, answer.more = pageOf(p, all, func(a aliasEntry) string { return a.AliasName })
	return answer, nil
}
