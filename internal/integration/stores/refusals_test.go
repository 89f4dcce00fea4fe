package stores_test

import (
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// A refusal is a place that New refuses.
type refusal struct {
	name   string
	on     string // names of targets begin so
	setUp  string // statements for table %s, one a line
	undo   string
	source func(string) string // the data source name to use instead
	want   string              // in the error
	weak   bool                // Options.AllowWeakDurability helps
}

// with appends to a data source name.
func with(params string) func(string) string {
	return func(source string) string { return source + params }
}

// Good tables but for what a row says.
const (
	goodPostgres = `(k VARCHAR(64) COLLATE "C" PRIMARY KEY, rev BIGINT, data BYTEA)`
	goodMySQL    = "(k VARCHAR(64) COLLATE latin1_bin PRIMARY KEY, rev BIGINT, data LONGBLOB)"
	goodSQLite   = "(k TEXT PRIMARY KEY, rev BIGINT, data BLOB)"
)

var refusals = []refusal{
	{name: "no table", want: "run: CREATE TABLE"},
	{name: "asynchronous commit", on: "PostgreSQL", setUp: "CREATE TABLE %s " + goodPostgres,
		source: with("&options=-csynchronous_commit%3Doff"), want: "synchronous_commit is off", weak: true},
	{name: "local commit", on: "PostgreSQL", setUp: "CREATE TABLE %s " + goodPostgres,
		source: with("&options=-csynchronous_commit%3Dlocal"), want: "synchronous_commit is local", weak: true},
	{name: "unlogged", on: "PostgreSQL", setUp: "CREATE UNLOGGED TABLE %s " + goodPostgres,
		want: "SET LOGGED", weak: true},
	{name: "no key", on: "PostgreSQL", want: "ADD PRIMARY KEY (k)",
		setUp: `CREATE TABLE %s (k VARCHAR(64) COLLATE "C", rev BIGINT, data BYTEA)`},
	{name: "key of two columns", on: "PostgreSQL", want: "ADD PRIMARY KEY (k)",
		setUp: `CREATE TABLE %s (k TEXT COLLATE "C", rev BIGINT, data BYTEA, PRIMARY KEY (k, rev))`},
	{name: "key of some rows", on: "PostgreSQL", want: "ADD PRIMARY KEY (k)",
		setUp: `CREATE TABLE %s (k TEXT COLLATE "C", rev BIGINT, data BYTEA)
		CREATE UNIQUE INDEX ON %s (k) WHERE rev > 1`},
	{name: "the database's collation", on: "PostgreSQL", want: `ALTER k TYPE VARCHAR(64) COLLATE "C"`,
		setUp: "CREATE TABLE %s (k TEXT PRIMARY KEY, rev BIGINT, data BYTEA)"},
	{name: "read-only sessions", on: "PostgreSQL", setUp: "CREATE TABLE %s " + goodPostgres,
		source: with("&options=-cdefault_transaction_read_only%3Don"), want: "connect to the primary"},
	{name: "read-only role", on: "PostgreSQL", want: "granted SELECT, INSERT, UPDATE and DELETE",
		setUp: "CREATE TABLE %s " + goodPostgres + `
		CREATE ROLE %s_reader LOGIN
		GRANT SELECT ON %s TO %s_reader`,
		source: func(s string) string { return strings.Replace(s, "kms@", "%s_reader@", 1) }},

	{name: "padded keys", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: `CREATE TABLE %s (k CHAR(64) COLLATE "C" PRIMARY KEY, rev BIGINT, data BYTEA)`},
	{name: "cut keys", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: "CREATE TABLE %s (k NAME PRIMARY KEY, rev BIGINT, data BYTEA)"},
	{name: "short keys", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: `CREATE TABLE %s (k VARCHAR(63) COLLATE "C" PRIMARY KEY, rev BIGINT, data BYTEA)`},
	{name: "rounded revisions", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: `CREATE TABLE %s (k TEXT COLLATE "C" PRIMARY KEY, rev FLOAT8, data BYTEA)`},
	{name: "text", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: `CREATE TABLE %s (k TEXT COLLATE "C" PRIMARY KEY, rev BIGINT, data TEXT)`},
	{name: "child", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: "CREATE TABLE %s " + goodPostgres + `
		CREATE TABLE %s_child () INHERITS (%s)`},
	{name: "unlogged partition", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: "CREATE TABLE %s " + goodPostgres + ` PARTITION BY HASH (k)
		CREATE UNLOGGED TABLE %s_part PARTITION OF %s FOR VALUES WITH (MODULUS 1, REMAINDER 0)`},
	{name: "hidden rows", on: "PostgreSQL", want: "is not as DDL creates it",
		setUp: "CREATE TABLE %s " + goodPostgres + `
		ALTER TABLE %s ENABLE ROW LEVEL SECURITY
		CREATE ROLE %s_tenant LOGIN
		GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s_tenant`,
		source: func(s string) string { return strings.Replace(s, "kms@", "%s_tenant@", 1) }},

	{name: "log not flushed", on: "MariaDB", setUp: "CREATE TABLE %s " + goodMySQL + `
		SET GLOBAL innodb_flush_log_at_trx_commit = 2`,
		undo: "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
		want: "innodb_flush_log_at_trx_commit is 2", weak: true},
	{name: "reads of what may be taken back", on: "MariaDB", setUp: "CREATE TABLE %s " + goodMySQL,
		source: with("?tx_isolation=%27READ-UNCOMMITTED%27"),
		want:   "tx_isolation is READ-UNCOMMITTED", weak: true},
	{name: "engine", on: "MariaDB", setUp: "CREATE TABLE %s " + goodMySQL + " ENGINE=MyISAM",
		want: "ENGINE=InnoDB", weak: true},
	{name: "no autocommit", on: "MariaDB", setUp: "CREATE TABLE %s " + goodMySQL,
		source: with("?autocommit=0"), want: "autocommit is off"},
	{name: "replica", on: "MariaDB", setUp: "SET GLOBAL read_only = 1",
		undo: "SET GLOBAL read_only = 0", want: "read_only is on"},
	{name: "no key", on: "MariaDB", want: "ADD PRIMARY KEY (k)",
		setUp: "CREATE TABLE %s (k VARCHAR(64) COLLATE latin1_bin, rev BIGINT, data LONGBLOB)"},
	{name: "key of a part", on: "MariaDB", want: "ADD PRIMARY KEY (k)",
		setUp: "CREATE TABLE %s (k VARCHAR(64) COLLATE latin1_bin, rev BIGINT, data LONGBLOB, PRIMARY KEY (k(8)))"},
	{name: "the database's collation", on: "MariaDB", want: "COLLATE ascii_bin",
		setUp: "CREATE TABLE %s (k VARCHAR(64) PRIMARY KEY, rev BIGINT, data LONGBLOB)"},
	{name: "short data", on: "MariaDB", want: "MODIFY data MEDIUMBLOB",
		setUp: "CREATE TABLE %s (k VARCHAR(64) COLLATE latin1_bin PRIMARY KEY, rev BIGINT, data BLOB)"},
	{name: "short keys", on: "MariaDB", want: "MODIFY k VARCHAR(64)",
		setUp: "CREATE TABLE %s (k VARCHAR(63) COLLATE latin1_bin PRIMARY KEY, rev BIGINT, data LONGBLOB)"},
	{name: "padded keys", on: "MariaDB", want: "MODIFY k VARCHAR(64)",
		setUp: "CREATE TABLE %s (k CHAR(64) COLLATE latin1_bin PRIMARY KEY, rev BIGINT, data LONGBLOB)"},
	{name: "small revisions", on: "MariaDB", want: "MODIFY rev BIGINT",
		setUp: "CREATE TABLE %s (k VARCHAR(64) COLLATE latin1_bin PRIMARY KEY, rev TINYINT, data LONGBLOB)"},
	{name: "small packets", on: "MariaDB", setUp: "CREATE TABLE %s " + goodMySQL + `
		SET GLOBAL max_allowed_packet = 1048576`,
		undo: "SET GLOBAL max_allowed_packet = 16777216", want: "max_allowed_packet is 1048576"},
	{name: "read-only user", on: "MariaDB", want: "granted SELECT, INSERT, UPDATE and DELETE",
		setUp: "CREATE TABLE %s " + goodMySQL + `
		CREATE USER 'reader'@'127.0.0.1'
		GRANT SELECT ON kms.%s TO 'reader'@'127.0.0.1'`,
		source: func(s string) string { return strings.Replace(s, "root@", "reader@", 1) }},

	{name: "synchronous NORMAL", on: "SQLite", setUp: "CREATE TABLE %s " + goodSQLite,
		source: replace("(FULL)", "(NORMAL)"), want: "synchronous is 1", weak: true},
	{name: "a journal that is deleted", on: "SQLite", setUp: "CREATE TABLE %s " + goodSQLite,
		source: replace("(WAL)", "(DELETE)"), want: "in journal_mode delete, want 3", weak: true},
	{name: "journal in memory", on: "SQLite", setUp: "CREATE TABLE %s " + goodSQLite,
		source: replace("(WAL)", "(MEMORY)"), want: "journal_mode is memory", weak: true},
	{name: "no waiting", on: "SQLite", setUp: "CREATE TABLE %s " + goodSQLite,
		source: replace("10000", "0"), want: "busy_timeout is 0", weak: true},
	{name: "in memory", on: "SQLite", source: func(string) string { return ":memory:" },
		want: "package memstore"},
	{name: "no key", on: "SQLite", setUp: "CREATE TABLE %s (k TEXT, rev BIGINT, data BLOB)",
		want: "ADD PRIMARY KEY (k)"},
	{name: "collation", on: "SQLite", want: "collation must be BINARY",
		setUp: "CREATE TABLE %s (k TEXT COLLATE NOCASE PRIMARY KEY, rev BIGINT, data BLOB)"},
	{name: "read-only file", on: "SQLite", setUp: "CREATE TABLE %s " + goodSQLite,
		source: with("&mode=ro"), want: "cannot be written"},
}

func replace(old, new string) func(string) string {
	return func(source string) string { return strings.Replace(source, old, new, 1) }
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, x *target.Target) {
		for _, r := range refusals {
			if strings.HasPrefix(x.Name, r.on) {
				t.Run(r.name, func(t *testing.T) { r.check(t, x) })
			}
		}
	})
}

func (r *refusal) check(t *testing.T, x *target.Target) {
	p := x.New(t)
	admin := p.OpenDB(t)
	for statement := range strings.Lines(r.setUp) {
		exec(t, admin, p.Name, statement)
	}
	if r.undo != "" {
		defer exec(t, admin, p.Name, r.undo)
	}
	if r.source != nil {
		admin.Close() // SQLite's journal mode changes only while nobody looks
		p.Source = strings.ReplaceAll(r.source(p.Source), "%s", p.Name)
	}
	db := p.OpenDB(t)
	_, err := sqlstore.New(db, &sqlstore.Options{Table: p.Name})
	if err == nil || !strings.Contains(err.Error(), r.want) {
		t.Errorf("error %v, want one with %q", err, r.want)
	}
	_, err = sqlstore.New(db, &sqlstore.Options{Table: p.Name, AllowWeakDurability: true})
	if (err == nil) != r.weak {
		t.Errorf("with AllowWeakDurability: %v", err)
	}
}

// TestWeakConnection has one connection of SQLite's pool changed behind New's
// back: a write on it is refused.
func TestWeakConnection(t *testing.T) {
	p := sqlite().New(t)
	db := p.OpenDB(t)
	db.SetMaxOpenConns(1)
	s, err := sqlstore.New(db, &sqlstore.Options{Table: p.Name, AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	exec(t, db, p.Name, "PRAGMA synchronous = OFF")
	r := keystore.Record{Key: "key/a", Rev: 1, Data: []byte("v")}
	if err := s.Put(t.Context(), r); err == nil || !strings.Contains(err.Error(), "synchronous is 0") {
		t.Errorf("Put: %v", err)
	}
	if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page) != 0 {
		t.Errorf("List: %d records, %v", len(page), err)
	}
	exec(t, db, p.Name, "PRAGMA synchronous = FULL")
	if err := s.Put(t.Context(), r); err != nil {
		t.Error(err)
	}
}
