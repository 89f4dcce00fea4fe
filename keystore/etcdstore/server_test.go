package etcdstore_test

import (
	"errors"
	"os"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/embedkms/kms/internal/dbserver"
)

// startCluster starts an etcd of n members that ends with the test. Where CI is set
// its program must be there.
func startCluster(tb testing.TB, n int) dbserver.Cluster {
	tb.Helper()
	c, err := dbserver.Etcd(n)
	if errors.Is(err, dbserver.ErrMissing) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	must(tb, err)
	tb.Cleanup(func() { must(tb, c.Stop()) })
	return c
}

// newClient returns a client as the package comment wants it.
func newClient(endpoints ...string) (*clientv3.Client, error) {
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = 50*time.Millisecond, time.Second
	return clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialKeepAliveTime:    5 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		DialOptions:          []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{Backoff: again})},
		Logger:               zap.NewNop(),
	})
}
