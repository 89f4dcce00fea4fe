package sqlstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/keystore"
)

// TestCheck finds what became worse since New, and nothing else.
func TestCheck(t *testing.T) {
	db := newFake()
	s := db.open(t)
	writes := 0
	db.before = func(query string) error {
		if !strings.HasPrefix(query, "SELECT") {
			writes++
		}
		return nil
	}
	if found := s.Check(t.Context()); len(found) > 0 || writes > 0 {
		t.Errorf("%v, %d writes", found, writes)
	}
	for want, answers := range map[string]func(){
		"fsync is off": func() { with(db.answers, "pg_is_in_recovery", false, "on", "off", "on") },
		"is a standby": func() { with(db.answers, "pg_is_in_recovery", true, "on", "on", "on") },
		"run: CREATE":  func() { delete(db.answers, "pg_catalog.pg_class") },
	} {
		db.answers = postgres()
		answers()
		if found := s.Check(t.Context()); len(found) != 1 || !strings.Contains(found[0].Error(), want) {
			t.Errorf("%s: %v", want, found)
		}
	}
	db.before = func(string) error { return errRefused }
	if found := s.Check(t.Context()); len(found) != 1 || !errors.Is(found[0], errRefused) {
		t.Errorf("refused: %v", found)
	}
	s.Close()
	if found := s.Check(t.Context()); len(found) != 1 || !errors.Is(found[0], keystore.ErrClosed) {
		t.Errorf("closed: %v", found)
	}
}
