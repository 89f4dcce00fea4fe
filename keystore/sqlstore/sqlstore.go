// Package sqlstore keeps records in a table of a database that the service runs
// already: PostgreSQL, MySQL or MariaDB, or SQLite. It imports database/sql
// only; the driver is the caller's choice, and so are address and credentials.
//
// # Table
//
// One table of three columns, which never changes, since formats live inside
// data. [DDL] has the statement for a migration tool; Options.AutoCreate runs
// it. The role needs SELECT, INSERT, UPDATE and DELETE on this table, nothing
// else.
//
// # Writing
//
// Every write is one statement that commits by itself. A replacement is an
// UPDATE that names the revision it replaces, which is atomic at every isolation
// level. No session state is used: no transaction, lock, temporary table or
// prepared statement.
//
// A write has a connection of its own for as long as it takes. On the pool,
// database/sql repeats a statement whose connection turns out to be broken, and
// not every driver is certain by then that the first one was not carried out:
// then the second would find a conflict with itself.
//
// # Durability
//
// What a call has acknowledged survives a power cut only if the database is set
// up for that, so New reads its settings and refuses weaker ones: see
// Options.AllowWeakDurability. On PostgreSQL and MySQL it reads them once, as
// they are for this role and data source name. On SQLite they belong to a
// connection, and each write looks at its own.
//
// # PostgreSQL
//
// Connect to the primary, with several hosts by target_session_attrs=read-write.
// Behind PgBouncer in transaction mode the driver must not keep prepared
// statements: default_query_exec_mode=exec with pgx, binary_parameters=yes with
// lib/pq.
//
// # MySQL and MariaDB
//
// Connect to the primary, with autocommit on. On a Galera cluster set
// wsrep_sync_wait=1, or reads are of the past.
//
// # SQLite
//
// A file on a local file system, which several processes of one machine may
// use. PRAGMAs hold for a connection, so give them in the data source name,
// which every connection of the pool is opened with. With modernc.org/sqlite:
//
//	file:kms.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)
//
// An Exec of a PRAGMA reaches one connection of the pool, and the next write may
// be on another. Leave cache=shared away.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/embedkms/kms/keystore"
)

// DefaultTable is the table that is used unless Options name one.
const DefaultTable = "kms_record"

// Options are the optional arguments of New.
type Options struct {
	// Dialect is what the database speaks; "" asks it.
	Dialect Dialect

	// Table is the name of the table, "" is DefaultTable: lower-case letters,
	// digits and underscores, up to 63 and no digit first. Except on SQLite it
	// may have a schema (a database of MySQL) and a dot before it.
	Table string

	// AutoCreate creates the table if it is not there.
	AutoCreate bool

	// AllowWeakDurability accepts settings under which the database may lose or
	// take back what it has acknowledged. False refuses
	//
	//   - PostgreSQL: synchronous_commit other than on and remote_apply, fsync
	//     or full_page_writes off, an unlogged table;
	//   - MySQL: innodb_flush_log_at_trx_commit other than 1, sync_binlog other
	//     than 1 while there is a binary log, innodb_doublewrite off, a flush
	//     method that does not flush, READ UNCOMMITTED, wsrep_sync_wait without
	//     reads on a Galera cluster, an engine other than InnoDB;
	//   - SQLite: synchronous below FULL, or EXTRA in journal mode DELETE;
	//     journal mode MEMORY or OFF; a busy_timeout below a second.
	AllowWeakDurability bool
}

// newLimit is how long New waits for the database.
const newLimit = 10 * time.Second

// A Store keeps records in one table. It is safe for concurrent use, and a table
// may be used by any number of stores and processes.
type Store struct {
	db     *sql.DB
	system *system
	table  string
	stmts  statements
	strict bool // each write looks at its connection

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // calls under way, and statements that outlive theirs
}

var (
	_ keystore.Store   = (*Store)(nil)
	_ keystore.Checker = (*Store)(nil)
)

// New returns a store in db, which stays the caller's, to be closed after the
// store; nil opts are all defaults. It returns an error that says what to do if
// the database cannot be reached within 10 seconds, is a replica, read-only or
// too careless, or if the table is missing, lacks its key, compares by another
// collation than that of DDL, pads, cuts or hides what is in it, or may not be
// written.
func New(db *sql.DB, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("sqlstore: no database given")
	}
	if opts == nil {
		opts = &Options{}
	}
	s := &Store{db: db, strict: !opts.AllowWeakDurability}
	ctx, cancel := context.WithTimeout(context.Background(), newLimit)
	defer cancel()
	_, err := detach(ctx, s, func() (struct{}, error) { return struct{}{}, s.setUp(ctx, opts) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the use of the database, which stays open. It waits for the calls
// under way, and for statements that the driver has not ended although their
// calls were cancelled.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	return nil
}

// enter begins a call, which ends with s.calls.Done.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return keystore.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	s.calls.Add(1)
	return nil
}

// detach runs f, which waits for the database. Not every driver returns when ctx
// ends, as long as the server says nothing or another process holds a lock: then
// f is left to finish by itself, and Close to wait for it.
func detach[T any](ctx context.Context, s *Store, f func() (T, error)) (T, error) {
	if ctx.Done() == nil {
		return f()
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	s.calls.Go(func() {
		value, err := f()
		done <- result{value, err}
	})
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("sqlstore: still waiting for the database: %w", ctx.Err())
	}
}

// fail returns what a statement's error means to the caller of the store. When
// a call is cancelled drivers have errors of their own for it.
func fail(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("sqlstore: %w: %w", cause, err)
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// setUp decides whether the database may be used.
func (s *Store) setUp(ctx context.Context, opts *Options) error {
	table := opts.Table
	if table == "" {
		table = DefaultTable
	}
	dialect := opts.Dialect
	if dialect == "" {
		var err error
		if dialect, err = detect(ctx, s.db); err != nil {
			return err
		}
	}
	s.system = systems[dialect]
	if s.system == nil {
		return fmt.Errorf("sqlstore: unknown dialect %q", dialect)
	}
	if !s.system.validTable(table) {
		return fmt.Errorf("sqlstore: %q is no name for a table: want [a-z_][a-z0-9_]*, "+
			"up to 63, with a schema before it except on SQLite", table)
	}
	s.stmts = s.system.statements(table)
	c, err := s.db.Conn(ctx)
	if err != nil {
		return fail(ctx, err)
	}
	defer c.Close()
	s.table = table
	if err := s.examine(ctx, c, opts.AutoCreate); err != nil {
		return err
	}
	return s.writable(ctx, c, table)
}

// examine returns an error unless the settings and the table are good enough.
func (s *Store) examine(ctx context.Context, c *sql.Conn, create bool) error {
	weak, err := s.system.settings(ctx, c)
	if err != nil {
		return err
	}
	found, err := s.openTable(ctx, c, s.table, create)
	if err != nil {
		return err
	}
	if weak = append(weak, found...); s.strict && len(weak) > 0 {
		return weakness(weak)
	}
	return nil
}

// openTable checks the table, which it creates if it is not there and may be,
// and returns what is weak about it.
func (s *Store) openTable(
	ctx context.Context, c *sql.Conn, table string, create bool,
) (weak []string, err error) {
	weak, err = s.system.table(ctx, c, table)
	if !errors.Is(err, errNoTable) {
		return weak, err
	}
	ddl := s.system.ddl(table)
	if !create {
		return nil, fmt.Errorf("%w: set Options.AutoCreate, or run: %s", err, ddl)
	}
	// Of two that create it at the same time one may fail, and both are content.
	_, failed := c.ExecContext(ctx, ddl)
	weak, err = s.system.table(ctx, c, table)
	if errors.Is(err, errNoTable) && failed != nil {
		return nil, fail(ctx, fmt.Errorf("creating table %s: %w", table, failed))
	}
	return weak, err
}

var errNoTable = errors.New("sqlstore: there is no table")

// writable tries each kind of write, on a key that nothing is stored under.
func (s *Store) writable(ctx context.Context, c *sql.Conn, table string) error {
	for _, try := range []string{
		"INSERT INTO %[1]s (k, rev, data) SELECT k, rev, data FROM %[1]s WHERE k = ''",
		"UPDATE %[1]s SET rev = 0 WHERE k = ''",
		"DELETE FROM %[1]s WHERE k = ''",
	} {
		if _, err := c.ExecContext(ctx, fmt.Sprintf(try, table)); err != nil {
			return fail(ctx, fmt.Errorf("table %s cannot be written (connect to the primary, with a "+
				"role that was granted SELECT, INSERT, UPDATE and DELETE on it): %w", table, err))
		}
	}
	return nil
}

// weakness is the refusal of a careless database.
func weakness(weak []string) error {
	return fmt.Errorf("sqlstore: the database may lose what it has acknowledged: %s "+
		"(to accept that, set Options.AllowWeakDurability)", strings.Join(weak, "; "))
}
