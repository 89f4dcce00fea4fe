package huawei_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

// Options of keys.
var (
	signing  = &kms.CreateKeyOptions{Spec: kms.KeySpecECP256}
	external = &kms.CreateKeyOptions{Origin: kms.OriginExternal}
	rotated  = &kms.CreateKeyOptions{RotationPeriod: 30 * 24 * time.Hour}
)

func (x *session) createKey(b *model.CreateKeyRequestBody) (*model.CreateKeyResponse, error) {
	return x.CreateKey(&model.CreateKeyRequest{Body: b})
}

func (x *session) describe(id string) (*model.ListKeyDetailResponse, error) {
	return x.ListKeyDetail(&model.ListKeyDetailRequest{Body: of(id)})
}

func (x *session) listKeys(b *model.ListKeysRequestBody) (*model.ListKeysResponse, error) {
	return x.ListKeys(&model.ListKeysRequest{Body: b})
}

func (x *session) renameKey(id, alias string) (*model.UpdateKeyAliasResponse, error) {
	return x.UpdateKeyAlias(&model.UpdateKeyAliasRequest{Body: &model.UpdateKeyAliasRequestBody{
		KeyId: id, KeyAlias: alias, Sequence: new(serial),
	}})
}

func (x *session) describeAs(id, text string) (*model.UpdateKeyDescriptionResponse, error) {
	return x.UpdateKeyDescription(&model.UpdateKeyDescriptionRequest{
		Body: &model.UpdateKeyDescriptionRequestBody{KeyId: id, KeyDescription: text, Sequence: new(serial)},
	})
}

var keyOperations = map[string]operation{
	"POST create-key": {
		call: func(t *testing.T, x *session, _ string) error {
			_, err := x.createKey(&model.CreateKeyRequestBody{KeyAlias: "new"})
			return err
		},
		cases: cases{
			"all parameters": createsKeys, "specs": createsKeysOfSpecs, "refusals": refusesToCreateKeys,
		},
	},
	"POST describe-key": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.describe(id)
			return err
		},
		cases: cases{"fields": describesKeys},
	},
	"POST list-keys": {
		call: func(t *testing.T, x *session, _ string) error {
			_, err := x.listKeys(&model.ListKeysRequestBody{})
			return err
		},
		cases: cases{"pages": listsKeys, "refusals": refusesToList},
	},
	"POST update-key-alias": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.renameKey(id, "other")
			return err
		},
		cases: cases{"alias": renamesKeys},
	},
	"POST update-key-description": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.describeAs(id, "text")
			return err
		},
		cases: cases{"description": describesKeysAs},
	},
}

func createsKeys(t *testing.T, x *session) {
	made, err := x.createKey(&model.CreateKeyRequestBody{
		KeyAlias: "team/orders-1_", KeyDescription: new("订单"), Sequence: new(serial),
		KeySpec:             enum[model.CreateKeyRequestBodyKeySpec](t, "SM4"),
		KeyUsage:            enum[model.CreateKeyRequestBodyKeyUsage](t, "ENCRYPT_DECRYPT"),
		Origin:              enum[model.CreateKeyRequestBodyOrigin](t, "external"),
		EnterpriseProjectId: new("0"), KeystoreId: new("0"),
	})
	must(t, err)
	equal(t, "domain_id", made.KeyInfo.DomainId, project)
	key := x.key(t, "alias/team/orders-1_")
	equal(t, "key_id", made.KeyInfo.KeyId, key.ID)
	if key.Description != "订单" || key.Spec != kms.KeySpecSM4 || key.Origin != kms.OriginExternal {
		t.Errorf("got %v", key)
	}
}

func createsKeysOfSpecs(t *testing.T, x *session) {
	for spec, want := range map[string]kms.KeySpec{
		"AES_256": kms.KeySpecAES256, "SM4": kms.KeySpecSM4, "RSA_2048": kms.KeySpecRSA2048,
		"RSA_3072": kms.KeySpecRSA3072,
		"RSA_4096": kms.KeySpecRSA4096, "EC_P256": kms.KeySpecECP256, "EC_P384": kms.KeySpecECP384,
		"SM2":      kms.KeySpecSM2,
		"HMAC_256": kms.KeySpecHMACSHA256, "HMAC_SM3": kms.KeySpecHMACSM3,
	} {
		made, err := x.createKey(&model.CreateKeyRequestBody{
			KeyAlias: spec, KeySpec: enum[model.CreateKeyRequestBodyKeySpec](t, spec),
		})
		must(t, err)
		key := x.key(t, *made.KeyInfo.KeyId)
		got, err := x.describe(key.ID)
		must(t, err)
		equal(t, "key_usage", new(got.KeyInfo.KeyUsage.Value()), string(key.Usage))
		if key.Spec != want || got.KeyInfo.KeySpec.Value() != spec {
			t.Errorf("%s: got %v and %v", spec, key, got)
		}
		isPair := spec[0] == 'R' || spec[0] == 'E' || spec == "SM2"
		if isPair != (key.Usage == kms.KeyUsageSignVerify) {
			t.Errorf("%s: usage %s", spec, key.Usage)
		}
	}
}

func refusesToCreateKeys(t *testing.T, x *session) {
	type body = model.CreateKeyRequestBody
	x.create(t, &kms.CreateKeyOptions{Alias: "alias/taken"})
	spec := enum[model.CreateKeyRequestBodyKeySpec](t, "SECP256K1")
	usage := enum[model.CreateKeyRequestBodyKeyUsage](t, "SIGN_VERIFY")
	for what, c := range map[string]struct {
		body body
		code string
	}{
		"no alias":    {body{}, "KMS.1101"},
		"colon":       {body{KeyAlias: "a:b"}, "KMS.1101"},
		"default":     {body{KeyAlias: "obs/default"}, "KMS.1101"},
		"long":        {body{KeyAlias: strings.Repeat("a", 251)}, "KMS.1101"},
		"taken":       {body{KeyAlias: "taken"}, "KMS.1104"},
		"description": {body{KeyAlias: "a", KeyDescription: new(strings.Repeat("ä", 256))}, "KMS.1103"},
		"spec":        {body{KeyAlias: "a", KeySpec: spec}, "KMS.0331"},
		"usage":       {body{KeyAlias: "a", KeyUsage: usage}, "KMS.0325"},
		"keystore":    {body{KeyAlias: "a", KeystoreId: new("1")}, "KMS.0308"},
		"machine":     {body{KeyAlias: "a", VmId: new("1")}, "KMS.0308"},
		"sequence":    {body{KeyAlias: "a", Sequence: new("1")}, "KMS.0206"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := x.createKey(&c.body)
			refused(t, err, 400, c.code)
		})
	}
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func describesKeys(t *testing.T, x *session) {
	id := x.create(t, &kms.CreateKeyOptions{
		Alias: "alias/a", Description: "d", RotationPeriod: rotated.RotationPeriod,
	})
	_, err := x.k.ScheduleKeyDeletion(t.Context(), id, 0)
	must(t, err)
	key := x.key(t, id)
	got, err := x.describe(id)
	must(t, err)
	for what, field := range map[string]struct {
		got  *string
		want string
	}{
		"key_id":                    {got.KeyInfo.KeyId, id},
		"domain_id":                 {got.KeyInfo.DomainId, project},
		"key_alias":                 {got.KeyInfo.KeyAlias, "a"},
		"realm":                     {got.KeyInfo.Realm, ""},
		"key_description":           {got.KeyInfo.KeyDescription, "d"},
		"creation_date":             {got.KeyInfo.CreationDate, milliseconds(key.CreatedAt)},
		"scheduled_deletion_date":   {got.KeyInfo.ScheduledDeletionDate, milliseconds(key.DeletionDate)},
		"key_state":                 {got.KeyInfo.KeyState, "4"},
		"default_key_flag":          {got.KeyInfo.DefaultKeyFlag, "0"},
		"key_type":                  {got.KeyInfo.KeyType, "1"},
		"expiration_time":           {got.KeyInfo.ExpirationTime, ""},
		"key_rotation_enabled":      {got.KeyInfo.KeyRotationEnabled, "true"},
		"sys_enterprise_project_id": {got.KeyInfo.SysEnterpriseProjectId, "0"},
		"keystore_id":               {got.KeyInfo.KeystoreId, "0"},
	} {
		equal(t, what, field.got, field.want)
	}
	if got.KeyInfo.Origin.Value() != "kms" || got.KeyInfo.KeySpec.Value() != "AES_256" {
		t.Errorf("got %v", got)
	}
	archived := x.create(t, nil)
	must(t, x.k.ArchiveKey(t.Context(), archived))
	for id, state := range map[string]string{
		x.create(t, nil): "2", x.disabled(t): "3", archived: "3", x.create(t, external): "5",
	} {
		got, err := x.describe(id)
		must(t, err)
		equal(t, "key_state", got.KeyInfo.KeyState, state)
	}
}

func listsKeys(t *testing.T, x *session) {
	type body = model.ListKeysRequestBody
	ids := []string{x.create(t, nil), x.create(t, nil), x.create(t, nil)}
	slices.Sort(ids)
	must(t, x.k.DisableKey(t.Context(), ids[1]))
	sm4 := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
	list := func(b model.ListKeysRequestBody, next string, total int32, want ...string) {
		t.Helper()
		got, err := x.listKeys(&b)
		must(t, err)
		equal(t, "keys", got.Keys, want)
		equal(t, "next_marker", got.NextMarker, next)
		equal(t, "total", got.Total, total)
		equal(t, "truncated", new(got.Truncated.Value()), strconv.FormatBool(next != ""))
		if len(*got.KeyDetails) != len(want) || *(*got.KeyDetails)[0].KeyId != want[0] {
			t.Errorf("details are %v", got.KeyDetails)
		}
	}
	list(body{Sequence: new(serial), EnterpriseProjectId: new("all")}, "", 3, ids...)
	list(body{Limit: new("2")}, "2", 3, ids[:2]...)
	list(body{Limit: new("2"), Marker: new("2")}, "", 3, ids[2])
	list(body{KeyState: new("3")}, "", 1, ids[1])
	list(body{KeySpec: enum[model.ListKeysRequestBodyKeySpec](t, "SM4")}, "", 1, sm4)
	all := append([]string{sm4}, ids...)
	slices.Sort(all)
	list(body{KeySpec: enum[model.ListKeysRequestBodyKeySpec](t, "ALL")}, "", 4, all...)
}

func refusesToList(t *testing.T, x *session) {
	type body = model.ListKeysRequestBody
	for _, c := range []struct {
		body body
		code string
	}{
		{body{Limit: new("0")}, "KMS.1601"}, {body{Limit: new("1001")}, "KMS.1601"},
		{body{Marker: new("-1")}, "KMS.1602"}, {body{KeyState: new("6")}, "KMS.0308"},
	} {
		_, err := x.listKeys(&c.body)
		refused(t, err, 400, c.code)
	}
}

func renamesKeys(t *testing.T, x *session) {
	id := x.create(t, &kms.CreateKeyOptions{Alias: "alias/old"})
	x.create(t, &kms.CreateKeyOptions{Alias: "alias/taken"})
	got, err := x.renameKey(id, "team/new")
	must(t, err)
	equal(t, "key_id", got.KeyInfo.KeyId, id)
	equal(t, "key_alias", got.KeyInfo.KeyAlias, "team/new")
	if _, err := x.k.DescribeKey(t.Context(), "alias/old"); x.key(t, "alias/team/new").ID != id || err == nil {
		t.Error("the alias was not replaced")
	}
	_, err = x.renameKey(id, "taken")
	refused(t, err, 400, "KMS.1104")
	_, err = x.renameKey(id, "a:b")
	refused(t, err, 400, "KMS.1101")
}

func describesKeysAs(t *testing.T, x *session) {
	id := x.create(t, nil)
	got, err := x.describeAs(id, "<&> 说明")
	must(t, err)
	equal(t, "key_id", got.KeyInfo.KeyId, id)
	equal(t, "key_description", got.KeyInfo.KeyDescription, "<&> 说明")
	if d := x.key(t, id).Description; d != "<&> 说明" {
		t.Errorf("got %q", d)
	}
	_, err = x.describeAs(id, strings.Repeat("a", 256))
	refused(t, err, 400, "KMS.1103")
}
