// Package target has the key stores that are tested, on real servers, each place
// for records as a text by which another process opens it as well.
package target

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql" // driver "mysql"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "github.com/lib/pq"              // driver "postgres"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/pgwatch"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// A Target is a driver with what it connects to.
type Target struct {
	Name    string
	Driver  string // of database/sql, where the store is an SQL database
	Dialect sqlstore.Dialect

	server *server // nil: files
	source func(t testing.TB, port int) string
	open   func(t testing.TB, p Place) Store
}

// A Store is a handle of its own on a place, as a process has one.
type Store interface {
	keystore.Store
	io.Closer
}

var all = []*Target{
	{Name: "filestore", source: directory, open: openFiles},
	{Name: "SQLite", Driver: "sqlite", Dialect: sqlstore.SQLite, source: sqliteFile, open: openSQL},
	{Name: "PostgreSQL, pgx", Driver: "pgx", Dialect: sqlstore.PostgreSQL,
		server: postgres, source: postgresSource, open: openSQL},
	{Name: "PostgreSQL, pq", Driver: "postgres", Dialect: sqlstore.PostgreSQL,
		server: postgres, source: postgresSource, open: openSQL},
	{Name: "MariaDB", Driver: "mysql", Dialect: sqlstore.MySQL,
		server: mariadb, source: mariadbSource, open: openSQL},
	{Name: "etcd", server: etcd, source: etcdSource, open: openEtcd},
}

// watched is a PostgreSQL that tells of changes. It keeps records as PostgreSQL
// with pgx does, so that nothing more is to be learned of it but that.
var watched = &Target{Name: "PostgreSQL, pgwatch", Driver: "pgx", Dialect: sqlstore.PostgreSQL,
	server: postgres, source: postgresSource, open: openWatched}

// All returns every target but PostgreSQL by package pgwatch.
func All() []*Target { return all }

// Find returns the target that has a name, PostgreSQL by package pgwatch included.
func Find(t testing.TB, name string) *Target {
	t.Helper()
	for _, x := range append(All(), watched) {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no target: %q", name)
	return nil
}

// A Place is where a store has its records: a table, a directory, a prefix.
type Place struct {
	Target *Target
	Source string // a data source name, a directory, the address of a server
	Name   string // of the table or the prefix
}

var places atomic.Int32

// New returns a place of its own, where nothing is yet. It starts the server that it
// is on. Without the server's programs the test is skipped, and fails in CI.
func (x *Target) New(t testing.TB) Place {
	t.Helper()
	port := 0
	if x.server != nil {
		port = x.server.port(t)
	}
	name := fmt.Sprintf("kms_%d_%d", os.Getpid(), places.Add(1))
	return Place{x, x.source(t, port), name}
}

// String returns the text of a place for another process.
func (p Place) String() string { return strings.Join([]string{p.Target.Name, p.Name, p.Source}, "\t") }

// Parse returns the place that has the text.
func Parse(t testing.TB, text string) Place {
	t.Helper()
	parts := strings.SplitN(text, "\t", 3)
	if len(parts) < 3 {
		t.Fatalf("no place: %q", text)
	}
	return Place{Find(t, parts[0]), parts[2], parts[1]}
}

// OnFiles reports whether the target is on files of this machine, and on no server.
func (x *Target) OnFiles() bool { return x.server == nil }

// In returns the place in a folder of the caller's, for a target that is on files.
func (x *Target) In(dir string) Place {
	p := Place{Target: x, Source: filepath.Join(dir, "store"), Name: "kms"}
	if x.Driver != "" {
		p.Source = sqliteSource(dir)
	}
	return p
}

const loopback = "127.0.0.1:"

// Port returns where the server of the place listens; 0 is that it has none.
func (p Place) Port() int {
	_, rest, found := strings.Cut(p.Source, loopback)
	if !found {
		return 0
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(rest)
	}
	port, _ := strconv.Atoi(rest[:end])
	return port
}

// Via returns the same place behind a proxy that listens on a port.
func (p Place) Via(port int) Place {
	p.Source = strings.Replace(p.Source, fmt.Sprint(loopback, p.Port()), fmt.Sprint(loopback, port), 1)
	return p
}

// Open opens the store until the test ends. A place that is not there yet is made.
func (p Place) Open(t testing.TB) Store {
	t.Helper()
	s := p.Target.open(t, p)
	t.Cleanup(func() { s.Close() }) // a second time, for most
	return s
}

func directory(t testing.TB, _ int) string { return t.TempDir() }

func openFiles(t testing.TB, p Place) Store {
	t.Helper()
	s, err := filestore.Open(p.Source, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sqliteFile(t testing.TB, _ int) string { return sqliteSource(t.TempDir()) }

// sqliteSource has what docs and package sqlstore say to give SQLite.
func sqliteSource(dir string) string {
	return "file:" + filepath.Join(dir, "kms.db") +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)"
}

func postgresSource(_ testing.TB, port int) string {
	return fmt.Sprintf("postgres://kms@%s%d/postgres?sslmode=disable", loopback, port)
}

func mariadbSource(_ testing.TB, port int) string {
	return fmt.Sprintf("root@tcp(%s%d)/kms", loopback, port)
}

// maxConns is how many connections a handle may have.
const maxConns = 12

// OpenDB opens the database of the place until the test ends.
func (p Place) OpenDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(p.Target.Driver, p.Source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	t.Cleanup(func() { db.Close() })
	return db
}

// A sqlHandle is a store with a database that ends with it.
type sqlHandle struct {
	*sqlstore.Store
	db *sql.DB
}

func (h *sqlHandle) Close() error { return errors.Join(h.Store.Close(), h.db.Close()) }

func openSQL(t testing.TB, p Place) Store {
	t.Helper()
	db := p.OpenDB(t)
	s, err := sqlstore.New(db, &sqlstore.Options{Table: p.Name, AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	return &sqlHandle{s, db}
}

// A watchedHandle is a sqlHandle that tells of changes.
type watchedHandle struct {
	*pgwatch.Store
	db *sql.DB
}

func (h *watchedHandle) Close() error { return errors.Join(h.Store.Close(), h.db.Close()) }

func openWatched(t testing.TB, p Place) Store {
	t.Helper()
	config, err := pgx.ParseConfig(p.Source)
	if err != nil {
		t.Fatal(err)
	}
	db := p.OpenDB(t)
	s, err := pgwatch.New(db, config, &pgwatch.Options{
		Store: sqlstore.Options{Table: p.Name, AutoCreate: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &watchedHandle{s, db}
}
