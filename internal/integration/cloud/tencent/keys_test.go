package tencent_test

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

func creation(alias, usage string) *sdk.CreateKeyRequest {
	r := sdk.NewCreateKeyRequest()
	r.Alias = &alias
	if usage != "" {
		r.KeyUsage = &usage
	}
	return r
}

var keyCases = []testCase{
	{"CreateKey", "with all options", func(t *testing.T, x *session) {
		r := creation("with-all_options", "ENCRYPT_DECRYPT")
		r.Description, r.Type, r.HsmClusterId = new("描述 <&>"), new(uint64(2)), new("")
		r.Tags = []*sdk.Tag{{TagKey: new("env"), TagValue: new("prod")},
			{TagKey: new("team"), TagValue: new("a")}}
		w, err := x.CreateKey(r)
		must(t, err)
		got, err := x.k.DescribeKey(t.Context(), "alias/with-all_options")
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, got.ID)
		equal(t, "Alias", w.Response.Alias, "with-all_options")
		equal(t, "Description", w.Response.Description, "描述 <&>")
		equal(t, "KeyState", w.Response.KeyState, "PendingImport")
		equal(t, "KeyUsage", w.Response.KeyUsage, "ENCRYPT_DECRYPT")
		equal(t, "CreateTime", w.Response.CreateTime, uint64(got.CreatedAt.Unix()))
		equal(t, "TagCode", w.Response.TagCode, 0)
		if got.Origin != kms.OriginExternal || got.Description != "描述 <&>" ||
			fmt.Sprint(got.Tags) != "map[env:prod team:a]" {
			t.Errorf("%+v", got)
		}
	}},
	{"CreateKey", "of each usage", func(t *testing.T, x *session) {
		for usage, spec := range map[string]kms.KeySpec{
			"": kms.KeySpecAES256, "ENCRYPT_DECRYPT": kms.KeySpecAES256,
			"ASYMMETRIC_DECRYPT_RSA_2048": kms.KeySpecRSA2048, "ASYMMETRIC_DECRYPT_SM2": kms.KeySpecSM2,
			"ASYMMETRIC_SIGN_VERIFY_RSA_2048": kms.KeySpecRSA2048, "ASYMMETRIC_SIGN_VERIFY_SM2": kms.KeySpecSM2,
			"ASYMMETRIC_SIGN_VERIFY_ECC": kms.KeySpecECP256,
		} {
			w, err := x.CreateKey(creation("of"+usage, usage))
			must(t, err)
			got, err := x.k.DescribeKey(t.Context(), *w.Response.KeyId)
			must(t, err)
			if got.Spec != spec || (got.Usage == kms.KeyUsageSignVerify) != strings.Contains(usage, "SIGN") {
				t.Errorf("%s: %s %s", usage, got.Spec, got.Usage)
			}
			d := describe(t, x, got.ID)
			if usage != "" {
				equal(t, "KeyUsage", d.KeyUsage, usage)
			}
			equal(t, "KeyState", w.Response.KeyState, "Enabled")
		}
	}},
	{"CreateKey", "errors", func(t *testing.T, x *session) {
		x.create(t, &kms.CreateKeyOptions{Alias: "alias/taken"})
		pair := creation("a", "ASYMMETRIC_DECRYPT_SM2")
		twice, cluster := creation("a", ""), creation("a", "")
		pair.Type, cluster.HsmClusterId = new(uint64(2)), new("cls-1")
		twice.Tags = []*sdk.Tag{{TagKey: new("a"), TagValue: new("b")},
			{TagKey: new("a"), TagValue: new("c")}}
		kind := creation("a", "")
		kind.Type = new(uint64(3))
		for _, c := range []struct {
			r    *sdk.CreateKeyRequest
			code string
		}{
			{creation("taken", ""), "InvalidParameterValue.AliasAlreadyExists"},
			{creation("kms-reserved", ""), "InvalidParameterValue.InvalidAlias"},
			{creation(strings.Repeat("a", 61), ""), "InvalidParameterValue.InvalidAlias"},
			{creation("a", "none"), "InvalidParameterValue.InvalidKeyUsage"},
			{creation("a", "ASYMMETRIC_SIGN_VERIFY_ECDSA384"),
				"UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion"},
			{kind, "InvalidParameterValue.InvalidType"}, {pair, "InvalidParameterValue.InvalidType"},
			{cluster, "InvalidParameterValue.InvalidHsmClusterId"}, {twice, "InvalidParameter"},
			{sdk.NewCreateKeyRequest(), "MissingParameter"},
		} {
			_, err := x.CreateKey(c.r)
			refused(t, err, c.code)
		}
		_, err := x.denied(t).CreateKey(creation("a", ""))
		refused(t, err, "UnauthorizedOperation")
	}},
	{"DescribeKey", "all fields", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{Alias: "alias/described", Description: "text",
			RotationPeriod: 30 * day})
		key, err := x.k.DescribeKey(t.Context(), id)
		must(t, err)
		m := describe(t, x, id)
		equal(t, "KeyId", m.KeyId, id)
		equal(t, "Alias", m.Alias, "described")
		equal(t, "CreateTime", m.CreateTime, uint64(key.CreatedAt.Unix()))
		equal(t, "Description", m.Description, "text")
		equal(t, "KeyState", m.KeyState, "Enabled")
		equal(t, "KeyUsage", m.KeyUsage, "ENCRYPT_DECRYPT")
		equal(t, "Type", m.Type, 2)
		equal(t, "CreatorUin", m.CreatorUin, 0)
		equal(t, "KeyRotationEnabled", m.KeyRotationEnabled, true)
		equal(t, "Owner", m.Owner, "user")
		equal(t, "NextRotateTime", m.NextRotateTime, uint64(key.NextRotation.Unix()))
		equal(t, "DeletionDate", m.DeletionDate, 0)
		equal(t, "Origin", m.Origin, "TENCENT_KMS")
		equal(t, "ValidTo", m.ValidTo, 0)
		equal(t, "ResourceId", m.ResourceId, "creatorUin/0/"+id)
		equal(t, "HsmClusterId", m.HsmClusterId, "")
	}},
	{"DescribeKey", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			r := sdk.NewDescribeKeyRequest()
			r.KeyId = &id
			_, err := c.DescribeKey(r)
			return err
		})
	}},
	{"DescribeKeys", "in the order asked for", func(t *testing.T, x *session) {
		ids := []string{x.create(t, nil), x.create(t, nil), x.create(t, nil)}
		r := sdk.NewDescribeKeysRequest()
		r.KeyIds = []*string{&ids[2], &ids[0], &ids[1]}
		w, err := x.DescribeKeys(r)
		must(t, err)
		if len(w.Response.KeyMetadatas) != 3 {
			t.Fatalf("%d keys", len(w.Response.KeyMetadatas))
		}
		for i, m := range w.Response.KeyMetadatas {
			equal(t, "KeyId", m.KeyId, *r.KeyIds[i])
		}
	}},
	{"DescribeKeys", "errors", func(t *testing.T, x *session) {
		x.lists(t, func(c *sdk.Client, ids []*string) error {
			r := sdk.NewDescribeKeysRequest()
			r.KeyIds = ids
			_, err := c.DescribeKeys(r)
			return err
		})
	}},
	{"ListKeys", "pages", func(t *testing.T, x *session) {
		want := map[string]bool{}
		for key, err := range x.k.Keys(t.Context(), "") {
			must(t, err)
			want[key.ID] = true
		}
		total := uint64(len(want))
		for offset := uint64(0); offset < total; offset += 3 {
			r := sdk.NewListKeysRequest()
			r.Offset, r.Limit, r.Role = &offset, new(uint64(3)), new(uint64(0))
			w, err := x.ListKeys(r)
			must(t, err)
			equal(t, "TotalCount", w.Response.TotalCount, total)
			for _, key := range w.Response.Keys {
				delete(want, *key.KeyId)
			}
		}
		if len(want) > 0 {
			t.Errorf("%d keys are in no page", len(want))
		}
		r := sdk.NewListKeysRequest()
		r.Role = new(uint64(1))
		w, err := x.ListKeys(r)
		must(t, err)
		equal(t, "TotalCount of the cloud's products", w.Response.TotalCount, 0)
		w, err = x.ListKeys(sdk.NewListKeysRequest())
		must(t, err)
		if n := len(w.Response.Keys); uint64(n) != min(total, 10) {
			t.Errorf("%d keys without a limit", n)
		}
	}},
	{"ListKeys", "errors", func(t *testing.T, x *session) {
		r := sdk.NewListKeysRequest()
		r.Limit = new(uint64(201))
		_, err := x.ListKeys(r)
		refused(t, err, "InvalidParameter")
		r = sdk.NewListKeysRequest()
		r.HsmClusterId = new("cls-1")
		_, err = x.ListKeys(r)
		refused(t, err, "InvalidParameterValue.InvalidHsmClusterId")
		_, err = x.denied(t).ListKeys(sdk.NewListKeysRequest())
		refused(t, err, "UnauthorizedOperation")
	}},
	{"ListKeyDetail", "filters", listFilters},
	{"ListKeyDetail", "errors", func(t *testing.T, x *session) {
		r := sdk.NewListKeyDetailRequest()
		r.TagFilters = []*sdk.TagFilter{{TagKey: new("env"), TagValue: []*string{new("prod")}}}
		_, err := x.ListKeyDetail(r)
		refused(t, err, "UnsupportedOperation")
		r = sdk.NewListKeyDetailRequest()
		r.KeyState = new(uint64(6))
		_, err = x.ListKeyDetail(r)
		refused(t, err, "InvalidParameter")
		_, err = x.denied(t).ListKeyDetail(sdk.NewListKeyDetailRequest())
		refused(t, err, "UnauthorizedOperation")
	}},
	{"UpdateAlias", "the only one", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{Alias: "alias/before"})
		r := sdk.NewUpdateAliasRequest()
		r.KeyId, r.Alias = &id, new("after")
		for range 2 {
			_, err := x.UpdateAlias(r)
			must(t, err)
			equal(t, "Alias", describe(t, x, id).Alias, "after")
		}
		if _, err := x.k.DescribeKey(t.Context(), "alias/before"); err == nil {
			t.Error("the old alias is there")
		}
	}},
	{"UpdateAlias", "errors", func(t *testing.T, x *session) {
		x.create(t, &kms.CreateKeyOptions{Alias: "alias/others"})
		update := func(c *sdk.Client, id, alias string) error {
			r := sdk.NewUpdateAliasRequest()
			r.KeyId, r.Alias = &id, &alias
			_, err := c.UpdateAlias(r)
			return err
		}
		x.unknown(t, func(c *sdk.Client, id string) error { return update(c, id, "unknown") })
		id := x.create(t, nil)
		refused(t, update(x.Client, id, "others"), "InvalidParameterValue.AliasAlreadyExists")
		refused(t, update(x.Client, id, "a/b"), "InvalidParameterValue.InvalidAlias")
	}},
	{"UpdateKeyDescription", "changed", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{Description: "before"})
		r := sdk.NewUpdateKeyDescriptionRequest()
		r.KeyId, r.Description = &id, new("after")
		_, err := x.UpdateKeyDescription(r)
		must(t, err)
		equal(t, "Description", describe(t, x, id).Description, "after")
	}},
	{"UpdateKeyDescription", "errors", func(t *testing.T, x *session) {
		update := func(c *sdk.Client, id, text string) error {
			r := sdk.NewUpdateKeyDescriptionRequest()
			r.KeyId, r.Description = &id, &text
			_, err := c.UpdateKeyDescription(r)
			return err
		}
		x.unknown(t, func(c *sdk.Client, id string) error { return update(c, id, "text") })
		refused(t, update(x.Client, x.create(t, nil), strings.Repeat("a", 1025)), "InvalidParameter")
	}},
	{"GetServiceStatus", "in service", func(t *testing.T, x *session) {
		w, err := x.GetServiceStatus(sdk.NewGetServiceStatusRequest())
		must(t, err)
		equal(t, "ServiceEnabled", w.Response.ServiceEnabled, true)
		equal(t, "InvalidType", w.Response.InvalidType, 1)
	}},
}

// describe returns a key as the SDK sees it.
func describe(t *testing.T, x *session, id string) *sdk.KeyMetadata {
	t.Helper()
	r := sdk.NewDescribeKeyRequest()
	r.KeyId = &id
	w, err := x.DescribeKey(r)
	must(t, err)
	return w.Response.KeyMetadata
}

// lists makes a call with lists of keys that it is refused for.
func (x *session) lists(t *testing.T, call func(c *sdk.Client, ids []*string) error) {
	t.Helper()
	x.unknown(t, func(c *sdk.Client, id string) error { return call(c, []*string{&id}) })
	id := new(x.create(t, nil))
	refused(t, call(x.Client, []*string{id, id}), "InvalidParameterValue.DuplicatedKeyId")
	refused(t, call(x.Client, nil), "MissingParameter")
	var many []*string
	for i := range 101 {
		many = append(many, new(fmt.Sprintf("0d0466b0-e727-4d9c-b35d-%012d", i)))
	}
	refused(t, call(x.Client, many), "InvalidParameterValue.InvalidKeyId")
}

func listFilters(t *testing.T, x *session) {
	prefix := "list-"
	plain := x.create(t, &kms.CreateKeyOptions{Alias: "alias/list-plain"})
	external := x.create(t, &kms.CreateKeyOptions{Alias: "alias/list-external", Origin: kms.OriginExternal})
	signer := x.create(t, &kms.CreateKeyOptions{Alias: "alias/list-signer", Spec: kms.KeySpecECP256})
	disabled := x.create(t, &kms.CreateKeyOptions{Alias: "alias/list-disabled"})
	must(t, x.k.DisableKey(t.Context(), disabled))
	for name, c := range map[string]struct {
		change func(*sdk.ListKeyDetailRequest)
		want   []string
	}{
		"usage by default": {func(*sdk.ListKeyDetailRequest) {}, []string{plain, external, disabled}},
		"all usages": {func(r *sdk.ListKeyDetailRequest) { r.KeyUsage = new("ALL") },
			[]string{plain, external, signer, disabled}},
		"a usage":  {func(r *sdk.ListKeyDetailRequest) { r.KeyUsage = new("ASYMMETRIC_SIGN_VERIFY_ECC") }, []string{signer}},
		"a state":  {func(r *sdk.ListKeyDetailRequest) { r.KeyState = new(uint64(2)) }, []string{disabled}},
		"external": {func(r *sdk.ListKeyDetailRequest) { r.Origin = new("EXTERNAL") }, []string{external}},
		"by ID":    {func(r *sdk.ListKeyDetailRequest) { r.SearchKeyAlias = new(plain[3:20]) }, []string{plain}},
		"a role":   {func(r *sdk.ListKeyDetailRequest) { r.Role = new(uint64(1)) }, nil},
		"one":      {func(r *sdk.ListKeyDetailRequest) { r.Limit, r.KeyState = new(uint64(1)), new(uint64(2)) }, []string{disabled}},
	} {
		r := sdk.NewListKeyDetailRequest()
		r.SearchKeyAlias, r.Limit, r.OrderType = &prefix, new(uint64(200)), new(uint64(1))
		c.change(r)
		w, err := x.ListKeyDetail(r)
		must(t, err)
		got := map[string]bool{}
		for _, m := range w.Response.KeyMetadatas {
			got[*m.KeyId] = true
		}
		for _, id := range c.want {
			delete(got, id)
		}
		if len(got) > 0 || len(w.Response.KeyMetadatas) != len(c.want) {
			t.Errorf("%s: %d keys, want %d", name, len(w.Response.KeyMetadatas), len(c.want))
		}
		equal(t, name+": TotalCount", w.Response.TotalCount, uint64(len(c.want)))
	}
}
