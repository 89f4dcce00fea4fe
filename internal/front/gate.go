package front

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/httpsig"
)

// Skew is how far a request's time may be from the clock, either way, as all
// vendors' gateways have it.
const Skew = 15 * time.Minute

// A Gate lets in who can prove that he has the secret.
type Gate struct {
	credentials cloudapi.Credentials
	now         func() time.Time
	seen        *nonces
}

func newGate(credentials cloudapi.Credentials, now func() time.Time) (*Gate, error) {
	if credentials == nil {
		return nil, errors.New("cloudapi: Options.Credentials is compulsory")
	}
	return &Gate{credentials, now, newNonces()}, nil
}

// Verify returns who has signed a request: ErrClock, ErrUnknownKey,
// ErrCredentials, ErrWrongSignature or ErrReplay if nobody has.
func (g *Gate) Verify(ctx context.Context, p *httpsig.Proof) (cloudapi.Caller, error) {
	now := g.now()
	if age := now.Sub(p.Time); age > Skew || age < -Skew {
		return cloudapi.Caller{}, ErrClock
	}
	c, err := g.credentials(ctx, p.AccessKeyID)
	switch {
	case errors.Is(err, cloudapi.ErrUnknownAccessKey):
		return cloudapi.Caller{}, ErrUnknownKey
	case err != nil:
		return cloudapi.Caller{}, ErrCredentials // what it was is no business of a stranger
	case c.Secret == "" || !p.Verify(c.Secret):
		return cloudapi.Caller{}, ErrWrongSignature
	}
	// Only now, or strangers could use up nonces of others.
	if err := g.seen.add(p, now); err != nil {
		return cloudapi.Caller{}, err
	}
	return cloudapi.Caller{
		Principal: cmp.Or(c.Principal, p.AccessKeyID), AccessKeyID: p.AccessKeyID,
	}, nil
}
