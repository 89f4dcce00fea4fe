package alibaba

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
)

// A Credential is the secret of an access key, and whose it is.
type Credential = cloudapi.Credential

// What stands in ARNs unless Options say otherwise.
const (
	DefaultRegion  = "cn-hangzhou"
	DefaultAccount = "1000000000000000" // 16 digits, as the vendor's are
)

// Options of New.
type Options struct {
	// Credentials are compulsory.
	Credentials cloudapi.Credentials

	// KeyIDs has the IDs of keys here by IDs that clients have in their
	// configuration, such as of keys in the cloud. Answers name those keys as the
	// clients do, but for KeyVersionId, which is always made of the ID here.
	KeyIDs map[string]string

	// AllowInsecure lets requests in that came neither over TLS nor from a
	// loopback address.
	AllowInsecure bool

	// Now is the clock that requests are dated by; nil is time.Now.
	Now func() time.Time

	// Region and Account stand in ARNs; "" is DefaultRegion and DefaultAccount. A
	// key of another region or account is not found.
	Region, Account string
}

// isName is the rule of a region's or an account's name, which has no colon.
var isName = front.Pattern(`[A-Za-z0-9-]{1,64}`)

// New returns a handler that serves k. It starts nothing and logs nothing. An error
// says what is wrong with the options.
func New(k *kms.KMS, opts *Options) (http.Handler, error) {
	if opts == nil {
		return nil, errors.New("cloudapi: there are no Options")
	}
	region, account := cmp.Or(opts.Region, DefaultRegion), cmp.Or(opts.Account, DefaultAccount)
	if !isName(region) || !isName(account) {
		return nil, errors.New("cloudapi: Options.Region or Options.Account cannot stand in an ARN")
	}
	s := front.Settings{
		Credentials: opts.Credentials, KeyIDs: opts.KeyIDs,
		AllowInsecure: opts.AllowInsecure, Now: opts.Now,
	}
	return front.New(k, s, func(keys *front.Keys, _ func() time.Time) front.API {
		return &api{keys: keys, region: region, account: account}
	})
}
