package etcdstore

import (
	"context"
	"reflect"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// once sends a transaction once. The client sends one again when the answer is
// Canceled or DeadlineExceeded and its caller's ctx is not done, which a load
// balancer may say of a write that was made: the second would find a conflict
// with the first.
type once struct{ pb.KVClient }

func (o once) Txn(
	ctx context.Context, r *pb.TxnRequest, opts ...grpc.CallOption,
) (*pb.TxnResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The client looks at ctx before it sends again.
	end := grpc.OnFinish(func(err error) {
		if code := status.Code(err); code == codes.Canceled || code == codes.DeadlineExceeded {
			cancel()
		}
	})
	return o.KVClient.Txn(ctx, r, append(opts, end)...)
}

// writer returns what to write with. A KV that somebody has put in the place of
// the client's own, as package namespace does, knows other keys.
func writer(client *clientv3.Client) clientv3.KV {
	own := clientv3.NewKVFromKVClient(once{clientv3.RetryKVClient(client)}, client)
	if reflect.TypeOf(own) != reflect.TypeOf(client.KV) {
		return client.KV
	}
	return own
}
