package pgwatch_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "github.com/lib/pq"              // driver "postgres"
	"go.uber.org/goleak"

	"github.com/embedkms/kms/internal/dbserver"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/pgwatch"
	"github.com/embedkms/kms/keystore/sqlstore"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shared is the server of all tests that leave it running.
var shared struct {
	once   sync.Once
	server *dbserver.Server
	err    error
}

func sharedServer(tb testing.TB) *dbserver.Server {
	tb.Helper()
	shared.once.Do(func() { shared.server, shared.err = dbserver.Postgres() })
	installed(tb, shared.err)
	return shared.server
}

// ownServer starts a server for one test.
func ownServer(tb testing.TB) *dbserver.Server {
	tb.Helper()
	s, err := dbserver.Postgres()
	installed(tb, err)
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// installed skips a test whose server is missing on a laptop.
func installed(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, dbserver.ErrMissing) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	must(tb, err)
}

// A place is a table on a server; its text is for other processes.
type place struct {
	source string // of connections
	table  string
}

var tables atomic.Int32

// newPlace returns a table that is not there yet.
func newPlace(s *dbserver.Server) place {
	return place{source(s.Port), fmt.Sprintf("kms_%d_%d", os.Getpid(), tables.Add(1))}
}

// source returns the source of connections by way of a port.
func source(port int) string {
	return fmt.Sprintf("postgres://kms@127.0.0.1:%d/postgres?sslmode=disable", port)
}

func (p place) String() string { return p.table + " " + p.source }

func parsePlace(text string) place {
	table, source, _ := strings.Cut(text, " ")
	return place{source, table}
}

// A handle is a store with a pool of its own, as a process has.
type handle struct {
	*pgwatch.Store
	db *sql.DB
}

func (h *handle) Close() error { return errors.Join(h.Store.Close(), h.db.Close()) }

// open opens the store until the test ends, its table and triggers made if they
// are not there.
func (p place) open(tb testing.TB) *handle { return p.openBy(tb, "pgx", p.source) }

// openBy opens the store with the driver that is named, and a watch's connections
// to source.
func (p place) openBy(tb testing.TB, driver, source string) *handle {
	tb.Helper()
	db := p.pool(tb, driver)
	opts := pgwatch.Options{Store: sqlstore.Options{Table: p.table, AutoCreate: true}}
	s, err := pgwatch.New(db, parse(tb, source), &opts)
	must(tb, err)
	h := &handle{s, db}
	tb.Cleanup(func() { h.Close() })
	return h
}

func (p place) pool(tb testing.TB, driver string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, p.source)
	must(tb, err)
	db.SetMaxOpenConns(12)
	db.SetMaxIdleConns(12)
	tb.Cleanup(func() { db.Close() })
	return db
}

func parse(tb testing.TB, source string) *pgx.ConnConfig {
	tb.Helper()
	config, err := pgx.ParseConfig(source)
	must(tb, err)
	return config
}

// exec runs statements in which %s is the table.
func (p place) exec(tb testing.TB, statements ...string) {
	tb.Helper()
	db := p.pool(tb, "pgx")
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(strings.ReplaceAll(statement, "%s", p.table)); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// query returns the one value that a statement has.
func (p place) query(tb testing.TB, statement string) (value string) {
	tb.Helper()
	db := p.pool(tb, "pgx")
	defer db.Close()
	must(tb, db.QueryRow(strings.ReplaceAll(statement, "%s", p.table)).Scan(&value))
	return value
}

func put(tb testing.TB, s keystore.Store, key string, rev uint64) {
	tb.Helper()
	must(tb, s.Put(context.Background(), keystore.Record{Key: key, Rev: rev, Data: []byte("v")}))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
