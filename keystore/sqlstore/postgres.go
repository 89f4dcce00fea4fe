package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

func postgresSettings(ctx context.Context, c *sql.Conn) (weak []string, err error) {
	var standby bool
	var commit, fsync, pages string
	err = c.QueryRowContext(ctx, "SELECT pg_is_in_recovery(), "+
		"current_setting('synchronous_commit'), current_setting('fsync'), "+
		"current_setting('full_page_writes')").Scan(&standby, &commit, &fsync, &pages)
	switch {
	case err != nil:
		return nil, fail(ctx, fmt.Errorf("reading settings: %w", err))
	case standby:
		return nil, errors.New("sqlstore: the server is a standby: connect to the primary, with " +
			"several hosts by target_session_attrs=read-write")
	}
	if commit != "on" && commit != "remote_apply" {
		weak = append(weak, "synchronous_commit is "+commit+
			": ALTER ROLE … SET synchronous_commit = on")
	}
	if fsync != "on" {
		weak = append(weak, "fsync is "+fsync+": ALTER SYSTEM SET fsync = on")
	}
	if pages != "on" {
		weak = append(weak, "full_page_writes is "+pages+": ALTER SYSTEM SET full_page_writes = on")
	}
	return weak, nil
}

// lookPostgres looks at a table, whose name is checked; a parameter would need a
// type. The modifier of a VARCHAR is its length and 4.
const lookPostgres = `SELECT CAST(c.relpersistence AS TEXT),
	COALESCE((SELECT CAST(l.collname AS TEXT)
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
		WHERE a.attrelid = c.oid AND a.attname = 'k'), ''),
	EXISTS (SELECT 1
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid
		WHERE i.indrelid = c.oid AND a.attname = 'k' AND i.indkey[0] = a.attnum AND i.indnatts = 1
		AND i.indisunique AND i.indisvalid AND i.indpred IS NULL),
	c.relkind = 'r' AND NOT row_security_active(c.oid)
	AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid)
	AND 3 = (SELECT COUNT(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
		AND (a.attname = 'k' AND a.atttypid IN ('varchar'::regtype, 'text'::regtype)
			AND (a.atttypmod = -1 OR a.atttypmod >= 68)
		OR a.attname = 'rev' AND a.atttypid = 'int8'::regtype
		OR a.attname = 'data' AND a.atttypid = 'bytea'::regtype))
	FROM pg_catalog.pg_class c WHERE c.oid = to_regclass('%s')`

func postgresTable(ctx context.Context, c *sql.Conn, table string) (weak []string, err error) {
	var persistence, collation string
	var unique, plain bool
	err = c.QueryRowContext(ctx, fmt.Sprintf(lookPostgres, table)).
		Scan(&persistence, &collation, &unique, &plain)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("%w %s", errNoTable, table)
	case err != nil:
		return nil, fail(ctx, fmt.Errorf("looking at table %s: %w", table, err))
	case !unique:
		return nil, noPrimaryKey(table)
	case !plain:
		// A CHAR is padded, and found in no List. A policy hides rows. What is in
		// a child or a partition has a key and a durability of its own.
		return nil, fmt.Errorf("sqlstore: table %s is not as DDL creates it: want one without "+
			"children, partitions and row security for this role, k VARCHAR(64), rev BIGINT and "+
			"data BYTEA", table)
	case collation != "C" && collation != "POSIX":
		return nil, wrongCollation(table, collation,
			`ALTER TABLE `+table+` ALTER k TYPE VARCHAR(64) COLLATE "C"`)
	}
	if persistence != "p" {
		weak = append(weak, "table "+table+" is emptied by a crash: ALTER TABLE "+table+" SET LOGGED")
	}
	return weak, nil
}

func noPrimaryKey(table string) error {
	return fmt.Errorf("sqlstore: column k of table %s is not its key, so it may hold two records "+
		"under one: ALTER TABLE %s ADD PRIMARY KEY (k), or create it as DDL says", table, table)
}

func wrongCollation(table, collation, remedy string) error {
	return fmt.Errorf("sqlstore: column k of table %s has collation %q, which is not the order "+
		"of bytes and may take two keys for one: %s", table, collation, remedy)
}
