package filestore

import (
	"context"
	"fmt"
	"os"

	"github.com/embedkms/kms/keystore"
)

// Check implements keystore.Checker. It finds what Open would refuse, and
// temporary files that writers who were killed have left: the next Open removes
// them.
func (s *Store) Check(ctx context.Context) []error {
	if err := s.enter(ctx); err != nil {
		return []error{err}
	}
	defer s.calls.Done()
	var found []error
	for _, err := range []error{s.checkLayout(), s.checkTemps(ctx)} {
		if err != nil {
			found = append(found, err)
		}
	}
	return found
}

// checkLayout checks what Open does, of a directory that is a store.
func (s *Store) checkLayout() error {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil // which List says
	}
	if err := s.checkLinks(entries); err != nil {
		return err
	}
	if ok, err := s.formatted(); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("filestore: %s has lost its %s: restore it, or the store does "+
			"not open again", s.dir, formatName)
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return wrap(err)
	}
	return s.checkMode(info)
}

// checkTemps looks for temporary files, and looks again while no writer is at
// work: those that are there then are nobody's. A folder that cannot be read is
// left to List.
func (s *Store) checkTemps(ctx context.Context) error {
	if temps, _ := s.temps(); len(temps) == 0 {
		return nil
	}
	return s.exclusive(ctx, func() error {
		temps, _ := s.temps()
		if len(temps) == 0 {
			return nil
		}
		return fmt.Errorf("%w: %d temporary files, such as %s: the next Open removes them",
			keystore.ErrLeftover, len(temps), temps[0])
	})
}
