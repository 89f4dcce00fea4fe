package tencent_test

import (
	"testing"

	"github.com/embedkms/kms"
)

// Of several aliases the first is shown, and none to who may not list them.
func TestAliases(t *testing.T) {
	s := newServer(t)
	id := s.create(t, &kms.CreateKeyOptions{Alias: "alias/b", Spec: kms.KeySpecSM4})
	must(t, s.k.CreateAlias(t.Context(), "alias/a", id))
	body := jsonOf(t, request{"KeyId": id, "KeyIds": []string{id}, "KeyUsage": "ALL"})
	for caller, alias := range map[string]string{accessKey: "a", reader: ""} {
		for _, action := range []string{"DescribeKey", "DescribeKeys", "ListKeyDetail"} {
			w := s.send(t, sign(t, tc3(t, action, body), caller, body))
			m, ok := w.fields["KeyMetadata"].(map[string]any)
			if list, isList := w.fields["KeyMetadatas"].([]any); isList && len(list) == 1 {
				m, ok = list[0].(map[string]any)
			}
			if !ok || m["Alias"] != alias || m["Type"] != 4.0 {
				t.Errorf("%s by %s: %s", action, caller, w.Body)
			}
		}
	}
}

// An alias becomes the only one.
func TestUpdateAlias(t *testing.T) {
	s := newServer(t)
	id := s.create(t, &kms.CreateKeyOptions{Alias: "alias/b"})
	must(t, s.k.CreateAlias(t.Context(), "alias/team/a", id))
	if w := s.call(t, "UpdateAlias", request{"KeyId": id, "Alias": "c"}); w.code != "" {
		t.Fatalf("%s", w.Body)
	}
	var names []string
	for a, err := range s.k.Aliases(t.Context()) {
		must(t, err)
		names = append(names, a.Name)
	}
	if len(names) != 1 || names[0] != "alias/c" {
		t.Errorf("%v", names)
	}
}

// Usages that the API cannot make are shown by names of its pattern, or the library's.
func TestOtherKeys(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		spec  kms.KeySpec
		usage kms.KeyUsage
		shown string
		kind  float64
	}{
		{kms.KeySpecSM4, "", "ENCRYPT_DECRYPT", 4},
		{kms.KeySpecHMACSHA256, "", "GENERATE_VERIFY_MAC", 2}, {kms.KeySpecHMACSM3, "",
			"GENERATE_VERIFY_MAC", 4},
		{kms.KeySpecECP384, "", "ASYMMETRIC_SIGN_VERIFY_ECDSA384", 2},
		{kms.KeySpecRSA3072, kms.KeyUsageSignVerify, "ASYMMETRIC_SIGN_VERIFY_RSA_3072", 2},
		{kms.KeySpecSM2, "", "ASYMMETRIC_DECRYPT_SM2", 4},
	} {
		id := s.create(t, &kms.CreateKeyOptions{Spec: c.spec, Usage: c.usage})
		w := s.call(t, "DescribeKey", request{"KeyId": id})
		m, _ := w.fields["KeyMetadata"].(map[string]any)
		if m["KeyUsage"] != c.shown || m["Type"] != c.kind {
			t.Errorf("%s: %s", c.spec, w.Body)
		}
	}
}
