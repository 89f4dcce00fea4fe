package aws

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
)

// A Credential is that of package cloudapi, so that a caller imports one package.
type Credential = cloudapi.Credential

// Options of New.
type Options struct {
	// Credentials says what belongs to an access key. It is compulsory.
	Credentials cloudapi.Credentials

	// KeyIDs are the IDs of keys here by the IDs that clients have in their
	// configuration, such as of keys in the cloud: of an ARN what follows key/. Answers
	// name the keys as clients do.
	KeyIDs map[string]string

	// Region and Account stand in ARNs, and an ARN in a request must name them.
	// Requests for another region are refused. With no Region it is the one that a
	// request is for; with no Account it is 000000000000.
	Region  string
	Account string

	// AllowInsecure lets requests in that came neither over TLS nor from a loopback
	// address.
	AllowInsecure bool

	// Now is the clock that signatures are compared with; nil is time.Now.
	Now func() time.Time
}

const noAccount = "000000000000"

var (
	isRegion  = regexp.MustCompile(`^[a-z0-9-]{1,64}$`).MatchString
	isAccount = regexp.MustCompile(`^[0-9]{12}$`).MatchString
	isKeyName = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`).MatchString
)

// New returns a handler of the requests of AWS SDKs. Credentials must be set, the
// other options need not be.
func New(k *kms.KMS, opts *Options) (http.Handler, error) {
	if opts == nil {
		return nil, errors.New("cloudapi: there are no options")
	}
	if opts.Region != "" && !isRegion(opts.Region) {
		return nil, fmt.Errorf("cloudapi: Options.Region: %q is no region", opts.Region)
	}
	if opts.Account != "" && !isAccount(opts.Account) {
		return nil, fmt.Errorf("cloudapi: Options.Account: %q is not 12 digits", opts.Account)
	}
	for name := range opts.KeyIDs {
		if !isKeyName(name) {
			return nil, fmt.Errorf("cloudapi: Options.KeyIDs: %q is no ID of a key", name)
		}
	}
	s := front.Settings{
		Credentials: opts.Credentials, KeyIDs: opts.KeyIDs,
		AllowInsecure: opts.AllowInsecure, Now: opts.Now,
	}
	return front.New(k, s, func(keys *front.Keys, now func() time.Time) front.API {
		return &api{keys, opts.Region, cmp.Or(opts.Account, noAccount), now, make(chan struct{}, 1)}
	})
}
