package sqlstore

import (
	"context"
)

// Check implements keystore.Checker. It finds what New would refuse: settings
// that were weakened since, a replica, a table that was replaced.
func (s *Store) Check(ctx context.Context) []error {
	if err := s.enter(ctx); err != nil {
		return []error{err}
	}
	defer s.calls.Done()
	_, err := detach(ctx, s, func() (struct{}, error) {
		c, err := s.db.Conn(ctx)
		if err != nil {
			return struct{}{}, fail(ctx, err)
		}
		defer c.Close()
		return struct{}{}, s.examine(ctx, c, false)
	})
	if err != nil {
		return []error{err}
	}
	return nil
}
