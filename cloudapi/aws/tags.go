package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Limits of tags: developer guide, "Tags in AWS KMS".
const (
	maxTags     = 50
	reservedTag = "aws:"
)

// mostTags are more than a request may have, so that a key's limit is what is met.
const mostTags = 1000

var (
	isTagKey   = front.Chars(1, 128)
	isTagValue = front.Chars(0, 256)
)

// tags reads tags.
func (c *call) tags() map[string]string {
	tags := c.Tags("Tags", mostTags, "TagKey", "TagValue")
	for key, value := range tags {
		if !isTagKey(key) || !isTagValue(value) || strings.HasPrefix(key, reservedTag) {
			c.Fail("Tags", front.Invalid)
		}
	}
	return tags
}

// checkTags returns an error if a key cannot have so many tags.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return kms.ErrLimitExceeded
	}
	return nil
}

func tagResource(ctx context.Context, c *call) (any, error) {
	if !c.Has("Tags") {
		c.Fail("Tags", front.Missing)
	}
	tags := c.tags()
	return nil, changeTags(ctx, c, func(old map[string]string) { maps.Copy(old, tags) })
}

func untagResource(ctx context.Context, c *call) (any, error) {
	if !c.Has("TagKeys") {
		c.Fail("TagKeys", front.Missing)
	}
	keys := c.Texts("TagKeys", mostTags, isTagKey)
	return nil, changeTags(ctx, c, func(old map[string]string) {
		maps.DeleteFunc(old, func(key, _ string) bool { return slices.Contains(keys, key) })
	})
}

// changeTags changes the tags of a key. The library replaces all at once, so that two
// changes must not be made at a time, or one would be lost. Those of other processes
// are not kept apart.
func changeTags(ctx context.Context, c *call, change func(map[string]string)) error {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return err
	}
	select {
	case c.tagging <- struct{}{}:
		defer func() { <-c.tagging }()
	case <-ctx.Done():
		return kms.ErrStoreUnavailable
	}
	key, err := c.describe(ctx, ref)
	if err != nil {
		return err
	}
	if key.State == kms.KeyStatePendingDeletion {
		return kms.ErrKeyPendingDeletion
	}
	tags := maps.Clone(key.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	change(tags)
	if err := checkTags(tags); err != nil {
		return err
	}
	_, err = c.keys.UpdateKey(ctx, ref, &kms.UpdateKeyOptions{Tags: tags})
	return err
}

type tag struct {
	Key   string `json:"TagKey"`
	Value string `json:"TagValue"`
}

type tagsAnswer struct {
	Tags []tag `json:"Tags"`
	more
}

func listResourceTags(ctx context.Context, c *call) (any, error) {
	ref, p := c.key("KeyId"), c.page(50, 50)
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := c.describe(ctx, ref)
	if err != nil {
		return nil, err
	}
	var all []tag
	for k, v := range key.Tags {
		all = append(all, tag{k, v})
	}
	answer := &tagsAnswer{}
	answer.Tags, answer.more = pageOf(p, all, func(t tag) string { return t.Key })
	return answer, nil
}
