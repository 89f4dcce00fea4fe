package cloudapi_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// orders lets the principal orders use keys, and nobody from outside manage them.
type orders struct{}

func (orders) Authorize(ctx context.Context, r *kms.Request) error {
	caller, outside := cloudapi.CallerFrom(ctx)
	uses := r.Op == kms.OpEncrypt || r.Op == kms.OpDecrypt
	if !outside || uses && caller.Principal == "orders" {
		return nil
	}
	return errors.New("not from outside")
}

// An Authorizer learns who has sent a request that came through a front-end. Its test
// need not send one.
func ExampleCallerFrom() {
	root, err := rootkey.Static([]byte("an example only, not random bits"))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	k, err := kms.Open(ctx, memstore.New(), root, &kms.Options{Authorizer: orders{}})
	if err != nil {
		panic(err)
	}
	defer k.Close()
	key, err := k.CreateKey(ctx, nil) // by the service itself
	if err != nil {
		panic(err)
	}

	ctx = cloudapi.WithCaller(ctx, cloudapi.Caller{Principal: "orders"})
	_, err = k.Encrypt(ctx, key.ID, []byte("4111 1111 1111 1111"), nil)
	fmt.Println("encrypt:", err)
	_, err = k.RotateKey(ctx, key.ID)
	fmt.Println("rotate:", errors.Is(err, kms.ErrAccessDenied))
	// Output:
	// encrypt: <nil>
	// rotate: true
}
