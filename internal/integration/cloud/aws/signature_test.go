package aws_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/embedkms/kms/internal/integration/cloud"
)

const badSignature = "InvalidSignatureException"

func random(t *testing.T, c *sdk.Client) error {
	return failed(c.GenerateRandom(t.Context(), &sdk.GenerateRandomInput{NumberOfBytes: new(int32(16))}))
}

// Who has no secret, or another one, is not let in.
func TestSecrets(t *testing.T) {
	x := start(t)
	must(t, random(t, x.client))
	checkError(t, random(t, newClient(t, credentialsOf(cloud.AccessKeyID, "another-secret"))), badSignature)
	checkError(t, random(t, newClient(t, credentialsOf("AKIDOTHER", cloud.Secret))), "UnrecognizedClientException")
}

// What is changed on its way is refused, but for what the scheme leaves unsigned.
func TestTampering(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cloud.Request)
		code   string
	}{
		"body":          {func(r *cloud.Request) { r.Body = bytes.Replace(r.Body, []byte("16"), []byte("32"), 1) }, badSignature},
		"operation":     {func(r *cloud.Request) { r.Header.Set("X-Amz-Target", "TrentService.ListKeys") }, badSignature},
		"date":          {func(r *cloud.Request) { r.Header.Set("X-Amz-Date", otherDate(r)) }, badSignature},
		"host":          {func(r *cloud.Request) { r.Host = "kms.example.com" }, badSignature},
		"method":        {func(r *cloud.Request) { r.Method = http.MethodPut }, badSignature},
		"query":         {func(r *cloud.Request) { r.URL.RawQuery = "Action=Encrypt" }, badSignature},
		"content type":  {func(r *cloud.Request) { r.Header.Set("Content-Type", "text/plain") }, badSignature},
		"path":          {func(r *cloud.Request) { r.URL.Path = "/other" }, "IncompleteSignatureException"},
		"access key ID": {func(r *cloud.Request) { replaceAuthorization(r, cloud.AccessKeyID, "AKIDOTHER") }, "UnrecognizedClientException"},
		"region":        {func(r *cloud.Request) { replaceAuthorization(r, region, "us-east-1") }, badSignature},
		// It is not signed, and the two have one secret.
		"access key ID of one secret": {func(r *cloud.Request) { replaceAuthorization(r, cloud.AccessKeyID, cloud.DeniedID) }, "AccessDeniedException"},

		"user agent":   {func(r *cloud.Request) { r.Header.Set("User-Agent", "another") }, ""},
		"a new header": {func(r *cloud.Request) { r.Header.Set("X-New", "1") }, ""},
		"trace ID":     {func(r *cloud.Request) { r.Header.Set("X-Amzn-Trace-Id", "1") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := start(t)
			x.Tamper(t, c.change)
			if c.code == "" {
				must(t, random(t, x.client))
				return
			}
			checkError(t, random(t, x.client), c.code)
		})
	}
}

func replaceAuthorization(r *cloud.Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

// otherDate returns the time of a request, a second later or earlier on the same day.
func otherDate(r *cloud.Request) string {
	const form = "20060102T150405Z"
	at, err := time.Parse(form, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return ""
	}
	if other := at.Add(time.Second); other.Day() == at.Day() {
		return other.Format(form)
	}
	return at.Add(-time.Second).Format(form)
}

// The scheme has no nonce: what somebody has seen he can send again, for as long as
// the clock lets it in.
func TestReplay(t *testing.T) {
	x := start(t)
	must(t, random(t, x.client))
	seen := x.Last()
	for range 2 {
		if status, answer := x.Send(t, seen); status != http.StatusOK {
			t.Errorf("%d %s", status, answer)
		}
	}
	x.Skew(t, 16*time.Minute)
	if status, answer := x.Send(t, seen); status != http.StatusBadRequest || !strings.Contains(answer, badSignature) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestClock(t *testing.T) {
	for _, by := range []time.Duration{14 * time.Minute, -14 * time.Minute} {
		x := start(t)
		x.Skew(t, by)
		must(t, random(t, x.client))
	}
	for _, by := range []time.Duration{16 * time.Minute, -16 * time.Minute} {
		x := start(t)
		x.Skew(t, by)
		checkError(t, random(t, x.client), badSignature)
	}
}
