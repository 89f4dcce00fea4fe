package sqlstore_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore/sqlstore"
)

func TestDDL(t *testing.T) {
	for _, c := range []struct {
		dialect sqlstore.Dialect
		table   []string
		want    string
	}{
		{sqlstore.PostgreSQL, nil, `CREATE TABLE kms_record (k VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY, ` +
			"rev BIGINT NOT NULL, data BYTEA NOT NULL)"},
		{sqlstore.MySQL, nil, "CREATE TABLE kms_record (k VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin " +
			"NOT NULL PRIMARY KEY, rev BIGINT NOT NULL, data MEDIUMBLOB NOT NULL) ENGINE=InnoDB"},
		{sqlstore.SQLite, []string{"keys"}, "CREATE TABLE keys (k VARCHAR(64) NOT NULL PRIMARY KEY, " +
			"rev BIGINT NOT NULL, data BLOB NOT NULL)"},
		{"oracle", nil, ""},
		{sqlstore.SQLite, []string{"main.keys"}, ""},
		{sqlstore.MySQL, []string{"a.b.c"}, ""},
		{sqlstore.MySQL, []string{".b"}, ""},
		{sqlstore.MySQL, []string{"keys; DROP TABLE x"}, ""},
		{sqlstore.MySQL, []string{"Keys"}, ""},
		{sqlstore.MySQL, []string{""}, ""},
		{sqlstore.MySQL, []string{strings.Repeat("k", 64)}, ""},
	} {
		if got := sqlstore.DDL(c.dialect, c.table...); got != c.want {
			t.Errorf("%s %q: %s", c.dialect, c.table, got)
		}
	}
	if got := sqlstore.DDL(sqlstore.MySQL, "a.b"); !strings.HasPrefix(got, "CREATE TABLE a.b (") {
		t.Errorf("with a schema: %s", got)
	}
}

// mysql answers as a MySQL that is as it should be, but for these variables.
func mysql(variables ...string) map[string][][]driver.Value {
	settings := [][]driver.Value{
		{"autocommit", "ON"}, {"innodb_flush_log_at_trx_commit", "1"}, {"innodb_doublewrite", "ON"},
		{"log_bin", "OFF"}, {"sync_binlog", "0"},
	}
	for i := 0; i < len(variables); i += 2 {
		settings = append(settings, []driver.Value{variables[i], variables[i+1]})
	}
	return map[string][][]driver.Value{
		"SELECT version()":          {{"8.4.0"}},
		"SHOW VARIABLES":            settings,
		"information_schema.tables": {{"InnoDB", "ascii_bin", "mediumblob", int64(1), int64(1), int64(2)}},
	}
}

// with returns answers of which one is another.
func with(answers map[string][][]driver.Value, part string, row ...driver.Value) map[string][][]driver.Value {
	answers[part] = [][]driver.Value{row}
	return answers
}

// What a test can hardly bring a real server to is a fake's answer here.
func TestNew(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers map[string][][]driver.Value
		opts    *sqlstore.Options
		want    string // in the error; "" is none
	}{
		{"PostgreSQL", postgres(), nil, ""},
		{"MySQL", mysql(), nil, ""},
		{"MySQL in a schema", mysql(), &sqlstore.Options{Table: "secrets.keys"}, ""},
		{"flushed binary log", mysql("log_bin", "ON", "sync_binlog", "1"), nil, ""},
		{"cluster with current reads", mysql("wsrep_on", "ON", "wsrep_sync_wait", "7"), nil, ""},
		{"named", with(postgres(), "SELECT version()", "CockroachDB CCL v24"),
			&sqlstore.Options{Dialect: sqlstore.PostgreSQL}, ""},
		{"unknown", with(postgres(), "SELECT version()", "CockroachDB CCL v24"), nil, "Options.Dialect"},
		{"nobody there", nil, nil, "asking the database what it is: fake: refused"},
		{"unknown dialect", postgres(), &sqlstore.Options{Dialect: "oracle"}, "unknown dialect"},
		{"name", postgres(), &sqlstore.Options{Table: "k; DROP"}, "no name for a table"},
		{"standby", with(postgres(), "pg_is_in_recovery", true, "on", "on", "on"), nil, "is a standby"},
		{"fsync", with(postgres(), "pg_is_in_recovery", false, "on", "off", "on"), nil, "fsync is off"},
		{"torn pages", with(postgres(), "pg_is_in_recovery", false, "on", "on", "off"), nil,
			"full_page_writes is off"},
		{"replicated", with(postgres(), "pg_is_in_recovery", false, "remote_apply", "on", "on"), nil, ""},
		{"unflushed binary log", mysql("log_bin", "ON"), nil, "sync_binlog is 0"},
		{"torn pages of InnoDB", mysql("innodb_doublewrite", "DETECT_ONLY"), nil,
			"innodb_doublewrite is DETECT_ONLY"},
		{"no flushes", mysql("innodb_flush_method", "O_DIRECT_NO_FSYNC"), nil, ""},
		{"really no flushes", mysql("innodb_flush_method", "nosync"), nil, "innodb_flush_method is nosync"},
		{"cluster with reads of the past", mysql("wsrep_on", "ON", "wsrep_sync_wait", "0"), nil,
			"wsrep_sync_wait is 0"},
		{"weak and accepted", mysql("wsrep_on", "ON"),
			&sqlstore.Options{AllowWeakDurability: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := newFake()
			db.answers = c.answers
			pool := sql.OpenDB(db)
			defer pool.Close()
			s, err := sqlstore.New(pool, c.opts)
			switch {
			case c.want == "" && err == nil:
				s.Close()
			case c.want == "" || err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := sqlstore.New(nil, nil); err == nil {
		t.Error("no database")
	}
}

// TestAutoCreate runs DDL only if it may and must, and does not mind that
// somebody else was faster.
func TestAutoCreate(t *testing.T) {
	for _, c := range []struct {
		create bool
		fails  error
		faster bool
		want   string
	}{
		{create: false, want: "run: CREATE TABLE kms_record"},
		{create: true, want: "there is no table kms_record"}, // it does not appear
		{create: true, fails: errRefused, want: "creating table kms_record: fake: refused"},
		{create: true, fails: errRefused, faster: true},
	} {
		db := newFake()
		delete(db.answers, "pg_catalog.pg_class")
		created := errors.New("not created")
		db.before = func(query string) error {
			if !strings.HasPrefix(query, "CREATE") {
				return nil
			}
			created = nil
			if c.faster {
				db.answers = postgres()
			}
			return c.fails
		}
		pool := sql.OpenDB(db)
		_, err := sqlstore.New(pool, &sqlstore.Options{AutoCreate: c.create})
		pool.Close()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v", c, err)
		}
		if (created == nil) != c.create {
			t.Errorf("%+v: created: %v", c, created == nil)
		}
	}
}
