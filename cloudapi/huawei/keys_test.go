package huawei_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// info returns the key_info of an answer.
func info(fields map[string]any) params { return fields["key_info"].(map[string]any) }

// What create-key was asked for is what describe-key and the library say, field by field.
func TestCreateAndDescribe(t *testing.T) {
	s := serve(t, nil)
	made := info(s.must("POST create-key", params{
		"key_alias": "team/a-1_", "key_description": "of orders, 订单", "enterprise_project_id": "0",
		"keystore_id": "0", "sequence": serial,
	}))
	id := made["key_id"].(string)
	if want := (params{"key_id": id, "domain_id": project}); !reflect.DeepEqual(made, want) {
		t.Errorf("got %v, want %v", made, want)
	}
	got := info(s.must("POST describe-key", params{"key_id": id}))
	want := params{
		"key_id": id, "domain_id": project, "key_alias": "team/a-1_", "realm": "", "key_spec": "AES_256",
		"key_usage": "ENCRYPT_DECRYPT", "key_description": "of orders, 订单",
		"creation_date": fmt.Sprint(start.UnixMilli()), "scheduled_deletion_date": "", "key_state": "2",
		"default_key_flag": "0", "key_type": "1", "expiration_time": "", "origin": "kms",
		"key_rotation_enabled": "false", "sys_enterprise_project_id": "0", "keystore_id": "0",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// Who may not list aliases sees the key without.
	s.deny(func(r *kms.Request) bool { return r.Op == kms.OpAliases })
	if got := info(s.must("POST describe-key", params{"key_id": id})); got["key_alias"] != "" {
		t.Errorf("got %v", got)
	}
}

// Every spec has its name and its usage without a choice.
func TestSpecs(t *testing.T) {
	s := serve(t, nil)
	for spec, usage := range map[string]string{
		"AES_256": "ENCRYPT_DECRYPT", "SM4": "ENCRYPT_DECRYPT", "RSA_2048": "SIGN_VERIFY",
		"EC_P256": "SIGN_VERIFY",
		"EC_P384": "SIGN_VERIFY", "SM2": "SIGN_VERIFY", "HMAC_256": "GENERATE_VERIFY_MAC",
		"HMAC_SM3": "GENERATE_VERIFY_MAC",
	} {
		made := info(s.must("POST create-key", params{"key_alias": "of" + spec, "key_spec": spec}))
		got := info(s.must("POST describe-key", params{"key_id": made["key_id"]}))
		if got["key_spec"] != spec || got["key_usage"] != usage {
			t.Errorf("%s: %v", spec, got)
		}
	}
	made := info(s.must("POST create-key", params{
		"key_alias": "a", "key_spec": "SM2", "key_usage": "ENCRYPT_DECRYPT", "origin": "external",
	}))
	got := info(s.must("POST describe-key", params{"key_id": made["key_id"]}))
	if got["key_usage"] != "ENCRYPT_DECRYPT" || got["origin"] != "external" || got["key_state"] != "5" {
		t.Errorf("got %v", got)
	}
}

// A list comes in pages of the order of IDs, of one state and spec.
func TestListKeys(t *testing.T) {
	s := serve(t, nil)
	var ids []string
	for range 5 {
		ids = append(ids, s.create(nil))
	}
	slices.Sort(ids)
	s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
	s.disable(ids[3])
	list := func(p params) string {
		got := s.must("POST list-keys", p)
		details := got["key_details"].([]any)
		for i, id := range got["keys"].([]any) {
			if details[i].(map[string]any)["key_id"] != id {
				t.Errorf("details %v are not those of %v", details[i], id)
			}
		}
		return fmt.Sprint(got["keys"], got["next_marker"], got["truncated"], got["total"])
	}
	for _, c := range []struct {
		p    params
		want string
	}{
		{params{}, fmt.Sprint(ids, "", "false", 5)},
		{params{"limit": "5"}, fmt.Sprint(ids, "", "false", 5)},
		{params{"limit": "2"}, fmt.Sprint(ids[:2], "2", "true", 5)},
		{params{"limit": "2", "marker": "2"}, fmt.Sprint(ids[2:4], "4", "true", 5)},
		{params{"limit": 2, "marker": 4}, fmt.Sprint(ids[4:], "", "false", 5)},
		{params{"marker": "9"}, fmt.Sprint([]any{}, "", "false", 5)},
		{params{"key_state": "3"}, fmt.Sprint(ids[3:4], "", "false", 1)},
		{params{"key_state": "1"}, fmt.Sprint([]any{}, "", "false", 0)},
	} {
		if got := list(c.p); got != c.want {
			t.Errorf("%v: got %s, want %s", c.p, got, c.want)
		}
	}
	if all := s.must("POST list-keys", params{"key_spec": "ALL"}); all["total"] != 6.0 {
		t.Errorf("got %v", all)
	}
	if sm4 := s.must("POST list-keys", params{"key_spec": "SM4"}); sm4["total"] != 1.0 {
		t.Errorf("got %v", sm4)
	}
}

// A key goes through its states, and each answer says which it is in.
func TestLifecycle(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	for _, step := range []struct {
		op    string
		p     params
		state string
	}{
		{"POST disable-key", nil, "3"},
		{"POST enable-key", nil, "2"},
		{"POST schedule-key-deletion", params{"pending_days": "1096"}, "4"},
		{"POST cancel-key-deletion", nil, "3"},
	} {
		p := params{"key_id": id}
		for name, v := range step.p {
			p[name] = v
		}
		got := s.must(step.op, p)
		if nested, ok := got["key_info"]; ok != strings.HasSuffix(step.op, "able-key") {
			t.Errorf("%s: %v", step.op, got)
		} else if ok {
			got = nested.(map[string]any)
		}
		if want := (params{"key_id": id, "key_state": step.state}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", step.op, got, want)
		}
		now := info(s.must("POST describe-key", params{"key_id": id}))
		if now["key_state"] != step.state || (now["scheduled_deletion_date"] != "") != (step.state == "4") {
			t.Errorf("%s: %v", step.op, now)
		}
	}
	id = s.create(external)
	s.schedule(id)
	if got := s.must("POST cancel-key-deletion", params{"key_id": id}); got["key_state"] != "5" {
		t.Errorf("got %v", got)
	}
}

// An alias of the API is one of the library, and a key may have several.
func TestAliases(t *testing.T) {
	s := serve(t, nil)
	a, b := s.create(&kms.CreateKeyOptions{Alias: "alias/one"}), s.create(nil)
	when := start.Format("2006-01-02T15:04:05Z")
	entity := func(id, name string) params {
		return params{
			"domain_id": project, "key_id": id, "alias": name,
			"alias_urn": "kms::" + project + ":alias:" + name, "create_time": when, "update_time": when,
		}
	}
	made := s.do("POST aliases", params{"key_id": a, "alias": "two"})
	if made.Code != 201 || !reflect.DeepEqual(made.fields, entity(a, "two")) {
		t.Errorf("got %d %s", made.Code, made.Body)
	}
	got := s.must("POST alias/associate", params{"target_key_id": b, "alias": "two"})
	if !reflect.DeepEqual(got, entity(b, "two")) {
		t.Errorf("got %v", got)
	}
	one, two := entity(a, "one"), entity(b, "two")
	for _, c := range []struct {
		p       params
		aliases []any
		page    params
	}{
		{params{}, []any{one, two}, params{"current_count": 2.0}},
		{params{"limit": 1}, []any{one}, params{"next_marker": "1", "current_count": 1.0}},
		{params{"limit": 1, "marker": 1}, []any{two}, params{"current_count": 1.0}},
		{params{"key_id": b}, []any{two}, params{"current_count": 1.0}},
		{params{"key_id": nobody}, []any{}, params{"current_count": 0.0}},
	} {
		want := params{"aliases": c.aliases, "page_info": c.page}
		if got := s.must("GET aliases", c.p); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %v, want %v", c.p, got, want)
		}
	}
	deleted := s.do("DELETE aliases", params{"key_id": a, "aliases": []string{"one"}})
	if deleted.Code != 204 || deleted.Body.Len() > 0 {
		t.Errorf("got %d %s", deleted.Code, deleted.Body)
	}
	renamed := s.must("POST update-key-alias", params{"key_id": b, "key_alias": "three"})
	if want := (params{"key_id": b, "key_alias": "three"}); !reflect.DeepEqual(info(renamed), want) {
		t.Errorf("got %v", renamed)
	}
	if _, err := s.kms.DescribeKey(t.Context(), "alias/three"); err != nil {
		t.Error(err)
	}
	got = s.must("POST update-key-description", params{"key_id": b, "key_description": ""})
	if want := (params{"key_id": b, "key_description": ""}); !reflect.DeepEqual(info(got), want) {
		t.Errorf("got %v", got)
	}
}

// Rotation is on or off, and is told of.
func TestRotation(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	p := params{"key_id": id}
	check := func(what string, want params) {
		t.Helper()
		if got := s.must("POST get-key-rotation-status", p); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("new", params{"key_rotation_enabled": false, "number_of_rotations": 0.0})
	s.must("POST enable-key-rotation", p)
	check("enabled", params{"key_rotation_enabled": true, "rotation_interval": 365.0, "number_of_rotations": 0.0})
	s.must("POST update-key-rotation-interval", with(p, "rotation_interval", 30))
	s.must("POST enable-key-rotation", p) // which leaves the interval
	s.advance(30 * 24 * 3600e9)
	_, err := s.kms.Maintain(t.Context())
	s.ok(err)
	check("rotated", params{
		"key_rotation_enabled": true, "rotation_interval": 30.0, "number_of_rotations": 1.0,
		"last_rotation_time": fmt.Sprint(s.clock().UnixMilli()),
	})
	if got := s.must("POST disable-key-rotation", p); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	check("disabled", params{
		"key_rotation_enabled": false, "number_of_rotations": 1.0,
		"last_rotation_time": fmt.Sprint(s.clock().UnixMilli()),
	})
}
