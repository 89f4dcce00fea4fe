package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/embedkms/kms/keystore"
)

// Get implements keystore.Store.
func (s *Store) Get(ctx context.Context, key string) (keystore.Record, error) {
	if err := s.enter(ctx); err != nil {
		return keystore.Record{}, err
	}
	defer s.calls.Done()
	if err := keystore.CheckKey(key); err != nil {
		return keystore.Record{}, err
	}
	return detach(ctx, s, func() (keystore.Record, error) { return s.get(ctx, s.db, key) })
}

// Put implements keystore.Store. A revision above 1<<63 - 1 is ErrConflict.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := keystore.CheckPut(r); err != nil {
		return err
	}
	if r.Rev > math.MaxInt64 {
		return fmt.Errorf("sqlstore: record %s: %w: revision %d is more than the table can hold",
			r.Key, keystore.ErrConflict, r.Rev)
	}
	r.Data = bytes.Clone(r.Data) // the statement may outlive this call
	return s.write(ctx, func(c *sql.Conn) error {
		if r.Rev == 1 {
			return s.create(ctx, c, r)
		}
		return s.replace(ctx, c, r)
	})
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := keystore.CheckKey(key); err != nil {
		return err
	}
	return s.write(ctx, func(c *sql.Conn) error { return s.remove(ctx, c, key, rev) })
}

// write runs f once, on a connection of its own.
func (s *Store) write(ctx context.Context, f func(c *sql.Conn) error) error {
	_, err := detach(ctx, s, func() (struct{}, error) {
		c, err := s.db.Conn(ctx)
		if err != nil {
			return struct{}{}, fail(ctx, err)
		}
		defer c.Close()
		if s.strict && s.system.perConn {
			if weak, err := s.system.settings(ctx, c); err != nil {
				return struct{}{}, err
			} else if len(weak) > 0 {
				return struct{}{}, weakness(weak)
			}
		}
		if err := f(c); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, inTime(ctx)
	})
	return err
}

// inTime refuses a success that came after the end of ctx. Some drivers make a
// cancel of that end, and PostgreSQL reports success of a commit whose wait for
// a standby was cancelled.
func inTime(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

func (s *Store) create(ctx context.Context, c *sql.Conn, r keystore.Record) error {
	n, cause := affected(c.ExecContext(ctx, s.stmts.create, r.Key, r.Data))
	switch {
	case n == 1 && cause == nil:
		return nil
	case cause == nil:
		cause = errors.New("no row was added: the table has a rule or a trigger that drops it")
	}
	// Which error says that the key is taken is the driver's secret, so look. If
	// this connection still answers, then the error was the server's answer, and
	// a refused INSERT has changed nothing. Only a proxy between could have
	// answered for a server that it lost: the record may be ours if it is equal.
	stored, err := s.get(ctx, c, r.Key)
	switch {
	case err == nil && !(stored.Rev == 1 && bytes.Equal(stored.Data, r.Data)):
		return conflict(r.Key, stored.Rev, r.Rev)
	case errors.Is(err, keystore.ErrCorrupt):
		return err
	}
	return fail(ctx, fmt.Errorf("creating record %s: %w", r.Key, cause))
}

func (s *Store) replace(ctx context.Context, c *sql.Conn, r keystore.Record) error {
	n, err := affected(c.ExecContext(ctx, s.stmts.replace,
		int64(r.Rev), r.Data, r.Key, int64(r.Rev-1)))
	switch {
	case err != nil:
		return fail(ctx, fmt.Errorf("replacing record %s: %w", r.Key, err))
	case n == 0:
		return fmt.Errorf("sqlstore: record %s: %w: revision %d is not stored",
			r.Key, keystore.ErrConflict, r.Rev-1)
	}
	return nil
}

// removeTries is how often remove looks again. A record that others make and delete
// so often is theirs.
const removeTries = 100

func (s *Store) remove(ctx context.Context, c *sql.Conn, key string, rev uint64) error {
	for range removeTries {
		if 0 < rev && rev <= math.MaxInt64 { // nothing else is a record's
			n, err := affected(c.ExecContext(ctx, s.stmts.remove, key, int64(rev)))
			if err != nil {
				return fail(ctx, fmt.Errorf("deleting record %s: %w", key, err))
			} else if n == 1 {
				return nil
			}
		}
		stored, err := s.get(ctx, c, key)
		if err != nil {
			return err
		}
		if stored.Rev != rev {
			return conflict(key, stored.Rev, rev)
		}
		// It was written since the DELETE looked, and is no conflict at any moment.
	}
	return fail(ctx, fmt.Errorf("deleting record %s: others write it at the same time", key))
}

// affected returns the number of rows that a statement has changed: 0 or 1.
func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 0 && n != 1 {
		err = fmt.Errorf("%d rows changed, want 1 at most: the table has lost its primary key", n)
	}
	return n, err
}

func conflict(key string, stored, rev uint64) error {
	return fmt.Errorf("sqlstore: record %s: %w: stored %d, given %d",
		key, keystore.ErrConflict, stored, rev)
}

// A querier is a connection, or the pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *Store) get(ctx context.Context, q querier, key string) (keystore.Record, error) {
	var rev any
	var data []byte
	err := q.QueryRowContext(ctx, s.stmts.get, key).Scan(&rev, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return keystore.Record{}, fmt.Errorf("sqlstore: %w: %s", keystore.ErrNotFound, key)
	}
	if err != nil {
		return keystore.Record{}, fail(ctx, fmt.Errorf("reading record %s: %w", key, err))
	}
	r, err := decode(key, rev, data)
	if err != nil {
		return keystore.Record{}, fmt.Errorf("sqlstore: record %s: %w", key, err)
	}
	return r, nil
}

// decode returns the record that is in a row. Statements return no data where
// there is more than a record can have.
func decode(key string, rev any, data []byte) (keystore.Record, error) {
	n, ok := rev.(int64)
	switch v := rev.(type) { // some drivers return numbers as text
	case []byte:
		n, ok = number(string(v))
	case string:
		n, ok = number(v)
	}
	if !ok || n <= 0 {
		return keystore.Record{}, fmt.Errorf("%w: revision %v", keystore.ErrCorrupt, rev)
	}
	if len(data) == 0 || len(data) > keystore.MaxData {
		return keystore.Record{}, fmt.Errorf("%w: data is missing, empty or above %d bytes",
			keystore.ErrCorrupt, keystore.MaxData)
	}
	return keystore.Record{Key: key, Rev: uint64(n), Data: data}, nil
}

func number(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
