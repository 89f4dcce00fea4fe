package aws_test

import (
	"fmt"
	"maps"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/embedkms/kms"
)

func tag(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.TagResource(t.Context(), &sdk.TagResourceInput{KeyId: &key, Tags: tagged("b", "3", "c", "")}))
}

func untag(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.UntagResource(t.Context(), &sdk.UntagResourceInput{KeyId: &key, TagKeys: []string{"a", "z"}}))
}

func listTags(t *testing.T, c *sdk.Client, key string) error {
	return failed(c.ListResourceTags(t.Context(), &sdk.ListResourceTagsInput{KeyId: &key}))
}

// taggedKey has a key with tags, which are then as said.
func taggedKey(want map[string]string, do func(t *testing.T, c *sdk.Client, key string) error) func(t *testing.T, x *world) call {
	return func(t *testing.T, x *world) call {
		key := x.key(t, &kms.CreateKeyOptions{Tags: map[string]string{"a": "1", "b": "2"}})
		return func(t *testing.T, c *sdk.Client) error {
			if err := do(t, c, key); err != nil {
				return err
			}
			if k, err := x.KMS.DescribeKey(t.Context(), key); err != nil || !maps.Equal(k.Tags, want) {
				t.Errorf("%v, %v, want %v", k.Tags, err, want)
			}
			return nil
		}
	}
}

func tagWrongly(code string, kv ...string) wrong {
	return wrong{code, func(t *testing.T, x *world) error {
		return failed(x.client.TagResource(t.Context(), &sdk.TagResourceInput{KeyId: new(x.key(t, nil)), Tags: tagged(kv...)}))
	}}
}

func many(n int) (kv []string) {
	for i := range n {
		kv = append(kv, fmt.Sprint("key", i), "v")
	}
	return kv
}

var tagOperations = map[string]operation{
	"TagResource": {
		prepare: taggedKey(map[string]string{"a": "1", "b": "3", "c": ""}, tag),
		wrong: and(and(usual(nil, "", invalidState, by(tag)), misnamed(by(tag))), map[string]wrong{
			"reserved": tagWrongly("TagException", "aws:a", "b"),
			"twice":    tagWrongly("TagException", "a", "b", "a", "c"),
			"empty":    tagWrongly("TagException", "", "b"),
			"too many": tagWrongly("LimitExceededException", many(51)...),
		}),
	},
	"UntagResource": {
		prepare: taggedKey(map[string]string{"b": "2"}, untag),
		wrong:   and(usual(nil, "", invalidState, by(untag)), misnamed(by(untag))),
	},
	"ListResourceTags": {
		prepare: func(t *testing.T, x *world) call {
			key := x.key(t, &kms.CreateKeyOptions{Tags: map[string]string{"a": "1", "b": "2", "c": ""}})
			return func(t *testing.T, c *sdk.Client) error {
				got := ""
				p := sdk.NewListResourceTagsPaginator(c, &sdk.ListResourceTagsInput{KeyId: &key, Limit: new(int32(2))})
				for p.HasMorePages() {
					out, err := p.NextPage(t.Context())
					if err != nil {
						return err
					}
					for _, tag := range out.Tags {
						got += *tag.TagKey + "=" + *tag.TagValue + " "
					}
				}
				if got != "a=1 b=2 c= " {
					t.Error(got)
				}
				return nil
			}
		},
		wrong: and(and(usual(nil, "", "", by(listTags)), misnamed(by(listTags))), map[string]wrong{
			"limit": {validation, func(t *testing.T, x *world) error {
				return failed(x.client.ListResourceTags(t.Context(), &sdk.ListResourceTagsInput{KeyId: new(x.key(t, nil)), Limit: new(int32(51))}))
			}},
		}),
	},
}
