package pgwatch

import (
	"context"

	"github.com/embedkms/kms/keystore"
)

var _ keystore.Checker = (*Store)(nil)

// Check implements keystore.Checker. It finds what New would refuse, beside what
// only a write shows: triggers that are disabled or gone tell nobody so, and leave
// MaxStale as the bound. It makes a connection.
func (s *Store) Check(ctx context.Context) []error {
	ctx, end, err := s.enter(ctx)
	if err != nil {
		return []error{err}
	}
	defer end()
	found := s.Store.Check(ctx)
	if err := s.checkTriggers(ctx); err != nil {
		found = append(found, fail(ctx, err))
	}
	return found
}

func (s *Store) checkTriggers(ctx context.Context) error {
	l, err := s.dial(ctx, func(string) {})
	if err != nil {
		return err
	}
	defer l.close()
	return l.openTriggers(ctx, s.table, false)
}
