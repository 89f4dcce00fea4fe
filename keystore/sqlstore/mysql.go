package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/embedkms/kms/keystore"
)

// minPacket has room for a record whose bytes are all escaped in the statement.
const minPacket = 2*keystore.MaxData + 4<<10

func mysqlSettings(ctx context.Context, c *sql.Conn) (weak []string, err error) {
	v, err := mysqlVariables(ctx, c)
	if err != nil {
		return nil, fail(ctx, fmt.Errorf("reading settings: %w", err))
	}
	switch {
	case on(v["read_only"]):
		return nil, errors.New("sqlstore: read_only is on, so the server is a replica: " +
			"connect to the primary")
	case !on(v["autocommit"]):
		return nil, errors.New("sqlstore: autocommit is off, so no write would be committed: " +
			"leave it out of the data source name, or SET GLOBAL autocommit = 1")
	}
	if packet, err := strconv.Atoi(v["max_allowed_packet"]); err == nil && packet < minPacket {
		return nil, fmt.Errorf("sqlstore: max_allowed_packet is %d, so that large records cannot be "+
			"written: SET GLOBAL max_allowed_packet = 16777216", packet)
	}
	wsrep, _ := strconv.Atoi(v["wsrep_sync_wait"])
	flush, doublewrite := v["innodb_flush_method"], v["innodb_doublewrite"]
	for _, rule := range []struct {
		weak     bool
		variable string
		remedy   string
	}{
		{v["innodb_flush_log_at_trx_commit"] != "1", "innodb_flush_log_at_trx_commit",
			"SET GLOBAL innodb_flush_log_at_trx_commit = 1"},
		// After a crash, what the binary log has lost is rolled back.
		{on(v["log_bin"]) && v["sync_binlog"] != "1", "sync_binlog", "SET GLOBAL sync_binlog = 1"},
		{doublewrite == "OFF" || doublewrite == "0" || doublewrite == "DETECT_ONLY",
			"innodb_doublewrite", "innodb_doublewrite = ON in the server's configuration"},
		{strings.Contains(strings.ToLower(flush), "nosync") || flush == "littlesync",
			"innodb_flush_method", "innodb_flush_method = O_DIRECT in the server's configuration"},
		{v["tx_isolation"] == "READ-UNCOMMITTED", "tx_isolation",
			"leave it out of the data source name"},
		{v["transaction_isolation"] == "READ-UNCOMMITTED", "transaction_isolation",
			"leave it out of the data source name"},
		{on(v["wsrep_on"]) && wsrep&1 == 0, "wsrep_sync_wait", "SET GLOBAL wsrep_sync_wait = 1"},
	} {
		if rule.weak {
			weak = append(weak, rule.variable+" is "+v[rule.variable]+": "+rule.remedy)
		}
	}
	return weak, nil
}

// mysqlVariables returns those of the settings that this server has.
func mysqlVariables(ctx context.Context, c *sql.Conn) (map[string]string, error) {
	rows, err := c.QueryContext(ctx, `SHOW VARIABLES WHERE Variable_name IN ('autocommit',
	'innodb_doublewrite', 'innodb_flush_log_at_trx_commit', 'innodb_flush_method', 'log_bin',
	'max_allowed_packet', 'read_only', 'sync_binlog', 'transaction_isolation', 'tx_isolation', 'wsrep_on',
	'wsrep_sync_wait')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make(map[string]string)
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, rows.Err()
}

func on(value string) bool { return value == "ON" || value == "1" }

// lookMySQL looks at a table {t} of a schema {s}, whose names are checked. Columns
// are ” where there is no such column.
const lookMySQL = `SELECT
	COALESCE(t.engine, ''),
	COALESCE((SELECT COALESCE(c.collation_name, c.data_type) FROM information_schema.columns c
		WHERE c.table_schema = {s} AND c.table_name = {t} AND c.column_name = 'k'), ''),
	COALESCE((SELECT c.data_type FROM information_schema.columns c
		WHERE c.table_schema = {s} AND c.table_name = {t} AND c.column_name = 'data'), ''),
	(SELECT COUNT(*) FROM information_schema.statistics i
		WHERE i.table_schema = {s} AND i.table_name = {t} AND i.index_name = 'PRIMARY'),
	(SELECT COUNT(*) FROM information_schema.statistics i
		WHERE i.table_schema = {s} AND i.table_name = {t} AND i.index_name = 'PRIMARY'
		AND i.column_name = 'k' AND i.sub_part IS NULL),
	(SELECT COUNT(*) FROM information_schema.columns c
		WHERE c.table_schema = {s} AND c.table_name = {t}
		AND (c.column_name = 'rev' AND c.data_type = 'bigint' OR c.column_name = 'k'
			AND c.data_type IN ('varchar', 'varbinary') AND c.character_maximum_length >= 64))
	FROM information_schema.tables t WHERE t.table_schema = {s} AND t.table_name = {t}`

func mysqlTable(ctx context.Context, c *sql.Conn, table string) (weak []string, err error) {
	schema, name := split(table)
	in := "DATABASE()"
	if schema != "" {
		in = "'" + schema + "'"
	}
	var engine, collation, data string
	var parts, unique, kept int
	look := strings.NewReplacer("{s}", in, "{t}", "'"+name+"'").Replace(lookMySQL)
	err = c.QueryRowContext(ctx, look).
		Scan(&engine, &collation, &data, &parts, &unique, &kept)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("%w %s", errNoTable, table)
	case err != nil:
		return nil, fail(ctx, fmt.Errorf("looking at table %s: %w", table, err))
	case parts != 1 || unique != 1:
		return nil, noPrimaryKey(table)
	case !strings.HasSuffix(collation, "_bin") && collation != "varbinary":
		return nil, wrongCollation(table, collation, "ALTER TABLE "+table+
			" MODIFY k VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL")
	case kept != 2:
		// Where sql_mode is not strict, a key or a revision would be cut to fit.
		return nil, fmt.Errorf("sqlstore: table %s has no room for every key and revision: "+
			"ALTER TABLE %s MODIFY k VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "+
			"MODIFY rev BIGINT NOT NULL", table, table)
	case data != "mediumblob" && data != "longblob":
		return nil, fmt.Errorf("sqlstore: column data of table %s is %s, which may cut records "+
			"off: ALTER TABLE %s MODIFY data MEDIUMBLOB NOT NULL", table, data, table)
	}
	if engine != "InnoDB" {
		weak = append(weak, "engine of table "+table+" is "+engine+
			": ALTER TABLE "+table+" ENGINE=InnoDB")
	}
	return weak, nil
}
