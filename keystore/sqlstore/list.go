package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/embedkms/kms/keystore"
)

// List implements keystore.Store. A page ends early at 4 MiB of data.
func (s *Store) List(
	ctx context.Context, prefix, after string, limit int,
) ([]keystore.Record, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	if err := keystore.CheckList(limit); err != nil {
		return nil, err
	}
	b, ok := boundsOf(prefix, after)
	if !ok {
		return nil, nil
	}
	return detach(ctx, s, func() ([]keystore.Record, error) { return s.list(ctx, b, limit) })
}

func (s *Store) list(ctx context.Context, b bounds, limit int) ([]keystore.Record, error) {
	for {
		n, err := s.fit(ctx, b, limit)
		if err != nil || n == 0 {
			return nil, err
		}
		page, last, err := s.page(ctx, b, n)
		if err != nil {
			return nil, err
		}
		if len(page) > 0 || last == "" {
			return page, nil
		}
		// All of them were strangers' rows, and there may be more.
		from, ok := above(last)
		if !ok || from >= b.to {
			return nil, nil
		}
		b.from = from
	}
}

// fit returns how many rows make a page. To find out while reading them would be
// late: a driver that stops reading still has all the rest sent to it.
func (s *Store) fit(ctx context.Context, b bounds, limit int) (int, error) {
	if limit <= keystore.PageData/keystore.MaxData {
		return limit, nil
	}
	rows, err := s.db.QueryContext(ctx, s.stmts.sizes, b.from, b.to, limit)
	if err != nil {
		return 0, fail(ctx, err)
	}
	defer rows.Close()
	n, size := 0, int64(0)
	for rows.Next() {
		var length sql.NullInt64
		if err := rows.Scan(&length); err != nil {
			return 0, fail(ctx, err)
		}
		if size >= keystore.PageData {
			continue
		}
		n++
		if length.Int64 <= keystore.MaxData {
			size += length.Int64
		}
	}
	if err := rows.Err(); err != nil {
		return 0, fail(ctx, err)
	}
	return n, nil
}

// page reads up to n rows, and returns the records in them and the last key,
// which need not be a record's.
func (s *Store) page(
	ctx context.Context, b bounds, n int,
) (page []keystore.Record, last string, err error) {
	rows, err := s.db.QueryContext(ctx, s.stmts.list, b.from, b.to, n)
	if err != nil {
		return nil, "", fail(ctx, err)
	}
	defer rows.Close()
	size := 0
	for size < keystore.PageData && rows.Next() {
		var rev any
		var data []byte
		if err := rows.Scan(&last, &rev, &data); err != nil {
			return nil, "", fail(ctx, err)
		}
		if keystore.CheckKey(last) != nil {
			continue
		}
		r, err := decode(last, rev, data)
		if err != nil {
			r = keystore.Record{Key: last} // Get says more
		}
		page = append(page, r)
		size += len(r.Data)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fail(ctx, err)
	}
	return page, last, nil
}

// bounds are a range of keys, to not included. They are made of the bytes that
// keys have and up to two more, all ASCII, so that no database refuses them,
// whatever prefix and after are.
type bounds struct{ from, to string }

// alphabet is what keys are made of, in order.
const alphabet = "-/0123456789_abcdefghijklmnopqrstuvwxyz"

// boundsOf returns the range of the keys that start with prefix and are greater
// than after, and false if there can be none.
func boundsOf(prefix, after string) (bounds, bool) {
	if len(prefix) > keystore.MaxKey || strings.Trim(prefix, alphabet) != "" {
		return bounds{}, false
	}
	to, ok := beyond(prefix)
	if !ok {
		to = "{" // comes after z
	}
	from, ok := above(after)
	b := bounds{max(prefix, from), to}
	return b, ok && b.from < b.to
}

// above returns a string that is greater than after and not greater than any
// key that is. It returns false if no key is.
func above(after string) (string, bool) {
	for i := range min(len(after), keystore.MaxKey) {
		if strings.IndexByte(alphabet, after[i]) >= 0 {
			continue
		}
		for j := range len(alphabet) {
			if alphabet[j] > after[i] {
				return after[:i] + alphabet[j:j+1], true
			}
		}
		return beyond(after[:i])
	}
	if len(after) > keystore.MaxKey {
		return beyond(after[:keystore.MaxKey])
	}
	return after + alphabet[:1], true
}

// beyond returns the least string that is greater than all that start with
// prefix, which is of the alphabet, and false if there is none.
func beyond(prefix string) (string, bool) {
	if prefix == "" {
		return "", false
	}
	last := len(prefix) - 1
	return prefix[:last] + string(rune(prefix[last]+1)), true
}
