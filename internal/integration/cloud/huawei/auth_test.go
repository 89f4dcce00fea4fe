package huawei_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"
	regions "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/region"

	"github.com/embedkms/kms/internal/integration/cloud"
)

// simple encrypts something.
func (x *session) simple(id string) error {
	_, err := encryptData(x.KmsClient, &model.EncryptDataRequestBody{KeyId: id, PlainText: "x"})
	return err
}

// replace replaces the first old.
func replace(text *string, old, new string) { *text = strings.Replace(*text, old, new, 1) }

// What a signature covers cannot be changed on the way, and what it does not can.
func TestTampering(t *testing.T) {
	x := newSession(t)
	id := x.create(t, nil)
	for what, c := range map[string]struct {
		change func(r *cloud.Request)
		status int // 0 for success
	}{
		"body":      {func(r *cloud.Request) { r.Body = bytes.Replace(r.Body, []byte(`"x"`), []byte(`"y"`), 1) }, 401},
		"more body": {func(r *cloud.Request) { r.Body = append(r.Body, ' ') }, 401},
		"method":    {func(r *cloud.Request) { r.Method = http.MethodPut }, 401},
		"operation": {func(r *cloud.Request) { replace(&r.URL.Path, "encrypt-data", "create-datakey") }, 401},
		"project":   {func(r *cloud.Request) { replace(&r.URL.Path, project, "p") }, 401},
		"query":     {func(r *cloud.Request) { r.URL.RawQuery = "a=b" }, 401},
		"date": {func(r *cloud.Request) {
			r.Header.Set("X-Sdk-Date", time.Now().UTC().Add(time.Second).Format("20060102T150405Z"))
		}, 401},
		"project ID":   {func(r *cloud.Request) { r.Header.Set("X-Project-Id", "p") }, 401},
		"user agent":   {func(r *cloud.Request) { r.Header.Set("User-Agent", "other") }, 401},
		"no signature": {func(r *cloud.Request) { r.Header.Del("Authorization") }, 401},
		"access key": {func(r *cloud.Request) {
			replace(&r.Header["Authorization"][0], cloud.AccessKeyID, cloud.DeniedID)
		}, 0},
		"fewer headers": {func(r *cloud.Request) {
			replace(&r.Header["Authorization"][0], "user-agent;", "")
		}, 401},
		"host":         {func(r *cloud.Request) { r.Host = "other.example" }, 0},
		"content type": {func(r *cloud.Request) { r.Header.Set("Content-Type", "text/plain") }, 0},
		"other header": {func(r *cloud.Request) { r.Header.Set("X-Other", "1") }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			x.server.Tamper(t, c.change)
			err := x.simple(id)
			switch {
			case what == "access key":
				// Both have one secret in the tests, and the signature covers no name.
				refused(t, err, 403, "KMS.0306")
			case c.status == 0:
				must(t, err)
			default:
				refused(t, err, c.status, "APIGW.0301")
			}
		})
	}
}

// A request is good for 15 minutes either way, and there is no nonce: as often as it comes.
func TestReplayAndSkew(t *testing.T) {
	x := newSession(t)
	id := x.create(t, nil)
	must(t, x.simple(id))
	for range 2 {
		if status, text := x.server.Send(t, x.server.Last()); status != http.StatusOK {
			t.Errorf("again: %d %s", status, text)
		}
	}
	for _, skew := range []time.Duration{14 * time.Minute, -14 * time.Minute} {
		x.server.Skew(t, skew)
		must(t, x.simple(id))
	}
	for _, skew := range []time.Duration{16 * time.Minute, -16 * time.Minute} {
		x.server.Skew(t, skew)
		refused(t, x.simple(id), 401, "APIGW.0301")
		if status, _ := x.server.Send(t, x.server.Last()); status != http.StatusUnauthorized {
			t.Errorf("again: %d", status)
		}
	}
}

func TestUnknownAccessKey(t *testing.T) {
	x := newSession(t)
	x.KmsClient = newClient(t, x.server, "NOBODY", cloud.Secret)
	refused(t, x.simple(nobody), 401, "APIGW.0301")
}

// A client finds the server by a region, made by hand or named in the environment.
func TestRegions(t *testing.T) {
	x := newSession(t)
	id := x.create(t, nil)
	t.Setenv("HUAWEICLOUD_SDK_REGION_KMS_CN_NORTH_4", x.server.URL)
	named, err := regions.SafeValueOf("cn-north-4")
	must(t, err)
	for _, r := range []*region.Region{region.NewRegion("local", x.server.URL), named} {
		auth, err := basic.NewCredentialsBuilder().WithAk(cloud.AccessKeyID).WithSk(cloud.Secret).
			WithProjectId(project).SafeBuild()
		must(t, err)
		c, err := sdk.KmsClientBuilder().WithRegion(r).WithCredential(auth).SafeBuild()
		must(t, err)
		x.KmsClient = sdk.NewKmsClient(c)
		must(t, x.simple(id))
	}
}

// Other operations of the SDK are not there, and say so.
func TestOthers(t *testing.T) {
	x := newSession(t)
	_, err := x.ListGrants(&model.ListGrantsRequest{Body: &model.ListGrantsRequestBody{KeyId: nobody}})
	refused(t, err, 400, "KMS.0201")
	_, err = x.ShowVersions(&model.ShowVersionsRequest{})
	refused(t, err, 400, "KMS.0201")
	_, err = x.ShowUserQuotas(&model.ShowUserQuotasRequest{})
	refused(t, err, 400, "KMS.0201")
}

// What is broken inside, and what is not there for the moment, are told apart.
func TestTrouble(t *testing.T) {
	x := newSession(t)
	id := x.create(t, nil)
	x.server.Damage(t, id)
	refused(t, x.simple(id), http.StatusInternalServerError, "KMS.0101")
	must(t, x.k.Close())
	refused(t, x.simple(id), http.StatusServiceUnavailable, "KMS.0102")
}
