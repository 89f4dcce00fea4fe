package fleet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/keystore/sqlstore"
	"github.com/embedkms/kms/rootkey"
)

// A stock is a store in memory, to be copied into others: they have its keyring.
type stock struct {
	ring    keystore.Record
	records []keystore.Record // of keys
	ids     []string          // of the same keys
	cts     [][]byte          // under the first of them
}

// stocked returns a stock of mostKeys keys, the same each time.
var stocked = sync.OnceValue(func() *stock {
	ctx, store, s := context.Background(), memstore.New(), &stock{}
	orPanic := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	p, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	orPanic(err)
	k, err := kms.Open(ctx, store, p, nil)
	orPanic(err)
	defer k.Close()
	for i := range mostKeys {
		key, err := k.CreateKey(ctx, nil)
		orPanic(err)
		s.ids = append(s.ids, key.ID)
		r, err := store.Get(ctx, "key/"+key.ID)
		orPanic(err)
		s.records = append(s.records, r)
		if i < manyKeys {
			ct, err := k.Encrypt(ctx, key.ID, plaintext, nil)
			orPanic(err)
			s.cts = append(s.cts, ct)
		}
	}
	s.ring, err = store.Get(ctx, "meta/keyring")
	orPanic(err)
	return s
})

// fill makes s.place have n keys, if it has fewer.
func (s *speed) fill(b *testing.B, n int) {
	b.Helper()
	if s.filled >= n {
		return
	}
	store, from := s.place.Open(b), stocked()
	if s.filled == 0 {
		check(b, store.Put(b.Context(), from.ring))
		check(b, store.Put(b.Context(), from.records[0])) // makes the folder of keys
		s.filled = 1
	}
	copyAll(b, s.place, store, from.records[s.filled:n])
	s.filled = n
}

// copyAll puts records into a store, past it where that is much quicker.
func copyAll(b *testing.B, p place, store keystore.Store, records []keystore.Record) {
	b.Helper()
	at, _ := p.(target.Place)
	switch {
	case at.Target != nil && at.Target.Driver != "":
		insertAll(b, at, records)
	case at.Target != nil && at.Target.Name == "filestore":
		for _, r := range records {
			name := filepath.Join(at.Source, filepath.FromSlash(r.Key))
			check(b, os.WriteFile(name, fileOf(r), 0o600))
		}
	default:
		putAll(b, store, records)
	}
}

// insertAll inserts records in one transaction.
func insertAll(b *testing.B, p target.Place, records []keystore.Record) {
	b.Helper()
	insert := "INSERT INTO " + p.Name + " (k, rev, data) VALUES (?, ?, ?)"
	if p.Target.Dialect == sqlstore.PostgreSQL {
		insert = "INSERT INTO " + p.Name + " (k, rev, data) VALUES ($1, $2, $3)"
	}
	tx, err := p.OpenDB(b).Begin()
	check(b, err)
	statement, err := tx.Prepare(insert)
	check(b, err)
	for _, r := range records {
		_, err := statement.Exec(r.Key, int64(r.Rev), r.Data)
		check(b, err)
	}
	check(b, tx.Commit())
}

// fileOf returns the file of a record in a filestore. A wrong one does not open.
func fileOf(r keystore.Record) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	rev := binary.BigEndian.AppendUint64(nil, r.Rev)
	sum := crc32.Checksum(append(append(rev, r.Data...), r.Key...), table)
	head := append([]byte("kmsfile\x01"), rev...)
	return append(binary.BigEndian.AppendUint32(head, sum), r.Data...)
}

// putAll puts records, many at once.
func putAll(b *testing.B, store keystore.Store, records []keystore.Record) {
	b.Helper()
	const writers = 64
	var wg sync.WaitGroup
	failed := make(chan error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := w; i < len(records); i += writers {
				if err := store.Put(b.Context(), records[i]); err != nil {
					failed <- fmt.Errorf("%s: %w", records[i].Key, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	check(b, <-failed)
}
