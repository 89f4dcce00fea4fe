package cloudmock_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/tencent"
	"github.com/embedkms/kms/examples/cloudmock"
	"github.com/embedkms/kms/kmstest"
)

// mockCloud starts a KMS that speaks Tencent Cloud's API, until the test ends.
func mockCloud(t *testing.T) (_ *kms.KMS, url string) {
	k := kmstest.New(t)
	handler, err := tencent.New(k, &tencent.Options{Credentials: cloudapi.Static(map[string]cloudapi.Credential{
		"test-id": {Secret: "test-key"},
	})})
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return k, server.URL
}

func TestPasswords(t *testing.T) {
	k, url := mockCloud(t)
	key, err := k.CreateKey(t.Context(), nil)
	must(t, err)
	p, err := cloudmock.Open(url, "test-id", "test-key", key.ID)
	must(t, err)

	sealed, err := p.Seal(t.Context(), "orders", "correct horse")
	must(t, err)
	password, err := p.Unseal(t.Context(), "orders", sealed)
	if err != nil || password != "correct horse" {
		t.Errorf("%q, %v", password, err)
	}
	if _, err := p.Unseal(t.Context(), "invoices", sealed); err == nil {
		t.Error("the password of one database opens as that of another")
	}
}

// What the service does when somebody disables its key can be tried, too.
func TestPasswordsOfDisabledKey(t *testing.T) {
	k, url := mockCloud(t)
	key, err := k.CreateKey(t.Context(), nil)
	must(t, err)
	must(t, k.DisableKey(t.Context(), key.ID))
	p, err := cloudmock.Open(url, "test-id", "test-key", key.ID)
	must(t, err)
	_, err = p.Seal(t.Context(), "orders", "correct horse")
	var refusal *sdkerrors.TencentCloudSDKError
	if !errors.As(err, &refusal) || refusal.Code != "ResourceUnavailable.CmkDisabled" {
		t.Errorf("%v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
