package aws_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/aws"
	"github.com/embedkms/kms/internal/integration/cloud"
)

const region = "eu-west-1"

// A world is a server with a client, and a client of somebody who may do nothing.
type world struct {
	*cloud.Server
	client, denied *sdk.Client
}

// start starts a server. Only the address in the environment leads the SDK to it.
func start(t *testing.T) *world {
	t.Helper()
	x := &world{Server: cloud.Start(t, func(k *kms.KMS, now func() time.Time) (http.Handler, error) {
		return aws.New(k, &aws.Options{Credentials: cloud.Credentials, Now: now})
	})}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // what the machine has set
		}
	}
	t.Setenv("AWS_ENDPOINT_URL_KMS", x.URL)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", cloud.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", cloud.Secret)
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	x.client = newClient(t)
	x.denied = newClient(t, credentialsOf(cloud.DeniedID, cloud.Secret))
	return x
}

func credentialsOf(id, secret string) func(*config.LoadOptions) error {
	return config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, ""))
}

// newClient returns a client that does not try again.
func newClient(t *testing.T, opts ...func(*config.LoadOptions) error) *sdk.Client {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	opts = append(opts, config.WithHTTPClient(&http.Client{Transport: transport}), config.WithRetryMaxAttempts(1))
	loaded, err := config.LoadDefaultConfig(t.Context(), opts...)
	must(t, err)
	return sdk.NewFromConfig(loaded)
}

// untyped are codes that the SDK has no type for.
var untyped = []string{
	"ValidationException", "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
	"IncompleteSignatureException",
}

// checkError checks that err is the SDK's own for a code, with a request ID.
func checkError(t *testing.T, err error, code string) {
	t.Helper()
	coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err)
	if !ok || coded.ErrorCode() != code {
		t.Errorf("%v, want %s", err, code)
		return
	}
	want := "*types." + code
	if slices.Contains(untyped, code) {
		want = "*smithy.GenericAPIError"
	}
	if got := fmt.Sprintf("%T", coded); got != want {
		t.Errorf("%s is a %s, want %s", code, got, want)
	}
	answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
		ServiceRequestID() string
	}](err)
	if !ok || answer.HTTPStatusCode() != http.StatusBadRequest || len(answer.ServiceRequestID()) != 36 {
		t.Errorf("%v has another status, or no request ID", err)
	}
}

// key creates a key and returns its ID.
func (x *world) key(t *testing.T, opts *kms.CreateKeyOptions) string {
	t.Helper()
	k, err := x.KMS.CreateKey(t.Context(), opts)
	must(t, err)
	return k.ID
}

func arn(resource string) string { return "arn:aws:kms:" + region + ":000000000000:" + resource }

// checkKey checks that an answer names a key by its ARN.
func checkKey(t *testing.T, got *string, id string) {
	t.Helper()
	if got == nil || *got != arn("key/"+id) {
		t.Errorf("key %v, want %s", got, arn("key/"+id))
	}
}
