package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/embedkms/kms/keystore"
)

const (
	firstPart = 8   // records asked for at first: 4 MiB if they are the largest
	maxPart   = 512 // records asked for at a time
)

// List implements keystore.Store. A page ends early at 4 MiB of data.
//
// The server says nothing of sizes before it sends the values, so a page is
// asked for in parts, which grow while the records turn out to be small. Few parts
// matter: for each the server goes through the keys of all that follows.
func (s *Store) List(
	ctx context.Context, prefix, after string, limit int,
) ([]keystore.Record, error) {
	if err := s.check(ctx, keystore.CheckList(limit)); err != nil {
		return nil, err
	}
	from := s.prefix + max(prefix, after+"\x00")
	end := clientv3.GetPrefixRangeEnd(s.prefix + prefix)
	var page []keystore.Record
	size := 0
	for n := firstPart; from < end; n = nextPart(n, size, len(page)) {
		kvs, err := s.part(ctx, from, end, min(n, limit-len(page)))
		if err != nil {
			return nil, err
		}
		for _, kv := range kvs {
			key := strings.TrimPrefix(string(kv.Key), s.prefix)
			if keystore.CheckKey(key) != nil {
				continue // not a record
			}
			r, err := decode(key, kv)
			if err != nil {
				r = keystore.Record{Key: key} // Get says more
			}
			page = append(page, r)
			if size += len(r.Data); size >= keystore.PageData || len(page) == limit {
				return page, nil
			}
		}
		if len(kvs) == 0 {
			break
		}
		from = string(kvs[len(kvs)-1].Key) + "\x00"
	}
	return page, nil
}

// nextPart returns how many records to ask for after a part of n, when those of the
// page have size bytes: four times as many, unless twice their mean is too large.
func nextPart(n, size, records int) int {
	fits := max(records, 1) * keystore.PageData / max(2*size, 1)
	return max(firstPart, min(4*n, fits, maxPart))
}

// part returns up to n keys from from to before end, in order, and none only if
// there are none.
func (s *Store) part(ctx context.Context, from, end string, n int) ([]*mvccpb.KeyValue, error) {
	resp, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(int64(n)))
	if err != nil {
		return nil, wrap(ctx, err)
	}
	last := from
	for _, kv := range resp.Kvs {
		key := string(kv.Key)
		if key < last || key >= end {
			return nil, errors.New("etcdstore: keys of a range out of order")
		}
		last = key + "\x00"
	}
	return resp.Kvs, nil
}

// decode returns the record of an etcd key. What Put cannot have written is
// damage.
func decode(key string, kv *mvccpb.KeyValue) (keystore.Record, error) {
	if kv.Version < 1 || len(kv.Value) == 0 || len(kv.Value) > keystore.MaxData {
		return keystore.Record{}, fmt.Errorf("etcdstore: record %s: %w: %d bytes at version %d",
			key, keystore.ErrCorrupt, len(kv.Value), kv.Version)
	}
	return keystore.Record{Key: key, Rev: uint64(kv.Version), Data: kv.Value}, nil
}
