// Package pgwatch keeps records in a table of PostgreSQL, 14 or newer, as package
// sqlstore does, and tells of changes: what one process disables or rotates,
// others see within milliseconds instead of after the seconds of MaxStale.
//
// # How it tells
//
// Two triggers on the table call NOTIFY, so every writer tells, also one that
// uses package sqlstore alone or psql. [DDL] has them for a migration tool;
// AutoCreate runs it. Each watch has a connection of its own that calls LISTEN. A
// notification names a record's key and revision, and is a hint only: who gets
// one reads the record. When one is lost, MaxStale is the bound as before.
//
// # The connection
//
// Each watch, which is one for each kms.KMS, takes one of the server's
// max_connections. Every three seconds it asks whether the server is still there
// and the triggers are; without an answer for three more it connects anew, and a
// resync stands for what was missed. It must keep its session: through PgBouncer
// in transaction mode, or another pooler that lends a server connection to
// several clients, nothing arrives, and New says so. Then give New a config that
// leads to the server itself; the pool may stay behind the pooler. LISTEN needs
// the primary: with several hosts set target_session_attrs=read-write.
//
// # Rights
//
// LISTEN and NOTIFY need no right but to connect, and whoever writes none on the
// function. To run DDL needs CREATE on the schema and TRIGGER on the
// table. That no right is needed holds for strangers as well: whoever may connect
// to the same database can listen to when which record key changes, which says
// nothing about what is in it, and can send notifications. What does not look like one
// is ignored; what does costs a read of the record if it is in use. More than
// [MaxHints] a second are one resync at the end of that second, so that a flood
// is no worse than a MaxStale of a second. Where that matters, REVOKE CONNECT from
// PUBLIC.
//
// # Cost
//
// Transactions that notify commit one after the other, in the whole server, with
// the wait for the disk. A key store writes rarely; docs/stores.md has figures.
// The server keeps what listeners have not taken yet, up to 8 GB, and then
// fails writes; a watch never holds a transaction open, so only a stuck listener
// of others could bring that about: look at pg_notification_queue_usage().
package pgwatch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// Options are the optional arguments of New.
type Options struct {
	// Store are the options of the store. AutoCreate creates the triggers too, if
	// they are missing. Dialect is PostgreSQL, or "" which is the same.
	Store sqlstore.Options

	// BeforeConnect, unless it is nil, is called before each connection of a watch
	// with the config it is made of, to set a password that expires for instance.
	// It returns when ctx is done.
	BeforeConnect func(ctx context.Context, config *pgx.ConnConfig) error
}

// newLimit is how long New waits for the connection and the triggers.
const newLimit = 10 * time.Second

// A Store keeps records in one table, and tells of changes. It is safe for
// concurrent use, and a table may be used by any number of stores and processes.
type Store struct {
	*sqlstore.Store
	table  string
	config *pgx.ConnConfig
	before func(context.Context, *pgx.ConnConfig) error

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	mu      sync.Mutex     // orders the start of a watch and Close's wait
	watches sync.WaitGroup // watches, and calls of Watch
}

var (
	_ keystore.Store   = (*Store)(nil)
	_ keystore.Watcher = (*Store)(nil)
)

// New returns a store in db, which stays the caller's, to be closed after the
// store. Watches connect as config says, which pgx.ParseConfig has made, or
// pgxpool's Config().ConnConfig: to the same database, though it may go another
// way and as another role. The driver of db may be any for PostgreSQL. Nil opts
// are all defaults.
//
// Beside what sqlstore.New refuses, New returns an error that says what to do
// if the triggers are missing or disabled, if config leads to a standby, or if
// what is written in db is not told of there, which it tries: it creates a record
// and deletes it, in one transaction, so that nobody sees it.
func New(db *sql.DB, config *pgx.ConnConfig, opts *Options) (*Store, error) {
	if config == nil {
		return nil, errors.New("pgwatch: no config of the connection given")
	}
	if opts == nil {
		opts = &Options{}
	}
	o := opts.Store
	switch o.Dialect {
	case "", sqlstore.PostgreSQL:
		o.Dialect = sqlstore.PostgreSQL
	default:
		return nil, fmt.Errorf("pgwatch: dialect %q is not PostgreSQL", o.Dialect)
	}
	if o.Table == "" {
		o.Table = sqlstore.DefaultTable
	}
	records, err := sqlstore.New(db, &o)
	if err != nil {
		return nil, err
	}
	s := &Store{Store: records, table: o.Table, config: config.Copy(), before: opts.BeforeConnect}
	s.ctx, s.stop = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(s.ctx, newLimit)
	defer cancel()
	if err := s.setUp(ctx, db, o.AutoCreate); err != nil {
		return nil, errors.Join(fail(ctx, err), s.Close())
	}
	return s, nil
}

// Close ends the watches and the use of the database, which stays open. It waits
// for the calls under way, as sqlstore's does.
func (s *Store) Close() error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.watches.Wait()
	return s.Store.Close()
}

// setUp makes sure that what is written in db is told of.
func (s *Store) setUp(ctx context.Context, db *sql.DB, create bool) error {
	key := "watch/" + strings.ToLower(rand.Text())
	told, over := false, false
	l, err := s.dial(ctx, func(payload string) {
		told = told || payload == key+" 1"
		over = over || payload == key+" over"
	})
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.openTriggers(ctx, s.table, create); err != nil {
		return err
	}
	if err := l.listen(ctx, s.table); err != nil {
		return err
	}
	if err := try(ctx, db, s.table, key); err != nil {
		return fmt.Errorf("trying the triggers: %w", err)
	}
	// The server tells in the order of commits, so nothing comes after this. It is
	// no event of any watch.
	err = s.notify(ctx, l.channel, key+" over")
	for err == nil && !told && !over {
		err = l.conn.WaitForNotification(ctx)
	}
	if !told {
		return errors.Join(fmt.Errorf("nothing is told of what is written to %s: the config must lead "+
			"to the database and schema that db uses, and to the server itself rather than to a "+
			"pooler that keeps no session, such as PgBouncer in transaction mode; and the function "+
			"of the triggers must be that of DDL", s.table), err)
	}
	return nil
}

// try creates a record and deletes it again. Nobody sees it, but the triggers tell.
func try(ctx context.Context, db *sql.DB, table, key string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range []string{
		"INSERT INTO %s (k, rev, data) VALUES ('%s', 1, 'v')",
		"DELETE FROM %s WHERE k = '%s'",
	} {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(statement, table, key)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// notify sends a notification, on a connection of its own: a pooler that lends the
// listener's to others would only let it hear what comes while it speaks itself.
func (s *Store) notify(ctx context.Context, channel, payload string) error {
	l, err := s.dial(ctx, func(string) {})
	if err != nil {
		return err
	}
	defer l.close()
	_, err = l.conn.Exec(ctx, "NOTIFY "+channel+", '"+payload+"'").ReadAll()
	return err
}

// fail says which package an error comes from, and that ctx was done if it was.
func fail(ctx context.Context, err error) error {
	if done := ctx.Err(); done != nil && !errors.Is(err, done) {
		return fmt.Errorf("pgwatch: %w: %w", done, err)
	}
	return fmt.Errorf("pgwatch: %w", err)
}
