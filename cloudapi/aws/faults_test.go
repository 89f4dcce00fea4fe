package aws_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/aws"
)

// What may be tried again has a status that the SDK tries again, and what may have
// been done has not: or one call would make two keys.
func TestTryAgain(t *testing.T) {
	for _, c := range []struct {
		of     error
		status int
		code   string
	}{
		{kms.ErrStoreUnavailable, 503, "DependencyTimeoutException"},
		{kms.ErrRootUnavailable, 503, "DependencyTimeoutException"},
		{kms.ErrConflict, 503, "DependencyTimeoutException"},
		{context.Canceled, 503, "DependencyTimeoutException"},
		{context.DeadlineExceeded, 503, "DependencyTimeoutException"},
		{kms.ErrUnknownOutcome, 400, "ConflictException"},
		{fmt.Errorf("%w: %w", kms.ErrUnknownOutcome, kms.ErrStoreUnavailable), 400, "ConflictException"},
		{fmt.Errorf("%w: %w", kms.ErrUnknownOutcome, context.Canceled), 400, "ConflictException"},
		{kms.ErrTampered, 500, "KMSInternalException"},
	} {
		if status, code := aws.Answer(c.of); status != c.status || code != c.code {
			t.Errorf("%v: %d %s, want %d %s", c.of, status, code, c.status, c.code)
		}
	}
}
