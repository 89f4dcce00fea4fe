package aws_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/embedkms/kms"
)

// A key that has been given more tags than AWS allows, by others, can lose them and
// have them changed. It gets no more.
func TestManyTags(t *testing.T) {
	s := serve(t, nil, nil)
	many := map[string]string{}
	for i := range 60 {
		many[fmt.Sprint("key", i)] = "v"
	}
	p := object{"KeyId": s.key(t, &kms.CreateKeyOptions{Tags: many})}
	p["Tags"] = tagsOf("key1", "changed")
	s.good(t, "TagResource", p)
	p["TagKeys"] = []string{"key2"}
	s.good(t, "UntagResource", p)
	if key, err := s.kms.DescribeKey(t.Context(), p["KeyId"].(string)); err != nil || len(key.Tags) != 59 {
		t.Errorf("%v, %v", key, err)
	}
	p["Tags"] = tagsOf("another", "v")
	s.bad(t, "TagResource", p, http.StatusBadRequest, "LimitExceededException")
}
