package pgwatch_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
	"github.com/embedkms/kms/keystore/pgwatch"
	"github.com/embedkms/kms/keystore/sqlstore"
)

func TestStore(t *testing.T) { keystoretest.Run(t, harness("pgx")) }

func TestWatch(t *testing.T) {
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) { keystoretest.RunWatch(t, harness(driver)) })
	}
}

// harness makes stores, each in a table of its own.
func harness(driver string) func(*testing.T) func() keystore.Store {
	return func(t *testing.T) func() keystore.Store {
		p := newPlace(sharedServer(t))
		return func() keystore.Store { return p.openBy(t, driver, p.source) }
	}
}

// TestProcesses calls itself in other processes, which start no server.
func TestProcesses(t *testing.T) {
	var p place
	if os.Getenv("KEYSTORETEST_WORKER") == "" {
		p = newPlace(sharedServer(t))
	}
	keystoretest.RunProcesses(t, p.String(), func(t *testing.T, text string) keystore.Store {
		return parsePlace(text).open(t)
	})
}

// A refusal is a table that New refuses.
type refusal struct {
	name  string
	setUp []string // statements for table %s, which is there with its triggers
	watch string   // appended to the source of a watch's connections
	auto  bool     // AutoCreate helps
	want  string   // in the error
}

var refusals = []refusal{
	{name: "no triggers", auto: true, want: "run: CREATE OR REPLACE FUNCTION kms_watch()",
		setUp: []string{"DROP TRIGGER kms_watch ON %s", "DROP TRIGGER kms_watch_truncate ON %s"}},
	{name: "no trigger of rows", auto: true, want: "there are no triggers",
		setUp: []string{"DROP TRIGGER kms_watch ON %s"}},
	{name: "no trigger of TRUNCATE", auto: true, want: "there are no triggers",
		setUp: []string{"DROP TRIGGER kms_watch_truncate ON %s"}},
	{name: "not on UPDATE", auto: true, want: "there are no triggers", setUp: []string{
		`CREATE OR REPLACE TRIGGER kms_watch AFTER INSERT OR DELETE ON %s
		FOR EACH ROW EXECUTE FUNCTION kms_watch()`}},
	{name: "on some columns", auto: true, want: "there are no triggers", setUp: []string{
		`CREATE OR REPLACE TRIGGER kms_watch AFTER INSERT OR DELETE OR UPDATE OF k ON %s
		FOR EACH ROW EXECUTE FUNCTION kms_watch()`}},
	{name: "on some rows", auto: true, want: "there are no triggers", setUp: []string{
		"DROP TRIGGER kms_watch ON %s",
		`CREATE TRIGGER kms_watch AFTER INSERT OR UPDATE OR DELETE ON %s
		FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION kms_watch()`}},
	{name: "disabled", want: "ENABLE TRIGGER kms_watch",
		setUp: []string{"ALTER TABLE %s DISABLE TRIGGER USER"}},
	{name: "one disabled", want: "ENABLE TRIGGER kms_watch",
		setUp: []string{"ALTER TABLE %s DISABLE TRIGGER kms_watch"}},
	{name: "for replicas", want: "ENABLE TRIGGER kms_watch",
		setUp: []string{"ALTER TABLE %s ENABLE REPLICA TRIGGER kms_watch"}},
	{name: "another function", want: "nothing is told", setUp: []string{
		`CREATE SCHEMA %s_quiet`,
		`CREATE FUNCTION %s_quiet.kms_watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE OR REPLACE TRIGGER kms_watch AFTER INSERT OR UPDATE OR DELETE ON %s
		FOR EACH ROW EXECUTE FUNCTION %s_quiet.kms_watch()`}},
	{name: "writers that fire no triggers", want: "nothing is told",
		setUp: []string{"ALTER ROLE kms SET session_replication_role = replica"}},
	{name: "no such schema", want: "sees no table", watch: "&search_path=nowhere"},
	{name: "another schema", want: "nothing is told", watch: "&search_path=%s_other",
		setUp: []string{"CREATE SCHEMA %s_other", "CREATE TABLE %s_other.%s (LIKE %s)",
			"SET search_path = %s_other;" + "{ddl}"}},
	{name: "another database", want: "sees no table", watch: "&database=template1"},
	{name: "no server", want: "refused", watch: "&port=1"},
}

func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) { r.check(t, newPlace(sharedServer(t))) })
	}
}

func (r *refusal) check(t *testing.T, p place) {
	must(t, p.open(t).Close())
	defer p.exec(t, "ALTER ROLE kms RESET session_replication_role")
	for _, statement := range r.setUp {
		p.exec(t, strings.ReplaceAll(statement, "{ddl}", pgwatch.DDL(p.table)))
	}
	db := p.pool(t, "pgx")
	config := parse(t, p.source+strings.ReplaceAll(r.watch, "%s", p.table))
	for _, create := range []bool{false, true} {
		s, err := pgwatch.New(db, config,
			&pgwatch.Options{Store: sqlstore.Options{Table: p.table, AutoCreate: create}})
		if err == nil {
			must(t, s.Close())
		}
		if create && r.auto {
			must(t, err)
		} else if err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("AutoCreate %v: error %v, want one with %q", create, err, r.want)
		}
	}
}

// A standby, which cannot LISTEN, is refused though the pool leads to the primary.
func TestStandby(t *testing.T) {
	server := ownServer(t)
	p := newPlace(server)
	must(t, p.open(t).Close())
	signal := p.query(t, "SHOW data_directory") + "/standby.signal"
	must(t, server.Kill())
	must(t, os.WriteFile(signal, nil, 0o644))
	must(t, server.Start())
	standby := parse(t, p.source)
	p = place{newPlace(sharedServer(t)).source, p.table}
	must(t, p.open(t).Close())
	_, err := pgwatch.New(p.pool(t, "pgx"), standby, &pgwatch.Options{Store: sqlstore.Options{Table: p.table}})
	if err == nil || !strings.Contains(err.Error(), "the server is a standby") {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	p := newPlace(sharedServer(t))
	db, config := p.pool(t, "pgx"), parse(t, p.source)
	before := errors.New("no password today")
	for name, try := range map[string]func() (*pgwatch.Store, error){
		"no database": func() (*pgwatch.Store, error) { return pgwatch.New(nil, config, nil) },
		"no config":   func() (*pgwatch.Store, error) { return pgwatch.New(db, nil, nil) },
		"dialect": func() (*pgwatch.Store, error) {
			return pgwatch.New(db, config, &pgwatch.Options{Store: sqlstore.Options{Dialect: sqlstore.MySQL}})
		},
		"BeforeConnect": func() (*pgwatch.Store, error) {
			return pgwatch.New(db, config, &pgwatch.Options{
				Store:         sqlstore.Options{Table: p.table, AutoCreate: true},
				BeforeConnect: func(context.Context, *pgx.ConnConfig) error { return before },
			})
		},
	} {
		if _, err := try(); err == nil || (name == "BeforeConnect") != errors.Is(err, before) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ddl := pgwatch.DDL("a; DROP TABLE b"); ddl != "" {
		t.Errorf("DDL of a malformed name: %s", ddl)
	}
	if ddl := pgwatch.DDL(); !strings.Contains(ddl, "ON "+sqlstore.DefaultTable+"\n") {
		t.Error(ddl)
	}
}

// Errors say nothing of the password.
func TestPassword(t *testing.T) {
	p := newPlace(sharedServer(t))
	config := parse(t, p.source+"&port=1")
	config.Password = "hunter2"
	_, err := pgwatch.New(p.pool(t, "pgx"), config,
		&pgwatch.Options{Store: sqlstore.Options{Table: p.table, AutoCreate: true}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

// Many processes that start at the same time all find the triggers there.
func TestAutoCreateTogether(t *testing.T) {
	p := newPlace(sharedServer(t))
	done := make(chan error)
	for range 8 {
		db := p.pool(t, "pgx")
		go func() {
			s, err := pgwatch.New(db, parse(t, p.source),
				&pgwatch.Options{Store: sqlstore.Options{Table: p.table, AutoCreate: true}})
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// The service's role needs no right beside those on the table, and that of a
// watch's connections none at all. The table is in a schema that neither has in
// its search_path.
func TestRights(t *testing.T) {
	p := newPlace(sharedServer(t))
	p.exec(t, "CREATE SCHEMA %s_s")
	schema := p.table + "_s"
	p.table = schema + ".records"
	p.exec(t, sqlstore.DDL(sqlstore.PostgreSQL, p.table), pgwatch.DDL(p.table), pgwatch.DDL(p.table),
		"CREATE ROLE "+schema+"_service LOGIN", "CREATE ROLE "+schema+"_watch LOGIN",
		"GRANT USAGE ON SCHEMA "+schema+" TO "+schema+"_service, "+schema+"_watch",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO "+schema+"_service")
	watch := strings.Replace(p.source, "kms@", schema+"_watch@", 1)
	p.source = strings.Replace(p.source, "kms@", schema+"_service@", 1)
	s := p.openBy(t, "pgx", watch)
	events, err := s.Watch(t.Context(), "")
	must(t, err)
	tells(t, s, events, "key/a")
}
