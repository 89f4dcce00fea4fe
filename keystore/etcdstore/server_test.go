package etcdstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// A cluster is an etcd of one node or more, on free ports of the loopback
// interface, that ends with the test.
type cluster []*node

// A node is a member of an etcd, which can be killed and started again.
type node struct {
	args   []string
	data   string // directory
	log    string // file
	client string // URL
	cmd    *exec.Cmd
}

// startCluster starts n nodes and waits until they serve.
func startCluster(tb testing.TB, n int) cluster {
	tb.Helper()
	binary := findServer(tb)
	for range 5 { // a port that was free may be taken by now
		c := newCluster(tb, binary, n)
		tb.Cleanup(c.kill)
		c.start(tb)
		if err := c.ready(); err == nil {
			return c
		}
		c.kill()
	}
	tb.Fatal("etcd does not start")
	return nil
}

// findServer returns the etcd binary. Where CI is set there must be one.
func findServer(tb testing.TB) string {
	tb.Helper()
	binary, err := exec.LookPath("etcd")
	if err == nil {
		return binary
	}
	if os.Getenv("CI") != "" {
		tb.Fatal("etcd is not installed: on Debian, apt-get install etcd-server")
	}
	tb.Skip("etcd is not installed")
	return ""
}

func newCluster(tb testing.TB, binary string, n int) cluster {
	var c cluster
	var members []string
	for i := range n {
		name, dir := fmt.Sprint("n", i), tb.TempDir()
		client, peer := freeURL(tb), freeURL(tb)
		members = append(members, name+"="+peer)
		data := filepath.Join(dir, "data")
		c = append(c, &node{client: client, data: data, log: filepath.Join(dir, "log"), args: []string{
			binary, "--name", name, "--data-dir", data,
			"--listen-client-urls", client, "--advertise-client-urls", client,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		}})
	}
	for _, n := range c {
		n.args = append(n.args, "--initial-cluster", strings.Join(members, ","))
	}
	return c
}

func freeURL(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func (c cluster) start(tb testing.TB) {
	tb.Helper()
	for _, n := range c {
		n.start(tb)
	}
}

// kill ends every node at once, as kill -9 does.
func (c cluster) kill() {
	for _, n := range c {
		n.kill()
	}
}

func (c cluster) endpoints() []string {
	var urls []string
	for _, n := range c {
		urls = append(urls, n.client)
	}
	return urls
}

// ready waits until every node answers a linearizable read.
func (c cluster) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, n := range c {
		client, err := newClient(n.client)
		if err != nil {
			return err
		}
		defer client.Close()
		for {
			limited, cancel := context.WithTimeout(ctx, time.Second)
			_, err := client.Get(limited, "ready")
			cancel()
			if err == nil {
				break
			}
			log, _ := os.ReadFile(n.log)
			if ctx.Err() != nil || bytes.Contains(log, []byte("address already in use")) {
				return fmt.Errorf("%w\n%s", err, log)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func (n *node) start(tb testing.TB) {
	tb.Helper()
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(n.args[0], n.args[1:]...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
}

func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Kill()
	n.cmd.Wait()
	n.cmd = nil
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
