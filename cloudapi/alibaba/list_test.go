package alibaba_test

import (
	"strconv"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/alibaba"
)

// Pages follow each other, and there is nothing behind the last.
func TestPages(t *testing.T) {
	s := start(t)
	id := s.aes()
	for range 4 {
		_, err := s.kms.RotateKey(ctx, id)
		must(t, err)
	}
	for page, want := range map[string][]uint32{"1": {1, 2}, "2": {3, 4}, "3": {5}, "4": nil, "2147483647": nil} {
		r := s.ok("ListKeyVersions", params{"KeyId": id, "PageNumber": page, "PageSize": "2"})
		got := r.fields["KeyVersions"].(map[string]any)["KeyVersion"].([]any)
		if r.fields["TotalCount"] != 5.0 || r.fields["PageSize"] != 2.0 || len(got) != len(want) ||
			strconv.Itoa(int(r.fields["PageNumber"].(float64))) != page {
			t.Fatalf("page %s: %s", page, r.body)
		}
		for i, v := range want {
			if got[i].(map[string]any)["KeyVersionId"] != alibaba.VersionID(id, v) {
				t.Errorf("page %s: %s", page, r.body)
			}
		}
	}
	if r := s.ok("ListKeyVersions", params{"KeyId": id, "PageSize": "0"}); r.fields["TotalCount"] != 5.0 {
		t.Error(r.body)
	}
}

// The key's own ID is no ID of a version: it is not the primary one.
func TestNoVersion(t *testing.T) {
	s := start(t)
	id := s.pair(kms.KeySpecECP256, kms.KeyUsageSignVerify)
	s.ok("GetPublicKey", params{"KeyId": id, "KeyVersionId": first(id)})
	s.call("GetPublicKey", params{"KeyId": id, "KeyVersionId": id}).is(t, "own ID", "Forbidden.KeyNotFound")
}

// The vendor has no archived keys.
func TestArchived(t *testing.T) {
	s := start(t)
	id := s.aes()
	must(t, s.kms.ArchiveKey(ctx, id))
	r := s.ok("DescribeKey", params{"KeyId": id})
	if state := r.fields["KeyMetadata"].(map[string]any)["KeyState"]; state != "Disabled" {
		t.Error(r.body)
	}
}
