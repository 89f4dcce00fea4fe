package huawei_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/huawei"
	"github.com/embedkms/kms/internal/integration/cloud"
)

const (
	project = "0123456789abcdef0123456789abcdef"
	serial  = "919c82d4-8046-4722-9094-35c3c6524cff" // of a request
	nobody  = "0a000000-0000-4000-8000-000000000000" // a key that does not exist
)

// A session is a client of a front-end over a new KMS.
type session struct {
	*sdk.KmsClient
	server *cloud.Server
	k      *kms.KMS
}

func newSession(t *testing.T) *session {
	t.Helper()
	server := cloud.Start(t, func(k *kms.KMS, now func() time.Time) (http.Handler, error) {
		return huawei.New(k, &huawei.Options{Credentials: cloud.Credentials, Now: now})
	})
	return &session{newClient(t, server, cloud.AccessKeyID, cloud.Secret), server, server.KMS}
}

func newClient(t *testing.T, server *cloud.Server, id, secret string) *sdk.KmsClient {
	t.Helper()
	auth, err := basic.NewCredentialsBuilder().
		WithAk(id).WithSk(secret).WithProjectId(project).SafeBuild()
	must(t, err)
	c, err := sdk.KmsClientBuilder().WithEndpoint(server.URL).WithCredential(auth).SafeBuild()
	must(t, err)
	return sdk.NewKmsClient(c)
}

// create creates a key in the library.
func (x *session) create(t *testing.T, opts *kms.CreateKeyOptions) string {
	t.Helper()
	key, err := x.k.CreateKey(t.Context(), opts)
	must(t, err)
	return key.ID
}

// key returns what the library says of a key.
func (x *session) key(t *testing.T, id string) *kms.Key {
	t.Helper()
	key, err := x.k.DescribeKey(t.Context(), id)
	must(t, err)
	return key
}

// existing returns a key, or another if it does not exist.
func (x *session) existing(t *testing.T, id string) string {
	t.Helper()
	if _, err := x.k.DescribeKey(t.Context(), id); err != nil {
		return x.create(t, nil)
	}
	return id
}

// disabled creates a key that is disabled.
func (x *session) disabled(t *testing.T) string {
	t.Helper()
	id := x.create(t, nil)
	must(t, x.k.DisableKey(t.Context(), id))
	return id
}

// scheduled creates a key that is going to be deleted.
func (x *session) scheduled(t *testing.T) string {
	t.Helper()
	id := x.create(t, nil)
	_, err := x.k.ScheduleKeyDeletion(t.Context(), id, 0)
	must(t, err)
	return id
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails unless err is the SDK's own, with a status, a code and a request ID.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	e, ok := errors.AsType[*sdkerr.ServiceResponseError](err)
	if !ok || e.StatusCode != status || e.ErrorCode != code || len(e.RequestId) != 36 || e.ErrorMessage == "" {
		t.Errorf("%v, want %d %s", err, status, code)
	}
}

// equal compares a field of an answer.
func equal[T any](t *testing.T, what string, got *T, want T) {
	t.Helper()
	if got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%s: %v, want %v", what, show(got), want)
	}
}

func show[T any](v *T) any {
	if v == nil {
		return "nothing"
	}
	return *v
}

// enum returns a value of one of the SDK's enumerations.
func enum[T any](t *testing.T, text string) *T {
	t.Helper()
	v := new(T)
	must(t, json.Unmarshal([]byte(strconv.Quote(text)), v))
	return v
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func unb64(t *testing.T, s *string) []byte {
	t.Helper()
	if s == nil {
		t.Fatal("a field is not there")
	}
	b, err := base64.StdEncoding.DecodeString(*s)
	must(t, err)
	return b
}

// unhex decodes upper-case hexadecimal.
func unhex(t *testing.T, s *string) []byte {
	t.Helper()
	if s == nil || *s != strings.ToUpper(*s) {
		t.Fatalf("%v is not upper-case hexadecimal", show(s))
	}
	b, err := hex.DecodeString(*s)
	must(t, err)
	return b
}

// of returns the body of an operation on a key.
func of(id string) *model.OperateKeyRequestBody {
	return &model.OperateKeyRequestBody{KeyId: id, Sequence: new(serial)}
}
