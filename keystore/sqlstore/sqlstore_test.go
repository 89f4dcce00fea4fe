package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

// Real databases are in internal/integration, with their drivers.

func TestStore(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
		db := newFake()
		return func() keystore.Store { return db.open(t) }
	})
}

// TestBlocked has a driver that does not look at ctx.
func TestBlocked(t *testing.T) {
	db := newFake()
	s := db.open(t)
	keystoretest.RunBlocked(t, s, func() func() {
		gate := make(chan struct{})
		db.before = func(query string) error {
			if !strings.HasPrefix(query, "SELECT") {
				<-gate
			}
			return nil
		}
		return func() { close(gate) }
	})
}

var definite = []error{
	keystore.ErrNotFound, keystore.ErrConflict, keystore.ErrInvalid,
	keystore.ErrCorrupt, keystore.ErrTooNew, keystore.ErrClosed,
}

// wantUnknown checks that err says nothing about the outcome, but its cause.
func wantUnknown(t *testing.T, err, cause error) {
	t.Helper()
	if !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	for _, d := range definite {
		if errors.Is(err, d) {
			t.Errorf("error %v is %v, which is not certain", err, d)
		}
	}
}

// once returns a hook that fails the first statement that begins so.
func once(verb string, err error) func(string) error {
	return func(query string) error {
		if verb == "" || !strings.HasPrefix(query, verb) {
			return nil
		}
		verb = ""
		return err
	}
}

// writes are one of each kind. A store that holds key/a at revision was holds it
// at revision is when the write was carried out; 0 is nothing.
var writes = []struct {
	verb    string
	was, is uint64
	call    func(ctx context.Context, s keystore.Store) error
}{
	{"INSERT", 0, 1, func(ctx context.Context, s keystore.Store) error { return s.Put(ctx, at(1)) }},
	{"UPDATE", 1, 2, func(ctx context.Context, s keystore.Store) error { return s.Put(ctx, at(2)) }},
	{"DELETE", 1, 0, func(ctx context.Context, s keystore.Store) error { return s.Delete(ctx, "key/a", 1) }},
}

// at returns key/a at revision rev.
func at(rev uint64) keystore.Record {
	return keystore.Record{Key: "key/a", Rev: rev, Data: fmt.Append(nil, "v", rev)}
}

// holding returns a store in db that holds key/a at revision rev, or nothing.
func holding(t *testing.T, db *fakeDB, rev uint64) *handle {
	t.Helper()
	s := db.open(t)
	for r := range rev {
		if err := s.Put(t.Context(), at(r+1)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// wantStored checks that key/a is at revision rev, or not there.
func wantStored(t *testing.T, s keystore.Store, rev uint64) {
	t.Helper()
	r, err := s.Get(t.Context(), "key/a")
	if rev == 0 && errors.Is(err, keystore.ErrNotFound) {
		return
	}
	if err != nil || r.Rev != rev || !bytes.Equal(r.Data, at(rev).Data) {
		t.Errorf("stored: revision %d, %q, %v, want revision %d", r.Rev, r.Data, err, rev)
	}
}

// TestConnectionLost loses the connection before and after each kind of write
// is carried out. Nobody makes it again, whatever the driver calls the loss, and
// nobody claims to know what came of it.
func TestConnectionLost(t *testing.T) {
	for _, w := range writes {
		for _, cause := range []error{driver.ErrBadConn, io.EOF} {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprint(w.verb, cause, done), func(t *testing.T) {
					db, want := newFake(), w.was
					s := holding(t, db, w.was)
					if done {
						db.after, want = once(w.verb, cause), w.is
					} else {
						db.before = once(w.verb, cause)
					}
					wantUnknown(t, w.call(t.Context(), s), cause)
					wantStored(t, s, want)
				})
			}
		}
	}
}

// TestRefusedWrites has the server answer with an error.
func TestRefusedWrites(t *testing.T) {
	for _, w := range writes {
		db := newFake()
		s := holding(t, db, w.was)
		db.before = once(w.verb, errRefused)
		wantUnknown(t, w.call(t.Context(), s), errRefused)
		wantStored(t, s, w.was)
	}
}

// TestRefusedCreate tells by what is stored why an INSERT was refused.
func TestRefusedCreate(t *testing.T) {
	row := func(rev int64, data string) fakeRow { return fakeRow{rev, []byte(data)} }
	for name, c := range map[string]struct {
		stored fakeRow
		look   error // what comes of it
		want   error
	}{
		"another's record":         {row(1, "other"), nil, keystore.ErrConflict},
		"another's, replaced":      {row(2, "v1"), nil, keystore.ErrConflict},
		"ours, behind a proxy":     {row(1, "v1"), nil, errRefused},
		"damaged":                  {row(-1, "other"), nil, keystore.ErrCorrupt},
		"the connection has ended": {row(1, "other"), driver.ErrBadConn, errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			db := newFake()
			s := db.open(t)
			db.rows["key/a"] = c.stored
			if c.look != nil {
				db.before = once("SELECT", c.look)
			}
			err := s.Put(t.Context(), at(1))
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if c.want == errRefused {
				wantUnknown(t, err, errRefused)
			}
			if got := db.rows["key/a"]; !reflect.DeepEqual(got, c.stored) {
				t.Errorf("stored: %v", got)
			}
		})
	}
}

// TestRowCounts has a table with two rows under one key.
func TestRowCounts(t *testing.T) {
	for _, w := range writes[1:] {
		db := newFake()
		s := holding(t, db, w.was)
		db.affected = 1
		err := w.call(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "2 rows changed") {
			t.Errorf("%s: %v", w.verb, err)
		}
	}
}

// TestDeleteBehindCreate has the record come when the DELETE has found none, once or
// every time. That it was another revision would not be true at any moment.
func TestDeleteBehindCreate(t *testing.T) {
	for _, times := range []int{1, math.MaxInt} {
		db := newFake()
		s := db.open(t)
		db.before = func(query string) error {
			if times > 0 && strings.HasPrefix(query, "DELETE") {
				clear(db.rows)
			}
			return nil
		}
		db.after = func(query string) error {
			if times > 0 && strings.HasPrefix(query, "DELETE") {
				db.rows["key/a"] = fakeRow{int64(1), []byte("v1")}
				times--
			}
			return nil
		}
		err := s.Delete(t.Context(), "key/a", 1)
		if always := times > 0; always == (err == nil) || always == (len(db.rows) == 0) {
			t.Errorf("every time %v: %v, %d records left", always, err, len(db.rows))
		}
		wantUnknown(t, err, err)
	}
}

// TestReadsAgain loses the connection of reads, which pass over to another.
func TestReadsAgain(t *testing.T) {
	db := newFake()
	s := holding(t, db, 1)
	db.before = once("SELECT", driver.ErrBadConn)
	wantStored(t, s, 1)
	db.before = once("SELECT", driver.ErrBadConn)
	if page, err := s.List(t.Context(), "", "", 1000); err != nil || len(page) != 1 {
		t.Errorf("List: %d records, %v", len(page), err)
	}
	db.before = once("SELECT", io.EOF)
	_, err := s.Get(t.Context(), "key/a")
	wantUnknown(t, err, io.EOF)
}

// TestOutlives cancels every call while the driver hangs: they return, and Close
// waits for what they left behind.
func TestOutlives(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, s keystore.Store) error{
		"Put":    func(ctx context.Context, s keystore.Store) error { return s.Put(ctx, at(2)) },
		"Delete": func(ctx context.Context, s keystore.Store) error { return s.Delete(ctx, "key/a", 1) },
		"Get": func(ctx context.Context, s keystore.Store) error {
			_, err := s.Get(ctx, "key/a")
			return err
		},
		"List": func(ctx context.Context, s keystore.Store) error {
			_, err := s.List(ctx, "", "", 1000)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := newFake()
			s := holding(t, db, 1)
			gate, reached := make(chan struct{}), make(chan struct{}, 10)
			db.before = func(string) error {
				reached <- struct{}{}
				<-gate
				return nil
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-reached
				cancel()
			}()
			wantUnknown(t, call(ctx, s), context.Canceled)
			closed := make(chan error)
			go func() { closed <- s.Store.Close() }()
			select {
			case <-closed:
				t.Error("Close does not wait for the statement")
			case <-time.After(10 * time.Millisecond):
			}
			close(gate)
			if err := <-closed; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCallersData changes data behind a Put that was cancelled: what is written
// later is what was given.
func TestCallersData(t *testing.T) {
	db := newFake()
	s := holding(t, db, 1)
	gate := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	db.before = func(string) error {
		cancel()
		<-gate
		return nil
	}
	r := at(2)
	wantUnknown(t, s.Put(ctx, r), context.Canceled)
	clear(r.Data)
	close(gate)
	s.Store.Close()
	if got := db.rows["key/a"]; !reflect.DeepEqual(got, fakeRow{int64(2), at(2).Data}) {
		t.Errorf("stored: %v", got)
	}
}

// A lateCtx ends without a sign, so that a driver is the first to notice.
type lateCtx struct {
	context.Context
	ended bool
}

func (c *lateCtx) Err() error {
	if c.ended {
		return context.Canceled
	}
	return nil
}

// TestDriversOwnErrors has a driver that notices the end of ctx and calls it
// something else.
func TestDriversOwnErrors(t *testing.T) {
	db := newFake()
	s := holding(t, db, 1)
	ctx := &lateCtx{Context: context.Background()}
	db.before = func(string) error {
		ctx.ended = true
		return errRefused
	}
	_, err := s.Get(ctx, "key/a")
	wantUnknown(t, err, context.Canceled)
	ctx.ended = false
	wantUnknown(t, s.Put(ctx, at(2)), context.Canceled)
}

// TestSignedRevisions has revisions in the table that no record has, and such
// that have no successor there.
func TestSignedRevisions(t *testing.T) {
	for _, c := range []struct {
		stored      int64
		put, delete uint64
		want        error
	}{
		{math.MaxInt64, 1 << 63, 1 << 63, keystore.ErrConflict},
		{math.MinInt64, 1<<63 + 1, 1 << 63, keystore.ErrCorrupt},
		{-1, math.MaxUint64, math.MaxUint64, keystore.ErrCorrupt},
		{0, 1, 0, keystore.ErrCorrupt},
	} {
		db := newFake()
		s := db.open(t)
		stored := fakeRow{c.stored, []byte("v")}
		db.rows["key/a"] = stored
		err := s.Put(t.Context(), at(c.put))
		if !errors.Is(err, keystore.ErrConflict) && !errors.Is(err, keystore.ErrCorrupt) {
			t.Errorf("Put at %d over %d: %v", c.put, c.stored, err)
		}
		if err := s.Delete(t.Context(), "key/a", c.delete); !errors.Is(err, c.want) {
			t.Errorf("Delete at %d of %d: %v, want %v", c.delete, c.stored, err, c.want)
		}
		if got := db.rows["key/a"]; !reflect.DeepEqual(got, stored) {
			t.Errorf("stored: %v, was %v", got, stored)
		}
	}
}

// An unseen is a context whose end comes too late for who waits for it, as on a
// busy machine.
type unseen struct{ context.Context }

func (unseen) Done() <-chan struct{} { return nil }

// TestLateSuccess has writes succeed although ctx is done: PostgreSQL says so of
// a commit whose wait for a standby was cancelled.
func TestLateSuccess(t *testing.T) {
	for _, w := range writes {
		db := newFake()
		s := holding(t, db, w.was)
		ctx, cancel := context.WithCancel(t.Context())
		db.after = func(query string) error {
			if strings.HasPrefix(query, w.verb) {
				cancel()
			}
			return nil
		}
		wantUnknown(t, w.call(unseen{ctx}, s), context.Canceled)
		wantStored(t, s, w.is)
	}
}

// TestNothingCreated has an INSERT succeed that has added nothing.
func TestNothingCreated(t *testing.T) {
	db := newFake()
	s := db.open(t)
	db.affected = -1
	if err := s.Put(t.Context(), at(1)); err == nil || !strings.Contains(err.Error(), "no row was added") {
		t.Errorf("error %v", err)
	}
}
