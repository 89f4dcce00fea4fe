// Package stores_test runs the drivers that need a database on real ones.
package stores_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
)

func TestMain(m *testing.M) { target.Main(m) }

// databases returns the targets that are SQL databases.
func databases() []*target.Target {
	var found []*target.Target
	for _, x := range target.All() {
		if x.Driver != "" {
			found = append(found, x)
		}
	}
	return found
}

// each runs f on every database.
func each(t *testing.T, f func(t *testing.T, x *target.Target)) {
	for _, x := range databases() {
		t.Run(x.Name, func(t *testing.T) { f(t, x) })
	}
}

// sqlite returns the target that is SQLite.
func sqlite() *target.Target { return databases()[0] }

// exec runs statements in which %s is the table.
func exec(t testing.TB, db *sql.DB, table string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(strings.ReplaceAll(statement, "%s", table)); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
