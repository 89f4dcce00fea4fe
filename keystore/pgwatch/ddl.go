package pgwatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/embedkms/kms/keystore/sqlstore"
)

// DDL returns the statements that create the triggers on the table, for a
// migration tool: on sqlstore.DefaultTable, or the one that is named. They may be
// run again, and the function is shared by the tables of a schema. Writers wait
// while they run. It is empty for a name that New refuses.
//
// The channel is named after the OID of the table, which two tables of a database
// cannot share and a renamed one keeps.
func DDL(table ...string) string {
	name := sqlstore.DefaultTable
	if len(table) > 0 {
		name = table[0]
	}
	if sqlstore.DDL(sqlstore.PostgreSQL, name) == "" {
		return ""
	}
	schema := ""
	if before, _, ok := strings.Cut(name, "."); ok {
		schema = before + "."
	}
	return strings.NewReplacer("{schema}", schema, "{table}", name).Replace(ddl)
}

// A payload is a key and a revision, or empty after TRUNCATE. Keys of strangers
// may be longer than a payload can be, and are cut off to what is no record's
// key. Names are looked up in pg_catalog only, whatever the writer's search_path.
const ddl = `CREATE OR REPLACE FUNCTION {schema}kms_watch() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM pg_notify('kms_' || TG_RELID, '');
	END IF;
	IF TG_OP = 'DELETE' OR OLD.k <> NEW.k THEN
		PERFORM pg_notify('kms_' || TG_RELID, left(OLD.k, 65) || ' 0');
	END IF;
	IF TG_OP IN ('INSERT', 'UPDATE') THEN
		PERFORM pg_notify('kms_' || TG_RELID, left(NEW.k, 65) || ' ' || NEW.rev);
	END IF;
	RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER kms_watch AFTER INSERT OR UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {schema}kms_watch();
CREATE OR REPLACE TRIGGER kms_watch_truncate AFTER TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {schema}kms_watch();`

// lookup describes a table: 29 and 32 are what the events of the triggers are in
// pg_trigger, and O and A are the states in which they fire for every writer, but
// O not for one that applies what another database has written.
const lookup = `SELECT pg_catalog.pg_is_in_recovery(), c.oid,
	(SELECT pg_catalog.string_agg(CAST(t.tgenabled AS TEXT), '')
		FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
		WHERE t.tgrelid = c.oid AND p.proname = 'kms_watch' AND t.tgqual IS NULL
		AND CAST(t.tgattr AS TEXT) = ''
		AND (t.tgname, t.tgtype) IN (('kms_watch', 29), ('kms_watch_truncate', 32)))
FROM (VALUES (pg_catalog.to_regclass('{table}'))) AS named (oid)
LEFT JOIN pg_catalog.pg_class c ON c.oid = named.oid`

var errNoTriggers = errors.New("there are no triggers that tell of changes")

// look returns the channel that changes of the table are told on, or why they are
// not. The name of the table is checked.
func (l *line) look(ctx context.Context, table string) (channel string, err error) {
	results, err := l.conn.Exec(ctx, strings.ReplaceAll(lookup, "{table}", table)).ReadAll()
	if err != nil {
		return "", fmt.Errorf("looking at table %s: %w", table, err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return "", fmt.Errorf("looking at table %s: incomplete reply", table)
	}
	row := results[0].Rows[0]
	standby, oid, states := string(row[0]), string(row[1]), string(row[2])
	switch {
	case standby != "f":
		return "", errors.New("the server is a standby, where nobody can LISTEN: connect to the " +
			"primary, with several hosts by target_session_attrs=read-write")
	case oid == "":
		return "", fmt.Errorf("the connection sees no table %s: its database and search_path must "+
			"be those of the store, or the table's name be with its schema", table)
	case len(states) < 2:
		return "", fmt.Errorf("%w of %s", errNoTriggers, table)
	case strings.Trim(states, "OA") != "":
		return "", fmt.Errorf("the triggers that tell of changes are disabled: ALTER TABLE %s "+
			"ENABLE TRIGGER kms_watch, ENABLE TRIGGER kms_watch_truncate", table)
	}
	return "kms_" + oid, nil
}

// openTriggers checks the triggers, which it creates if there are none and it may.
func (l *line) openTriggers(ctx context.Context, table string, create bool) error {
	_, err := l.look(ctx, table)
	if !errors.Is(err, errNoTriggers) {
		return err
	}
	if !create {
		return fmt.Errorf("%w: set AutoCreate, or run: %s", err, DDL(table))
	}
	// They are created together or not at all. Of two that create them at the same
	// time one may fail, and both are content.
	_, failed := l.conn.Exec(ctx, DDL(table)).ReadAll()
	_, err = l.look(ctx, table)
	if errors.Is(err, errNoTriggers) && failed != nil {
		return fmt.Errorf("creating the triggers: %w", failed)
	}
	return err
}
