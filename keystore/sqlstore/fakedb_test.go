package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/keystore/sqlstore"
)

// A fakeDB is a table that answers to the statements of a store, through the
// driver interface of database/sql, and fails where it is told to.
type fakeDB struct {
	// before is asked before a statement is carried out, after behind it, when
	// the reply is under way. Their errors are the statement's.
	before, after func(query string) error

	// answers are what New asks: rows by a part of the query.
	answers map[string][][]driver.Value

	mu       sync.Mutex
	rows     map[string]fakeRow
	affected int64 // added to the number of rows that a write says it changed
	listed   int   // rows that List was sent, with their data
}

type fakeRow struct{ rev, data driver.Value }

var errRefused = errors.New("fake: refused by the server")

// postgres answers as a PostgreSQL that is as it should be.
func postgres() map[string][][]driver.Value {
	return map[string][][]driver.Value{
		"SELECT version()":    {{"PostgreSQL 15.1 on a fake"}},
		"pg_is_in_recovery":   {{false, "on", "on", "on"}},
		"pg_catalog.pg_class": {{"p", "C", true, true}},
	}
}

// open opens a store on db until the test ends.
func (db *fakeDB) open(t testing.TB) *handle {
	t.Helper()
	pool := sql.OpenDB(db)
	s, err := sqlstore.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &handle{s, pool}
	t.Cleanup(func() { h.Close() })
	return h
}

// A handle is a store with a pool that ends with it.
type handle struct {
	*sqlstore.Store
	pool *sql.DB
}

func (h *handle) Close() error { return errors.Join(h.Store.Close(), h.pool.Close()) }

func newFake() *fakeDB {
	return &fakeDB{rows: make(map[string]fakeRow), answers: postgres()}
}

func (db *fakeDB) Connect(context.Context) (driver.Conn, error) { return &fakeConn{db: db}, nil }
func (db *fakeDB) Driver() driver.Driver                        { return nil }

// A fakeConn is broken by the first statement that fails as a connection does.
type fakeConn struct {
	db     *fakeDB
	broken bool
}

func (*fakeConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("fake: no Prepare") }
func (*fakeConn) Begin() (driver.Tx, error)           { return nil, errors.New("fake: no Begin") }
func (*fakeConn) Close() error                        { return nil }
func (c *fakeConn) IsValid() bool                     { return !c.broken }

// run carries out a statement between the two hooks.
func (c *fakeConn) run(query string, f func()) error {
	if c.broken {
		return driver.ErrBadConn
	}
	err := call(c.db.before, query)
	if err == nil {
		c.db.mu.Lock()
		f()
		c.db.mu.Unlock()
		err = call(c.db.after, query)
	}
	c.broken = errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF)
	return err
}

func call(hook func(string) error, query string) error {
	if hook == nil {
		return nil
	}
	return hook(query)
}

func (c *fakeConn) ExecContext(
	_ context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	n, refused := int64(0), error(nil)
	err := c.run(query, func() { n, refused = c.db.write(query, values(args)) })
	if err = errors.Join(err, refused); err != nil {
		return nil, err
	}
	return driver.RowsAffected(n), nil
}

func values(args []driver.NamedValue) []driver.Value {
	var v []driver.Value
	for _, arg := range args {
		v = append(v, arg.Value)
	}
	return v
}

// write changes the table and returns how many rows it says it changed.
func (db *fakeDB) write(query string, v []driver.Value) (int64, error) {
	switch {
	case len(v) == 0: // a question of New
		return 0, nil
	case strings.HasPrefix(query, "INSERT"):
		if _, ok := db.rows[v[0].(string)]; ok {
			return 0, errRefused
		}
		db.rows[v[0].(string)] = fakeRow{int64(1), bytes.Clone(v[1].([]byte))}
	case strings.HasPrefix(query, "UPDATE"):
		if db.rows[v[2].(string)].rev != v[3] {
			return 0, nil
		}
		db.rows[v[2].(string)] = fakeRow{v[0], bytes.Clone(v[1].([]byte))}
	case strings.HasPrefix(query, "DELETE"):
		if db.rows[v[0].(string)].rev != v[1] {
			return 0, nil
		}
		delete(db.rows, v[0].(string))
	}
	return 1 + db.affected, nil
}

func (c *fakeConn) QueryContext(
	_ context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	var rows [][]driver.Value
	if err := c.run(query, func() { rows = c.db.read(query, values(args)) }); err != nil {
		return nil, err
	}
	if rows == nil && len(args) == 0 && !strings.Contains(query, "pg_class") {
		return nil, errRefused // unknown to this database
	}
	return &fakeRows{rows}, nil
}

// read returns the rows that a query asks for.
func (db *fakeDB) read(query string, v []driver.Value) (rows [][]driver.Value) {
	if len(v) == 0 {
		for part, answer := range db.answers {
			if strings.Contains(query, part) {
				return answer
			}
		}
		return nil
	}
	if len(v) == 1 {
		if row, ok := db.rows[v[0].(string)]; ok {
			rows = append(rows, []driver.Value{row.rev, row.data})
		}
		return rows
	}
	for _, key := range slices.Sorted(maps.Keys(db.rows)) {
		if key < v[0].(string) || key >= v[1].(string) || len(rows) == int(v[2].(int64)) {
			continue
		}
		data, _ := db.rows[key].data.([]byte)
		if strings.HasPrefix(query, "SELECT LENGTH") {
			rows = append(rows, []driver.Value{int64(len(data))})
		} else {
			rows = append(rows, []driver.Value{key, db.rows[key].rev, db.rows[key].data})
			db.listed++
		}
	}
	return rows
}

type fakeRows struct{ rows [][]driver.Value }

func (r *fakeRows) Columns() []string {
	if len(r.rows) == 0 {
		return nil
	}
	return make([]string, len(r.rows[0]))
}

func (*fakeRows) Close() error { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}
