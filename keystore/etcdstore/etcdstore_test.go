package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/embedkms/kms/internal/dbserver"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/etcdstore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

func TestStore(t *testing.T) { keystoretest.Run(t, harness(startCluster(t, 1))) }

// TestThreeNodes spreads the calls of each handle over three nodes.
func TestThreeNodes(t *testing.T) { keystoretest.Run(t, harness(startCluster(t, 3))) }

func TestProcesses(t *testing.T) {
	keystoretest.RunProcesses(t, sharedServer(t), func(t *testing.T, url string) keystore.Store {
		return openStore(t, "/kms/processes", url)
	})
}

func FuzzStore(f *testing.F) {
	url := sharedServer(f)
	keystoretest.Fuzz(f, func(t *testing.T) keystore.Store { return openStore(t, newPrefix(), url) })
}

// serverVar tells the processes that a test starts of its server.
const serverVar = "ETCDSTORE_TEST_SERVER"

// sharedServer returns the URL of a node, which is the parent's in a process
// that a test has started.
func sharedServer(tb testing.TB) string {
	tb.Helper()
	if url := os.Getenv(serverVar); url != "" {
		return url
	}
	url := startCluster(tb, 1)[0].URL()
	tb.Setenv(serverVar, url)
	return url
}

// harness makes stores in a cluster, each under a prefix of its own.
func harness(c dbserver.Cluster) func(*testing.T) func() keystore.Store {
	return func(t *testing.T) func() keystore.Store {
		prefix := newPrefix()
		return func() keystore.Store { return openStore(t, prefix, c.Endpoints()...) }
	}
}

var prefixes atomic.Int64

// newPrefix returns one that no other test has.
func newPrefix() string {
	return fmt.Sprintf("/kms/%d-%d-%d", os.Getpid(), time.Now().UnixNano(), prefixes.Add(1))
}

// A handle is a store with a client of its own, as a process has.
type handle struct {
	*etcdstore.Store
	client *clientv3.Client
}

func (h *handle) Close() error { return errors.Join(h.Store.Close(), h.client.Close()) }

// openStore opens the store under prefix until the test ends.
func openStore(tb testing.TB, prefix string, endpoints ...string) *handle {
	tb.Helper()
	client, err := newClient(endpoints...)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := etcdstore.New(client, prefix)
	if err != nil {
		tb.Fatal(err)
	}
	h := &handle{s, client}
	tb.Cleanup(func() {
		if client.Ctx().Err() == nil {
			h.Close()
		}
	})
	return h
}

func put(tb testing.TB, s keystore.Store, key string, rev uint64, data string) {
	tb.Helper()
	err := s.Put(context.Background(), keystore.Record{Key: key, Rev: rev, Data: []byte(data)})
	if err != nil {
		tb.Fatal(err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestNew(t *testing.T) {
	client, err := newClient("http://127.0.0.1:1")
	must(t, err)
	defer client.Close()
	for _, c := range []struct {
		why    string
		client *clientv3.Client
		prefix string
	}{
		{"no client", nil, "/kms/a"},
		{"no prefix", client, ""},
		{"a slash at the end", client, "/kms/a/"},
		{"nothing but a slash", client, "/"},
	} {
		if _, err := etcdstore.New(c.client, c.prefix); !errors.Is(err, keystore.ErrInvalid) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// Where nothing listens the outcome of every call is unknown, in time.
func TestUnreachable(t *testing.T) {
	s := openStore(t, "/kms/a", "http://127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	for name, err := range eachCall(ctx, s) {
		for _, definite := range []error{keystore.ErrNotFound, keystore.ErrConflict, keystore.ErrInvalid,
			keystore.ErrCorrupt, keystore.ErrTooNew, keystore.ErrClosed} {
			if err == nil || errors.Is(err, definite) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "etcdstore: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// eachCall makes a call of every method.
func eachCall(ctx context.Context, s *handle) map[string]error {
	_, get := s.Get(ctx, "key/a")
	_, list := s.List(ctx, "", "", 10)
	_, watch := s.Watch(ctx, "")
	return map[string]error{
		"Get": get, "List": list, "Watch": watch,
		"Put":    s.Put(ctx, keystore.Record{Key: "key/a", Rev: 1, Data: []byte("v")}),
		"Delete": s.Delete(ctx, "key/a", 1),
	}
}

// Stores under different prefixes of one etcd are different stores, also where
// one prefix begins with the other.
func TestPrefixes(t *testing.T) {
	url := startCluster(t, 1)[0].URL()
	var stores []*handle
	for _, prefix := range []string{"/kms/a", "/kms/a-b", "/kms/ab", "kms", "/kms/a/b"} {
		s := openStore(t, prefix, url)
		put(t, s, "key/a", 1, prefix)
		stores = append(stores, s)
	}
	for i, s := range stores {
		page, err := s.List(t.Context(), "", "", 10)
		if err != nil || len(page) != 1 {
			t.Errorf("store %d: %d records, %v", i, len(page), err)
		}
	}
}

// What other programs put under the prefix is damage where a record belongs, and
// nothing elsewhere; a page of such keys alone does not end a scan.
func TestForeignKeys(t *testing.T) {
	ctx := t.Context()
	s := openStore(t, "/kms/a", startCluster(t, 1)[0].URL())
	put(t, s, "key/a", 1, "v")
	put(t, s, "key/z", 1, "v")
	raw := map[string]string{"key/empty": "", "key/large": strings.Repeat("x", keystore.MaxData+1)}
	for i := range 30 {
		raw[fmt.Sprintf("key/f.%d", i)] = "no record key"
	}
	for key, value := range raw {
		_, err := s.client.Put(ctx, "/kms/a/r/"+key, value)
		must(t, err)
	}
	for _, key := range []string{"key/empty", "key/large"} {
		if _, err := s.Get(ctx, key); !errors.Is(err, keystore.ErrCorrupt) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, limit := range []int{1, 2, 1000} {
		var got []string
		for after := ""; ; {
			page, err := s.List(ctx, "key/", after, limit)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				got = append(got, fmt.Sprint(r.Key, "@", r.Rev, "+", len(r.Data)))
			}
			after = page[len(page)-1].Key
		}
		if want := "[key/a@1+1 key/empty@0+0 key/large@0+0 key/z@1+1]"; fmt.Sprint(got) != want {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
}

// A page has about 4 MiB however large the records behind small ones are.
func TestPageSize(t *testing.T) {
	s := openStore(t, "/kms/a", startCluster(t, 1)[0].URL())
	for i := range 60 {
		size := 10
		if i >= 40 {
			size = keystore.MaxData
		}
		put(t, s, fmt.Sprintf("key/%02d", i), 1, strings.Repeat("x", size))
	}
	total, after := 0, ""
	for {
		page, err := s.List(t.Context(), "", after, keystore.MaxLimit)
		must(t, err)
		if len(page) == 0 {
			break
		}
		size := 0
		for _, r := range page {
			size += len(r.Data)
		}
		if size > 4<<20+keystore.MaxData {
			t.Errorf("a page of %d bytes", size)
		}
		total, after = total+len(page), page[len(page)-1].Key
	}
	if total != 60 {
		t.Errorf("%d records", total)
	}
}
