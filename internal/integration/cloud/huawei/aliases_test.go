package huawei_test

import (
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

func (x *session) createAlias(id, alias string) (*model.CreateAliasResponse, error) {
	return x.CreateAlias(&model.CreateAliasRequest{Body: &model.CreateAliasRequestBody{KeyId: id, Alias: alias}})
}

func (x *session) associate(id, alias string) (*model.AssociateAliasResponse, error) {
	return x.AssociateAlias(&model.AssociateAliasRequest{
		Body: &model.AssociateAliasRequestBody{TargetKeyId: id, Alias: alias},
	})
}

func (x *session) deleteAliases(id string, aliases ...string) (*model.DeleteAliasResponse, error) {
	return x.DeleteAlias(&model.DeleteAliasRequest{
		Body: &model.DeleteAliasRequestBody{KeyId: id, Aliases: aliases},
	})
}

var aliasOperations = map[string]operation{
	"GET aliases": {
		call: func(t *testing.T, x *session, _ string) error {
			_, err := x.ListAliases(&model.ListAliasesRequest{})
			return err
		},
		cases: cases{"pages": listsAliases},
	},
	"POST aliases": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.createAlias(id, "second")
			return err
		},
		cases: cases{"alias": createsAliases},
	},
	"DELETE aliases": {
		key: keyOf(&kms.CreateKeyOptions{Alias: "alias/old"}),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.deleteAliases(id, "old")
			return err
		},
		cases: cases{"aliases": deletesAliases},
	},
	"POST alias/associate": {
		key: func(t *testing.T, x *session) string {
			x.create(t, &kms.CreateKeyOptions{Alias: "alias/moves"})
			return x.create(t, nil)
		},
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.associate(id, "moves")
			return err
		},
		cases: cases{"alias": associatesAliases},
	},
}

func listsAliases(t *testing.T, x *session) {
	id := x.create(t, &kms.CreateKeyOptions{Alias: "alias/a"})
	other := x.create(t, &kms.CreateKeyOptions{Alias: "alias/b"})
	list := func(q *model.ListAliasesRequest) model.ListAliasResponseBody {
		t.Helper()
		got, err := x.ListAliases(q)
		must(t, err)
		if len(*got.Body) != 1 {
			t.Fatalf("got %v", got)
		}
		return (*got.Body)[0]
	}
	first := list(&model.ListAliasesRequest{Limit: new("1")})
	equal(t, "current_count", first.PageInfo.CurrentCount, 1)
	equal(t, "next_marker", first.PageInfo.NextMarker, "1")
	equal(t, "alias", &first.Aliases[0].Alias, "a")
	equal(t, "alias_urn", &first.Aliases[0].AliasUrn, "kms::"+project+":alias:a")
	equal(t, "key_id", first.Aliases[0].KeyId, id)
	equal(t, "domain_id", first.Aliases[0].DomainId, project)
	second := list(&model.ListAliasesRequest{Limit: new("1"), Marker: first.PageInfo.NextMarker})
	equal(t, "alias", &second.Aliases[0].Alias, "b")
	if second.PageInfo.NextMarker != nil {
		t.Errorf("got %v", second)
	}
	if of := list(&model.ListAliasesRequest{KeyId: &other}); len(of.Aliases) != 1 || of.Aliases[0].Alias != "b" {
		t.Errorf("got %v", of)
	}
	_, err := x.ListAliases(&model.ListAliasesRequest{Limit: new("0")})
	refused(t, err, 400, "KMS.1601")
}

func createsAliases(t *testing.T, x *session) {
	id := x.create(t, nil)
	got, err := x.createAlias(id, "kms-1234")
	must(t, err)
	if got.HttpStatusCode != 201 || x.key(t, "alias/kms-1234").ID != id {
		t.Errorf("got %v", got)
	}
	equal(t, "key_id", got.KeyId, id)
	equal(t, "domain_id", got.DomainId, project)
	equal(t, "alias", got.Alias, "kms-1234")
	equal(t, "alias_urn", got.AliasUrn, "kms::"+project+":alias:kms-1234")
	if _, err := time.Parse(time.RFC3339, *got.CreateTime); err != nil || *got.CreateTime != *got.UpdateTime {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = x.createAlias(id, "kms-1234")
	refused(t, err, 400, "KMS.1104")
	_, err = x.createAlias(id, "a b")
	refused(t, err, 400, "KMS.1101")
}

func deletesAliases(t *testing.T, x *session) {
	id := x.create(t, &kms.CreateKeyOptions{Alias: "alias/a"})
	must(t, x.k.CreateAlias(t.Context(), "alias/b", id))
	_, err := x.deleteAliases(id, "a", "none")
	refused(t, err, 404, "KMS.0207")
	x.key(t, "alias/a")
	got, err := x.deleteAliases(id, "a", "b")
	must(t, err)
	if _, err := x.k.DescribeKey(t.Context(), "alias/a"); got.HttpStatusCode != 204 || err == nil {
		t.Errorf("got %v", got)
	}
}

func associatesAliases(t *testing.T, x *session) {
	x.create(t, &kms.CreateKeyOptions{Alias: "alias/a"})
	id := x.create(t, nil)
	got, err := x.associate(id, "a")
	must(t, err)
	equal(t, "key_id", got.KeyId, id)
	equal(t, "alias", got.Alias, "a")
	if x.key(t, "alias/a").ID != id {
		t.Error("the alias was not moved")
	}
	_, err = x.associate(id, "none")
	refused(t, err, 404, "KMS.0207")
}
