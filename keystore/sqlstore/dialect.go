package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/embedkms/kms/keystore"
)

// A Dialect is the SQL of one kind of database.
type Dialect string

// The dialects.
const (
	PostgreSQL Dialect = "postgresql"
	MySQL      Dialect = "mysql" // and MariaDB
	SQLite     Dialect = "sqlite"
)

// DDL returns the statement that creates the table, for a migration tool:
// DefaultTable, or the one that is named. It is empty for a dialect or a name
// that New refuses.
//
// Keys are compared as bytes whatever the database's collation is: on some, "a-b"
// and "ab" would otherwise be one key.
func DDL(dialect Dialect, table ...string) string {
	name := DefaultTable
	if len(table) > 0 {
		name = table[0]
	}
	s := systems[dialect]
	if s == nil || !s.validTable(name) {
		return ""
	}
	return s.ddl(name)
}

// A system is what one kind of database has of its own.
type system struct {
	key, data, engine string // types of columns, and what follows them
	numbered          bool   // $1 rather than ?
	schemas           bool   // tables may be in a named schema
	perConn           bool   // settings belong to a connection
	insert            string // begins an INSERT that leaves an earlier row alone

	// settings returns what is weak about the settings that c shows.
	settings func(ctx context.Context, c *sql.Conn) (weak []string, err error)

	// table returns what is weak about a table, errNoTable, or why it cannot
	// be used.
	table func(ctx context.Context, c *sql.Conn, table string) (weak []string, err error)
}

var systems = map[Dialect]*system{
	PostgreSQL: {
		key: `VARCHAR(64) COLLATE "C"`, data: "BYTEA", numbered: true, schemas: true,
		insert:   "INSERT",
		settings: postgresSettings, table: postgresTable,
	},
	MySQL: {
		key:  "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
		data: "MEDIUMBLOB", engine: " ENGINE=InnoDB", schemas: true,
		insert:   "INSERT",
		settings: mysqlSettings, table: mysqlTable,
	},
	SQLite: {
		key: "VARCHAR(64)", data: "BLOB", perConn: true,
		insert:   "INSERT OR ABORT", // a key may say ON CONFLICT REPLACE
		settings: sqliteSettings, table: sqliteTable,
	},
}

var identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (s *system) validTable(table string) bool {
	schema, name := split(table)
	return identifier.MatchString(name) &&
		(!strings.Contains(table, ".") || s.schemas && identifier.MatchString(schema))
}

// split returns the parts of a table's name; schema may be empty.
func split(table string) (schema, name string) {
	if schema, name, ok := strings.Cut(table, "."); ok {
		return schema, name
	}
	return "", table
}

func (s *system) ddl(table string) string {
	return fmt.Sprintf("CREATE TABLE %s (k %s NOT NULL PRIMARY KEY, rev BIGINT NOT NULL, "+
		"data %s NOT NULL)%s", table, s.key, s.data, s.engine)
}

// statements are what a store runs on its table.
type statements struct{ get, create, replace, remove, sizes, list string }

// statements returns them for one table. Data that is more than a record can
// have stays in the database.
func (s *system) statements(table string) statements {
	data := fmt.Sprintf("CASE WHEN LENGTH(data) <= %d THEN data END", keystore.MaxData)
	bind := func(format string) string {
		query := fmt.Sprintf(format, table)
		for i := 1; s.numbered && strings.Contains(query, "?"); i++ {
			query = strings.Replace(query, "?", fmt.Sprint("$", i), 1)
		}
		return query
	}
	return statements{
		get:     bind("SELECT rev, " + data + " FROM %s WHERE k = ?"),
		create:  bind(s.insert + " INTO %s (k, rev, data) VALUES (?, 1, ?)"),
		replace: bind("UPDATE %s SET rev = ?, data = ? WHERE k = ? AND rev = ?"),
		remove:  bind("DELETE FROM %s WHERE k = ? AND rev = ?"),
		sizes:   bind("SELECT LENGTH(data) FROM %s WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"),
		list: bind("SELECT k, rev, " + data +
			" FROM %s WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"),
	}
}

// detect asks the database what it is.
func detect(ctx context.Context, db *sql.DB) (Dialect, error) {
	var version string
	err := db.QueryRowContext(ctx, "SELECT version()").Scan(&version)
	switch {
	case err == nil && strings.HasPrefix(version, "PostgreSQL "):
		return PostgreSQL, nil
	case err == nil && version != "" && '0' <= version[0] && version[0] <= '9':
		return MySQL, nil
	case err == nil:
		return "", fmt.Errorf("sqlstore: the database is unknown, %q: if it is compatible with one "+
			"that is not, name that in Options.Dialect", version)
	}
	if db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version) == nil {
		return SQLite, nil
	}
	return "", fail(ctx, fmt.Errorf("asking the database what it is: %w", err))
}
