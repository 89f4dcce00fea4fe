// Package tencent_test has the SDK of Tencent Cloud call the front-end of its API.
package tencent_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/tencent"
	"github.com/embedkms/kms/internal/integration/cloud"
)

// A scheme is how a client signs and sends.
type scheme struct{ sign, method string }

func (s scheme) String() string { return "tencentcloud-sdk-go " + s.sign + " " + s.method }

// isV1 reports whether the signature stands among the parameters.
func (s scheme) isV1() bool { return s.sign != tc3 }

const tc3 = "TC3-HMAC-SHA256"

var schemes = []scheme{
	{tc3, "POST"}, {tc3, "GET"}, {"HmacSHA1", "GET"}, {"HmacSHA1", "POST"},
	{"HmacSHA256", "GET"}, {"HmacSHA256", "POST"},
}

// A session is a client of a front-end over a new KMS.
type session struct {
	*sdk.Client
	scheme scheme
	server *cloud.Server
	k      *kms.KMS
}

func newSession(t *testing.T, s scheme) *session {
	t.Helper()
	server := cloud.Start(t, func(k *kms.KMS, now func() time.Time) (http.Handler, error) {
		return tencent.New(k, &tencent.Options{Credentials: cloud.Credentials, Now: now})
	})
	return &session{newClient(t, server, s, cloud.AccessKeyID, cloud.Secret), s, server, server.KMS}
}

func newClient(t *testing.T, server *cloud.Server, s scheme, id, secret string) *sdk.Client {
	t.Helper()
	c, err := sdk.NewClient(common.NewCredential(id, secret), "ap-guangzhou", newProfile(server, s))
	must(t, err)
	return c
}

func newProfile(server *cloud.Server, s scheme) *profile.ClientProfile {
	p := profile.NewClientProfile()
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint = "HTTP", server.Addr()
	p.SignMethod, p.HttpProfile.ReqMethod = s.sign, s.method
	return p
}

// denied returns a client that may do nothing.
func (x *session) denied(t *testing.T) *sdk.Client {
	return newClient(t, x.server, x.scheme, cloud.DeniedID, cloud.Secret)
}

// create creates a key in the library.
func (x *session) create(t *testing.T, opts *kms.CreateKeyOptions) string {
	t.Helper()
	key, err := x.k.CreateKey(t.Context(), opts)
	must(t, err)
	return key.ID
}

// state returns what the library says of a key.
func (x *session) state(t *testing.T, id string) kms.KeyState {
	t.Helper()
	key, err := x.k.DescribeKey(t.Context(), id)
	must(t, err)
	return key.State
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails unless err is the SDK's own, with a code and a request ID.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*sdkerrors.TencentCloudSDKError](err)
	if !ok || e.Code != code || e.RequestId == "" || e.Message == "" {
		t.Errorf("%v, want %s", err, code)
	}
}

func b64(b []byte) *string { return new(base64.StdEncoding.EncodeToString(b)) }

func unb64(t testing.TB, s *string) []byte {
	t.Helper()
	if s == nil {
		t.Fatal("a field is not there")
	}
	b, err := base64.StdEncoding.DecodeString(*s)
	must(t, err)
	return b
}

// equal compares a field of an answer.
func equal[T comparable](t *testing.T, what string, got *T, want T) {
	t.Helper()
	if got == nil || *got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// documented returns the operations of docs/cloudapi/tencent.md.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/cloudapi/tencent.md")
	must(t, err)
	var all []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z0-9]+)` \\| v1\\.0\\.1000").FindAllStringSubmatch(string(text), -1) {
		all = append(all, row[1])
	}
	return slices.Sorted(slices.Values(all))
}
