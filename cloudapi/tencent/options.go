package tencent

import (
	"errors"
	"net/http"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
)

// A Credential is the secret of an access key (SecretKey of a SecretId), and whose
// it is.
type Credential = cloudapi.Credential

// Options of New.
type Options struct {
	// Credentials says what secret belongs to an access key ID, which clients call
	// SecretId. Compulsory.
	Credentials cloudapi.Credentials

	// KeyIDs are IDs that clients have in their configuration, such as of keys in the
	// cloud, with the IDs of keys here that they stand for. Answers name the keys
	// as clients do.
	KeyIDs map[string]string

	// AllowInsecure lets requests in that came neither over TLS nor from a loopback
	// address. Their answers carry plaintexts and keys for everybody to see.
	AllowInsecure bool

	// Now is the clock that requests must be near; nil is time.Now.
	Now func() time.Time
}

// New returns a handler for the root path of a host. It keeps no goroutine and
// logs nothing. It fails if there is no KMS, no Credentials, or a key ID in KeyIDs
// is none.
func New(k *kms.KMS, opts *Options) (http.Handler, error) {
	if opts == nil {
		return nil, errors.New("tencent: Options are compulsory")
	}
	s := front.Settings{
		Credentials: opts.Credentials, KeyIDs: opts.KeyIDs,
		AllowInsecure: opts.AllowInsecure, Now: opts.Now,
	}
	return front.New(k, s, func(keys *front.Keys, _ func() time.Time) front.API {
		return &service{keys}
	})
}
