package alibaba

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const maxTags = 20 // of a request: kms-20160120 v3.2.3, CreateKeyRequest

// isTagText is the rule of names and values: kms-20160120 v3.2.3, CreateKeyRequest.
var isTagText = front.Pattern(`[\pL\pN/\\_.+=:@-]{0,128}`)

// isTagName is the rule of names, some of which are the vendor's own.
func isTagName(s string) bool {
	return s != "" && isTagText(s) && !strings.HasPrefix(s, "aliyun") && !strings.HasPrefix(s, "acs:")
}

// tags reads [{"TagKey": …, "TagValue": …}, …].
func (c *call) tags(list string) map[string]string {
	tags := c.Tags(list, maxTags, "TagKey", "TagValue")
	for name, value := range tags {
		if !isTagName(name) || !isTagText(value) {
			c.Fail(list, front.Invalid)
		}
	}
	return tags
}

func (c *call) tagResource(ctx context.Context) (any, error) {
	c.Refuse("CertificateId", "SecretName")
	tags := c.tags("Tags")
	c.needs("Tags", len(tags))
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		return c.changeTags(ctx, key, func(all map[string]string) { maps.Copy(all, tags) })
	})
}

func (c *call) untagResource(ctx context.Context) (any, error) {
	c.Refuse("CertificateId", "SecretName")
	names := c.Texts("TagKeys", maxTags, isTagName)
	c.needs("TagKeys", len(names))
	return c.onKey(ctx, func(ctx context.Context, key string) error {
		return c.changeTags(ctx, key, func(all map[string]string) {
			for _, name := range names {
				delete(all, name)
			}
		})
	})
}

// needs fails if a list has no items.
func (c *call) needs(list string, items int) {
	switch {
	case items > 0:
	case c.Has(list):
		c.Fail(list, front.Invalid)
	default:
		c.Fail(list, front.Missing)
	}
}

// changeTags replaces the tags of a key by changed ones. Of two calls at the same
// moment, one may be lost.
func (c *call) changeTags(ctx context.Context, ref string, change func(map[string]string)) error {
	key, err := describe(ctx, c.api.keys, ref)
	if err != nil {
		return err
	}
	tags := maps.Clone(key.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	change(tags)
	_, err = c.keys.UpdateKey(ctx, key.ID, &kms.UpdateKeyOptions{Tags: tags})
	return err
}

// A listedTag is one of ListResourceTags.
type listedTag struct {
	KeyID    string `json:"KeyId" xml:"KeyId"`
	TagKey   string
	TagValue string
}

// A tagsAnswer is the answer of ListResourceTags.
type tagsAnswer struct {
	Tags struct{ Tag []listedTag }
	answer
}

func (c *call) listResourceTags(ctx context.Context) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := describe(ctx, c.keys, ref)
	if err != nil {
		return nil, err
	}
	a := &tagsAnswer{answer: c.answer()}
	a.Tags.Tag = []listedTag{}
	for _, name := range slices.Sorted(maps.Keys(key.Tags)) {
		a.Tags.Tag = append(a.Tags.Tag, listedTag{c.api.keys.There(key.ID), name, key.Tags[name]})
	}
	return a, nil
}
