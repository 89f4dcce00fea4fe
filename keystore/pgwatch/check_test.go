package pgwatch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// Check finds triggers that were changed since New, which no call shows: the other
// processes see changes late, that is all.
func TestCheck(t *testing.T) {
	p := newPlace(sharedServer(t))
	s := p.open(t)
	for _, c := range []struct{ change, want string }{
		{change: "INSERT INTO %s VALUES ('key/a', 1, 'v')"},
		{"ALTER TABLE %s DISABLE TRIGGER kms_watch", "ENABLE TRIGGER kms_watch"},
		{change: "ALTER TABLE %s ENABLE TRIGGER kms_watch"},
		{"DROP TRIGGER kms_watch_truncate ON %s", "run: CREATE OR REPLACE FUNCTION kms_watch()"},
		{"ALTER TABLE %s SET UNLOGGED; ALTER TABLE %s DISABLE TRIGGER USER", "emptied by a crash"},
	} {
		p.exec(t, c.change)
		found := s.Check(t.Context())
		if err := errors.Join(found...); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.change, err, c.want)
		}
	}
	if found := s.Check(t.Context()); len(found) != 2 {
		t.Errorf("of the table and the triggers: %v", found)
	}
	must(t, s.Close())
	if found := s.Check(t.Context()); len(found) != 1 || !errors.Is(found[0], keystore.ErrClosed) {
		t.Errorf("closed: %v", found)
	}
}
