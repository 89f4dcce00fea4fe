package cloudapi

import "context"

// A Caller is who has sent a request.
type Caller struct {
	Principal   string // of the Credential or token
	AccessKeyID string // that signed the request; "" with a token
	RequestID   string // as the answer names it: a UUID
}

type callerKey struct{}

// WithCaller returns a context that CallerFrom finds c in. The front-ends call it
// for each request; a test of an Authorizer may.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns who a call of the KMS is made for, in an Authorizer or an
// Auditor. It is false for calls that came through no front-end.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
