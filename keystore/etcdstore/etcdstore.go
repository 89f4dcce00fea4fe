// Package etcdstore keeps records in etcd, 3.4 or newer: the store for a service
// that runs on several machines beside an etcd, such as that of a Kubernetes
// installation of its own.
//
// # Layout
//
// Under the prefix /kms/orders, the record key/1f0c… is the etcd key
// /kms/orders/r/key/1f0c…, its value is the record's data, and its revision is
// what etcd calls the version of the key: etcd counts it from 1 with every write,
// and starts anew when the key was deleted. Whatever else writes under the prefix
// breaks that count, and the records no longer open. Keys that cannot be
// records are left alone. Stores must not lie inside each other: none has a
// prefix that begins with another's and a slash.
//
// # Durability
//
// A write is acknowledged when a majority of the members have it on their disks:
// never start a member with --unsafe-no-fsync. Reads are linearizable. A record
// has up to 512 KiB, which the default of --max-request-bytes has room for.
//
// # Backup
//
// A snapshot of etcd has all records with their versions, and etcdctl snapshot
// restore keeps those. A copy of the keys, as by etcdctl make-mirror, does not:
// to move a store, use Export and Restore of package kms. Old values stay in
// etcd until it is compacted, as --auto-compaction-retention does; sealed, like
// all others.
//
// # The client
//
// The client is the caller's, with its endpoints, TLS and credentials. The role
// needs to read and write the range from /kms/orders/r/ to /kms/orders/r0. Leave
// MaxCallRecvMsgSize at its default. Set DialKeepAliveTime and
// DialKeepAliveTimeout, to 5 s each for instance: a machine that vanished is
// otherwise noticed only after minutes. And bound the pauses between attempts to
// connect, by grpc.WithConnectParams in DialOptions: they grow to two minutes
// otherwise, which an etcd that is back after a longer outage is then not used.
//
// The store keeps the client from sending a write again that may have been made.
// It cannot where a KV was put in the place of the client's own, as package
// namespace does; then give New a longer prefix instead.
//
// With etcd 3.4, do not use JSON web tokens (--auth-token jwt): once the first has
// expired, the client gets no other, and every call waits for the end of its ctx.
package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/embedkms/kms/keystore"
)

// A Store keeps records under a prefix of an etcd. It is safe for concurrent
// use, and a prefix may be in use by any number of processes.
type Store struct {
	client *clientv3.Client
	writer clientv3.KV
	prefix string // of the etcd keys of records

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	mu      sync.Mutex     // orders the start of a watch and Close's wait
	watches sync.WaitGroup // goroutines of watches
}

var (
	_ keystore.Store   = (*Store)(nil)
	_ keystore.Watcher = (*Store)(nil)
)

// New returns the store under prefix, such as /kms/orders, in the etcd of client,
// which stays the caller's to close after the store. It does not ask the server:
// a prefix that has no records yet is an empty store. A prefix that is empty or
// ends in a slash is refused with keystore.ErrInvalid.
func New(client *clientv3.Client, prefix string) (*Store, error) {
	if client == nil {
		return nil, fmt.Errorf("etcdstore: %w: no client", keystore.ErrInvalid)
	}
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return nil, fmt.Errorf("etcdstore: %w: prefix %q is empty or ends in a slash",
			keystore.ErrInvalid, prefix)
	}
	s := &Store{client: client, writer: writer(client), prefix: prefix + "/r/"}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close ends the use of the store and its watches. Calls under way finish.
func (s *Store) Close() error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.watches.Wait()
	return nil
}

// Get implements keystore.Store.
func (s *Store) Get(ctx context.Context, key string) (keystore.Record, error) {
	if err := s.check(ctx, keystore.CheckKey(key)); err != nil {
		return keystore.Record{}, err
	}
	resp, err := s.client.Get(ctx, s.prefix+key)
	if err != nil {
		return keystore.Record{}, wrap(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return keystore.Record{}, notFound(key)
	}
	return decode(key, resp.Kvs[0])
}

// Put implements keystore.Store.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	if err := s.check(ctx, keystore.CheckPut(r)); err != nil {
		return err
	}
	key := s.prefix + r.Key
	// The version of a key that is not there is 0.
	resp, err := s.writer.Txn(ctx).If(versionIs(key, r.Rev-1)).
		Then(clientv3.OpPut(key, string(r.Data))).Commit()
	if err != nil {
		return wrap(ctx, err)
	}
	if !resp.Succeeded {
		return conflict(r.Key, r.Rev)
	}
	return nil
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	if err := s.check(ctx, keystore.CheckKey(key)); err != nil {
		return err
	}
	path := s.prefix + key
	resp, err := s.writer.Txn(ctx).If(versionIs(path, rev)).
		Then(clientv3.OpDelete(path)).
		Else(clientv3.OpGet(path, clientv3.WithCountOnly())).Commit()
	if err != nil {
		return wrap(ctx, err)
	}
	if len(resp.Responses) != 1 {
		return errors.New("etcdstore: incomplete reply to a transaction")
	}
	there := resp.Responses[0].GetResponseRange().GetCount() > 0
	deleted := resp.Responses[0].GetResponseDeleteRange().GetDeleted() > 0
	switch {
	case there:
		return conflict(key, rev)
	case !deleted: // also at revision 0, which nothing has
		return notFound(key)
	}
	return nil
}

// versionIs compares the version of an etcd key. A revision beyond 63 bits
// becomes a negative one, which no key has.
func versionIs(path string, rev uint64) clientv3.Cmp {
	return clientv3.Compare(clientv3.Version(path), "=", int64(rev))
}

// check returns why a call must not go on; invalid is what its arguments say.
func (s *Store) check(ctx context.Context, invalid error) error {
	if s.ctx.Err() != nil {
		return keystore.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("etcdstore: %w", err)
	}
	return invalid
}

// wrap says which package an error of the client's comes from, and that ctx was
// done if it was. Whether a write was made is unknown after any of them.
func wrap(ctx context.Context, err error) error {
	done := ctx.Err()
	if done == nil && status.Code(err) == codes.DeadlineExceeded {
		done = context.DeadlineExceeded // gRPC looked at the clock before ctx did
	}
	if done != nil && !errors.Is(err, done) {
		return fmt.Errorf("etcdstore: %w: %w", done, err)
	}
	return fmt.Errorf("etcdstore: %w", err)
}

func notFound(key string) error {
	return fmt.Errorf("etcdstore: %w: %s", keystore.ErrNotFound, key)
}

func conflict(key string, rev uint64) error {
	return fmt.Errorf("etcdstore: record %s: %w: given %d", key, keystore.ErrConflict, rev)
}
