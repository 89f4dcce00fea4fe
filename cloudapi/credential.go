package cloudapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
)

// ErrUnknownAccessKey is what a Credentials function returns for an access key ID
// that it does not know. Any other error means that it could not find out: the
// client is told to try again.
var ErrUnknownAccessKey = errors.New("cloudapi: access key ID is unknown")

// Credentials returns what belongs to an access key ID. It is asked for every
// request, before the request's signature is verified, and must be safe for
// concurrent use.
type Credentials func(ctx context.Context, accessKeyID string) (Credential, error)

// A Credential is the secret of an access key, and whose it is. No form of
// printing, logging or JSON shows the secret.
type Credential struct {
	Secret    string // that requests are signed with; empty matches nothing
	Principal string // as the Authorizer shall know the caller; "" is the access key ID
}

// Static returns Credentials for a fixed set, by access key ID.
func Static(credentials map[string]Credential) Credentials {
	credentials = maps.Clone(credentials)
	return func(_ context.Context, accessKeyID string) (Credential, error) {
		c, ok := credentials[accessKeyID]
		if !ok {
			return Credential{}, ErrUnknownAccessKey
		}
		return c, nil
	}
}

// String returns the principal.
func (c Credential) String() string { return "credential of " + c.Principal }

// Format writes what String returns, whatever the verb.
func (c Credential) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue returns what String returns.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String returns.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
