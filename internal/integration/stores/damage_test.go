package stores_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// looseTables forbid nothing in rev and data.
var looseTables = map[sqlstore.Dialect]string{
	sqlstore.PostgreSQL: "CREATE TABLE %s " + goodPostgres,
	sqlstore.MySQL:      "CREATE TABLE %s " + goodMySQL,
	sqlstore.SQLite:     "CREATE TABLE %s " + goodSQLite,
}

// TestDamaged has rows in the table that no store has written.
func TestDamaged(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		p := x.New(t)
		db := p.OpenDB(t)
		exec(t, db, p.Name, looseTables[x.Dialect])
		s := p.Open(t)
		insert := "INSERT INTO " + p.Name + " (k, rev, data) VALUES (?, ?, ?)"
		if x.Dialect == sqlstore.PostgreSQL {
			insert = "INSERT INTO " + p.Name + " (k, rev, data) VALUES ($1, $2, $3)"
		}
		large := make([]byte, keystore.MaxData+1)
		for _, row := range [][]any{
			{"key/a", 1, []byte("v")}, {"key/z", 1, []byte("v")},
			{"key/null-data", 1, nil}, {"key/null-rev", nil, []byte("v")},
			{"key/empty", 1, []byte{}}, {"key/large", 1, large},
			{"key/rev-0", 0, []byte("v")}, {"key/rev-below", -1, []byte("v")},
			{"Stranger", 1, []byte("v")}, {"key/.x", 1, []byte("v")}, {"a b", 1, []byte("v")},
		} {
			if _, err := db.Exec(insert, row...); err != nil {
				t.Fatalf("%v: %v", row[0], err)
			}
		}
		wantDamaged(t, s)
	})
}

func wantDamaged(t *testing.T, s keystore.Store) {
	t.Helper()
	ctx, seen, after := t.Context(), 0, ""
	for {
		page, err := s.List(ctx, "", after, 1) // strangers fill pages of their own
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		seen, after = seen+1, page[0].Key
		if after == "key/a" || after == "key/z" {
			if page[0].Rev != 1 || !bytes.Equal(page[0].Data, []byte("v")) {
				t.Errorf("List has %v", page[0])
			}
			continue
		}
		if page[0].Rev != 0 || page[0].Data != nil {
			t.Errorf("List has %s at %d with %d bytes", after, page[0].Rev, len(page[0].Data))
		}
		_, err = s.Get(ctx, after)
		create := s.Put(ctx, keystore.Record{Key: after, Rev: 1, Data: []byte("new")})
		remove := s.Delete(ctx, after, 0)
		for _, err := range []error{err, create, remove} {
			if !errors.Is(err, keystore.ErrCorrupt) || errors.Is(err, keystore.ErrConflict) {
				t.Errorf("%s: %v, want %v", after, err, keystore.ErrCorrupt)
			}
		}
	}
	if seen != 8 {
		t.Errorf("List has %d records, want 8", seen)
	}
	if page, err := s.List(ctx, "", "", 1000); err != nil || len(page) != 8 {
		t.Errorf("List in one page: %d records, %v, want 8", len(page), err)
	}
}
