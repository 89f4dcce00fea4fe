package huawei_test

import (
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
)

// has fails the test unless a key has these aliases, in order.
func (s *service) has(id string, want ...string) {
	s.t.Helper()
	var got []string
	for a, err := range s.kms.Aliases(s.t.Context()) {
		if err == nil && a.KeyID == id {
			got = append(got, a.Name)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		s.t.Errorf("the aliases are %q, want %q", got, want)
	}
}

// A request that is refused has changed nothing; an alias that is named twice is one.
func TestAliasesAtOnce(t *testing.T) {
	s := serve(t, nil)
	id := s.create(&kms.CreateKeyOptions{Alias: "alias/a"})
	s.ok(s.kms.CreateAlias(t.Context(), "alias/b", id))
	s.deny(func(r *kms.Request) bool { return r.Op == kms.OpDeleteAlias && r.Alias == "alias/b" })
	s.do("DELETE aliases", params{"key_id": id, "aliases": []string{"a", "b"}}).want(t, "one denied", 403, "KMS.0306")
	s.has(id, "alias/a", "alias/b")
	s.do("POST update-key-alias", params{"key_id": id, "key_alias": "c"}).want(t, "one denied", 403, "KMS.0306")
	s.has(id, "alias/a", "alias/b")
	s.deny(nil)
	s.do("DELETE aliases", params{"key_id": id, "aliases": []string{"a", "a"}}).want(t, "twice", 204, "")
	s.has(id, "alias/b")
}

// An alias whose record is damaged is no reason to hide other keys.
func TestDamagedAlias(t *testing.T) {
	s := serve(t, nil)
	s.create(&kms.CreateKeyOptions{Alias: "alias/damaged"})
	records, err := s.store.List(t.Context(), "alias/", "", 1)
	s.ok(err)
	r := keystore.Record{Key: records[0].Key, Rev: records[0].Rev + 1, Data: slices.Clone(records[0].Data)}
	r.Data[len(r.Data)-1] ^= 1
	s.ok(s.store.Put(t.Context(), r))
	id := s.create(&kms.CreateKeyOptions{Alias: "alias/a"})
	got := info(s.must("POST describe-key", params{"key_id": id}))
	if got["key_alias"] != "a" {
		t.Errorf("got %v", got)
	}
	s.must("POST list-keys", params{})
	s.must("GET aliases", params{})
	s.must("POST update-key-alias", params{"key_id": id, "key_alias": "b"})
	s.has(id, "alias/b")
}
