// Package stores_test runs the drivers that need a database on real ones.
package stores_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/lib/pq"  // driver "postgres"
	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/embedkms/kms/internal/integration/dbserver"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// A database is a driver with what it connects to.
type database struct {
	name    string
	driver  string
	dialect sqlstore.Dialect
	source  func(t testing.TB) string // for sql.Open
	block   string                    // keeps others from writing to table %s until it is rolled back
}

var databases = []database{
	{"PostgreSQL, pgx", "pgx", sqlstore.PostgreSQL, postgres.source, lockPostgres},
	{"PostgreSQL, pq", "postgres", sqlstore.PostgreSQL, postgres.source, lockPostgres},
	{"MariaDB", "mysql", sqlstore.MySQL, mariadb.source, "SELECT k FROM %s FOR UPDATE"},
	{"SQLite", "sqlite", sqlstore.SQLite, sqliteSource, "DELETE FROM %s WHERE k = ''"},
}

const lockPostgres = "LOCK TABLE %s IN EXCLUSIVE MODE"

var (
	postgres = &server{start: dbserver.Postgres}
	mariadb  = &server{start: dbserver.MariaDB}
)

// A server starts when the first test needs it.
type server struct {
	start func() (*dbserver.Server, error)
	once  sync.Once
	err   error
	*dbserver.Server
}

// source returns the data source name of the server. If its programs are
// missing, then the test is skipped on a laptop and fails in CI.
func (s *server) source(t testing.TB) string {
	t.Helper()
	s.once.Do(func() { s.Server, s.err = s.start() })
	if errors.Is(s.err, dbserver.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.Source
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*server{postgres, mariadb} {
		if s.Server == nil {
			continue
		}
		if err := s.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// pragmas are what docs and package sqlstore say to give SQLite.
const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)"

func sqliteSource(t testing.TB) string {
	return "file:" + filepath.Join(t.TempDir(), "kms.db") + pragmas
}

// each runs f on every database.
func each(t *testing.T, f func(t *testing.T, d *database)) {
	for i := range databases {
		t.Run(databases[i].name, func(t *testing.T) { f(t, &databases[i]) })
	}
}

// A place is a table of a database; its text is for other processes.
type place struct{ source, table string }

var tables atomic.Int32

// newPlace returns one that is not there yet.
func (d *database) newPlace(t testing.TB) place {
	return place{d.source(t), fmt.Sprintf("kms_%d_%d", os.Getpid(), tables.Add(1))}
}

func (p place) String() string { return p.table + " " + p.source }

func parsePlace(text string) place {
	table, source, _ := strings.Cut(text, " ")
	return place{source, table}
}

// A handle is a store with a database that ends with it.
type handle struct {
	*sqlstore.Store
	db *sql.DB
}

func (h *handle) Close() error { return errors.Join(h.Store.Close(), h.db.Close()) }

var _ keystore.Store = (*handle)(nil)

// maxConns is how many connections a handle may have.
const maxConns = 12

// open opens a store until the test ends.
func (d *database) open(t testing.TB, p place) *handle {
	t.Helper()
	db := d.openDB(t, p.source)
	s, err := sqlstore.New(db, &sqlstore.Options{Table: p.table, AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	h := &handle{s, db}
	t.Cleanup(func() { h.Close() })
	return h
}

func (d *database) openDB(t testing.TB, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	t.Cleanup(func() { db.Close() })
	return db
}

// exec runs statements in which %s is the table.
func exec(t testing.TB, db *sql.DB, table string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(strings.ReplaceAll(statement, "%s", table)); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
