package tencent_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
)

// ids returns the KeyId of each item of a list.
func (w *reply) ids(name string) (ids []string) {
	list, _ := w.fields[name].([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		id, _ := m["KeyId"].(string)
		ids = append(ids, id)
	}
	return ids
}

func TestLists(t *testing.T) {
	s := newServer(t)
	var created []string
	for _, spec := range []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecAES256, kms.KeySpecAES256, kms.KeySpecSM2} {
		created = append(created, s.create(t, &kms.CreateKeyOptions{Spec: spec}))
		s.clock.Add(int64(time.Minute))
	}
	symmetric, sorted := created[:3], slices.Sorted(slices.Values(created))
	latest := slices.Clone(symmetric)
	slices.Reverse(latest)
	for _, c := range []struct {
		action, list string
		params       request
		want         []string
	}{
		{"ListKeys", "Keys", request{}, sorted},
		{"ListKeys", "Keys", request{"Offset": 1, "Limit": 2}, sorted[1:3]},
		{"ListKeys", "Keys", request{"Offset": 3, "Limit": 2}, sorted[3:]},
		{"ListKeys", "Keys", request{"Offset": 4}, nil}, {"ListKeys", "Keys", request{"Offset": 5}, nil},
		{"ListKeys", "Keys", request{"Role": 1}, nil},
		{"ListKeyDetail", "KeyMetadatas", request{}, latest},
		{"ListKeyDetail", "KeyMetadatas", request{"OrderType": 0, "KeyUsage": ""}, latest},
		{"ListKeyDetail", "KeyMetadatas", request{"OrderType": 1}, symmetric},
		{"ListKeyDetail", "KeyMetadatas", request{"OrderType": 1, "KeyUsage": "ALL"}, created},
		{"ListKeyDetail", "KeyMetadatas", request{"Offset": 1, "Limit": 1}, latest[1:2]},
		{"ListKeyDetail", "KeyMetadatas", request{"SearchKeyAlias": created[0]}, created[:1]},
	} {
		if w := s.call(t, c.action, c.params); !slices.Equal(w.ids(c.list), c.want) {
			t.Errorf("%s %v: %s, want %v", c.action, c.params, w.Body, c.want)
		}
	}
	for _, name := range []string{"TagFilters", "TagFilters.0.TagKey", "TagFilters.0.TagValue.0"} {
		r := v1(t, http.MethodGet, "HmacSHA1", "ListKeyDetail", map[string]string{name: "env"})
		if w := s.send(t, r); w.code != "UnsupportedOperation" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

// What else can be seen of a key: when it is deleted, rotated, or loses its material.
func TestDates(t *testing.T) {
	s := newServer(t)
	right := s.requests(t)
	for _, action := range []string{"ImportKeyMaterial", "ScheduleKeyDeletion", "EnableKeyRotation"} {
		if w := s.call(t, action, right[action]); w.code != "" {
			t.Fatalf("%s: %s", action, w.Body)
		}
	}
	for _, c := range []struct{ action, field, state string }{
		{"ImportKeyMaterial", "ValidTo", "Enabled"}, {"ScheduleKeyDeletion", "DeletionDate", "PendingDelete"},
		{"EnableKeyRotation", "NextRotateTime", "Enabled"},
	} {
		w := s.call(t, "DescribeKey", request{"KeyId": right[c.action]["KeyId"]})
		m, _ := w.fields["KeyMetadata"].(map[string]any)
		if date, _ := m[c.field].(float64); int64(date) <= now.Unix() || m["KeyState"] != c.state {
			t.Errorf("%s after %s: %s", c.field, c.action, w.Body)
		}
	}
}
