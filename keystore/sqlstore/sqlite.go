package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// Values of PRAGMA synchronous.
const (
	syncFull  = 2
	syncExtra = 3
)

const minBusyTimeout = 1000 // ms

// sqliteSettings costs no access to the file.
func sqliteSettings(ctx context.Context, c *sql.Conn) (weak []string, err error) {
	var journal string
	var synchronous, timeout int
	for _, p := range []struct {
		name  string
		value any
	}{{"journal_mode", &journal}, {"synchronous", &synchronous}, {"busy_timeout", &timeout}} {
		if err := c.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(p.value); err != nil {
			return nil, fail(ctx, fmt.Errorf("reading PRAGMA %s: %w", p.name, err))
		}
	}
	want := syncFull
	switch journal {
	case "wal", "truncate", "persist":
	case "delete":
		// Below EXTRA the removal of the journal, which is what commits, may be
		// undone by a power cut.
		want = syncExtra
	default:
		weak = append(weak, "journal_mode is "+journal+": PRAGMA journal_mode = WAL")
	}
	if synchronous < want {
		weak = append(weak, fmt.Sprintf("synchronous is %d in journal_mode %s, want %d: give every "+
			"connection PRAGMA journal_mode = WAL and PRAGMA synchronous = FULL, in the data source "+
			"name", synchronous, journal, want))
	}
	if timeout < minBusyTimeout {
		weak = append(weak, "busy_timeout is "+strconv.Itoa(timeout)+" ms, so that writes fail while "+
			"others write: give every connection PRAGMA busy_timeout = 10000, in the data source name")
	}
	return weak, nil
}

func sqliteTable(ctx context.Context, c *sql.Conn, table string) (weak []string, err error) {
	var file string
	err = c.QueryRowContext(ctx,
		"SELECT COALESCE(file, '') FROM pragma_database_list WHERE name = 'main'").Scan(&file)
	if err != nil {
		return nil, fail(ctx, fmt.Errorf("looking for the file: %w", err))
	}
	if file == "" {
		return nil, errors.New("sqlstore: the database is in memory, and each connection may have " +
			"another: use a file, or package memstore in tests")
	}
	var found, unique int
	// A key compares as its index does. The name is checked.
	err = c.QueryRowContext(ctx, `SELECT
	(SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '`+table+`'),
	(SELECT COUNT(*) FROM pragma_index_list('`+table+`') l
		WHERE l."unique" = 1 AND l.partial = 0
		AND (SELECT COUNT(*) FROM pragma_index_xinfo(l.name) x WHERE x.key = 1) = 1
		AND (SELECT COUNT(*) FROM pragma_index_xinfo(l.name) x
			WHERE x.key = 1 AND x.name = 'k' AND x.coll = 'BINARY') = 1)`).Scan(&found, &unique)
	switch {
	case err != nil:
		return nil, fail(ctx, fmt.Errorf("looking at table %s: %w", table, err))
	case found == 0:
		return nil, fmt.Errorf("%w %s", errNoTable, table)
	case unique == 0:
		return nil, fmt.Errorf("%w; its collation must be BINARY", noPrimaryKey(table))
	}
	return nil, nil
}
