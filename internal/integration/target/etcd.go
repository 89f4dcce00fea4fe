package target

import (
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/embedkms/kms/keystore/etcdstore"
)

func etcdSource(_ testing.TB, port int) string { return fmt.Sprint("http://", loopback, port) }

// An etcdHandle is a store with a client that ends with it.
type etcdHandle struct {
	*etcdstore.Store
	client *clientv3.Client
}

func (h *etcdHandle) Close() error {
	err := h.Store.Close()
	if h.client.Ctx().Err() != nil { // closed before, which a client does not bear
		return err
	}
	return errors.Join(err, h.client.Close())
}

func openEtcd(t testing.TB, p Place) Store {
	t.Helper()
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = 50*time.Millisecond, time.Second
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            []string{p.Source},
		DialKeepAliveTime:    5 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		DialOptions:          []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{Backoff: again})},
		Logger:               zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := etcdstore.New(client, "/"+p.Name)
	if err != nil {
		t.Fatal(errors.Join(err, client.Close()))
	}
	return &etcdHandle{s, client}
}
