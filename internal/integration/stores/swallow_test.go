package stores_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// swallowers are tables that do something else than what an INSERT says.
var swallowers = []struct{ name, on, setUp string }{
	{"trigger", "PostgreSQL", "CREATE TABLE %s " + goodPostgres + `
		CREATE FUNCTION %s_drop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'
		CREATE TRIGGER drops BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %s_drop()`},
	{"rule", "PostgreSQL", "CREATE TABLE %s " + goodPostgres + `
		CREATE RULE drops AS ON INSERT TO %s DO INSTEAD NOTHING`},
	{"trigger", "SQLite", "CREATE TABLE %s " + goodSQLite + `
		CREATE TRIGGER %s_drop BEFORE INSERT ON %s BEGIN SELECT RAISE(IGNORE); END`},
	{"key that ignores", "SQLite",
		"CREATE TABLE %s (k TEXT PRIMARY KEY ON CONFLICT IGNORE, rev BIGINT, data BLOB)"},
	{"key that replaces", "SQLite",
		"CREATE TABLE %s (k TEXT PRIMARY KEY ON CONFLICT REPLACE, rev BIGINT, data BLOB)"},
}

// TestSwallowed wants a record to be there when Put has said so, and an earlier
// one not to be gone.
func TestSwallowed(t *testing.T) {
	for _, x := range databases() {
		for _, c := range swallowers {
			if !strings.HasPrefix(x.Name, c.on) {
				continue
			}
			t.Run(x.Name+", "+c.name, func(t *testing.T) {
				p := x.New(t)
				for statement := range strings.Lines(c.setUp) {
					exec(t, p.OpenDB(t), p.Name, statement)
				}
				wantCreates(t, p.Open(t))
			})
		}
	}
}

func wantCreates(t *testing.T, s keystore.Store) {
	t.Helper()
	for _, data := range []string{"first", "second"} {
		before, err := s.Get(t.Context(), "key/a")
		there := err == nil
		err = s.Put(t.Context(), keystore.Record{Key: "key/a", Rev: 1, Data: []byte(data)})
		if there && !errors.Is(err, keystore.ErrConflict) {
			t.Errorf("Put of %s: %v, want %v", data, err, keystore.ErrConflict)
		}
		r, missing := s.Get(t.Context(), "key/a")
		if err == nil && (missing != nil || string(r.Data) != data) {
			t.Errorf("Put of %s said nil, stored is %q, %v", data, r.Data, missing)
		}
		if there && string(r.Data) != string(before.Data) {
			t.Errorf("Put of %s replaced %q", data, before.Data)
		}
	}
}
