package etcdstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/embedkms/kms/keystore"
)

// A gateway stands before a node, as a load balancer does. It hands every
// transaction on, and answers to the next with a code of its own if it has one.
type gateway struct {
	pb.UnimplementedKVServer
	node pb.KVClient
	code atomic.Uint32
	txns atomic.Int32
}

func (g *gateway) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return g.node.Range(ctx, r)
}

func (g *gateway) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	g.txns.Add(1)
	resp, err := g.node.Txn(ctx, r)
	if code := codes.Code(g.code.Swap(0)); err == nil && code != codes.OK {
		return nil, status.Error(code, "gateway: the time is up")
	}
	return resp, err
}

// startGateway starts a gateway to the node at url, and returns its own address.
func startGateway(t *testing.T, url string) (*gateway, string) {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g, server := &gateway{node: pb.NewKVClient(conn)}, grpc.NewServer()
	pb.RegisterKVServer(server, g)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
		conn.Close()
	})
	return g, "http://" + l.Addr().String()
}

// A write is sent once, whatever is answered: a second one would find a conflict
// with the first. The client by itself repeats it after the codes of an end of
// time that is not its caller's.
func TestSentOnce(t *testing.T) {
	g, url := startGateway(t, startCluster(t, 1).Endpoints()[0])
	s := openStore(t, "/kms/a", url)
	r := keystore.Record{Key: "key/a", Rev: 1, Data: []byte("v")}
	for _, code := range []codes.Code{
		codes.DeadlineExceeded, codes.Canceled, codes.Unavailable, codes.Unknown,
	} {
		t.Run(code.String(), func(t *testing.T) {
			for _, write := range []func() error{
				func() error { return s.Put(t.Context(), r) },
				func() error { return s.Delete(t.Context(), r.Key, 1) },
			} {
				g.code.Store(uint32(code))
				before := g.txns.Load()
				err := write()
				for _, definite := range []error{keystore.ErrConflict, keystore.ErrNotFound} {
					if err == nil || errors.Is(err, definite) {
						t.Errorf("error %v, want one that says nothing", err)
					}
				}
				if sent := g.txns.Load() - before; sent != 1 {
					t.Errorf("sent %d times", sent)
				}
			}
		})
	}
}
