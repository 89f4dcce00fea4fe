package huawei

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
)

// Credential is what belongs to an access key, as Options.Credentials returns it.
type Credential = cloudapi.Credential

// Options of New.
type Options struct {
	// Credentials tells the secret of an access key, and whose it is. It is compulsory.
	Credentials cloudapi.Credentials

	// Tokens returns whose an X-Auth-Token is, or cloudapi.ErrUnknownAccessKey; any
	// other error means that it could not find out. It should compare in constant time,
	// for instance by looking up a hash of the token. Nil accepts no token.
	Tokens func(ctx context.Context, token string) (principal string, err error)

	// KeyIDs are key IDs that clients have in their configuration, such as of keys in
	// the cloud, and the IDs of the keys here that they stand for. Answers name the keys
	// as clients do. Both have the form of a UUID; those of clients may have any
	// letters.
	KeyIDs map[string]string

	// AllowInsecure lets requests in that came neither over TLS nor from a loopback
	// address.
	AllowInsecure bool

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// New returns a handler that serves k. It starts nothing and logs nothing.
func New(k *kms.KMS, opts *Options) (http.Handler, error) {
	if opts == nil {
		return nil, errors.New("huawei: there are no options")
	}
	for id := range opts.KeyIDs {
		if !isKeyID(id) {
			return nil, fmt.Errorf("huawei: Options.KeyIDs: %q is no ID that a client can send", id)
		}
	}
	s := front.Settings{
		Credentials: opts.Credentials, KeyIDs: opts.KeyIDs,
		AllowInsecure: opts.AllowInsecure, Now: opts.Now,
	}
	return front.New(k, s, func(keys *front.Keys, now func() time.Time) front.API {
		return &api{keys, opts.Tokens, now}
	})
}
