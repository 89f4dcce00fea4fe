//go:build amd64 || arm64

package crash_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// maxTries bounds how often a store with a bug crashes before it is caught, which
// takes a few times.
const maxTries = 100

// TestPlanted has stores with the bugs that the other tests of this package are to
// catch, and wants them caught. The same store without a bug must not be.
func TestPlanted(t *testing.T) {
	for _, c := range []struct {
		subject
		caught func(t *testing.T, x subject) (tries int, found ackload.Result)
	}{
		{subject{"rename without fsync", flaws{noFileSync: true}.open}, cutUntilCaught},
		{subject{"no fsync of the directory", flaws{noDirSync: true}.open}, cutUntilCaught},
		{subject{"no fsync of the directory for a new file", flaws{noNewSync: true}.open}, cutUntilCaught},
		// ext4 commits the truncation with what is written after it, so only a kill
		// comes between the two.
		{subject{"write in place", flaws{inPlace: true}.open}, killUntilCaught},
		{subject{"SQLite without fsync of each commit", openWeakSQLite}, cutUntilCaught},
	} {
		t.Run(c.name, func(t *testing.T) {
			if dir, round, yes := asChild(t); yes {
				writeUntilKilled(t, c.open(t, dir), round)
				return
			}
			tries, found := c.caught(t, c.subject)
			if found.Lost+found.Corrupt == 0 {
				t.Fatalf("not caught in %d crashes", tries)
			}
			proof.Report(t, "caught by crash %d, %d lost, %d corrupt, such as: %v",
				tries, found.Lost, found.Corrupt, found.Problems[0])
		})
	}
}

// A weakSQLite is a store with a database that ends with it.
type weakSQLite struct {
	*sqlstore.Store
	db *sql.DB
}

func (s weakSQLite) Close() error { return errors.Join(s.Store.Close(), s.db.Close()) }

// openWeakSQLite opens a store of sqlstore's, with a setting that it refuses.
func openWeakSQLite(t testing.TB, dir string) target.Store {
	t.Helper()
	for _, x := range target.All() {
		if x.Driver != "sqlite" {
			continue
		}
		p := x.In(dir)
		p.Source = strings.Replace(p.Source, "synchronous(FULL)", "synchronous(NORMAL)", 1)
		db := p.OpenDB(t)
		s, err := sqlstore.New(db, &sqlstore.Options{AutoCreate: true, AllowWeakDurability: true})
		if err != nil {
			t.Fatal(err)
		}
		return weakSQLite{s, db}
	}
	t.Fatal("no SQLite")
	return nil
}

// TestNoBug has the store of TestPlanted without a bug.
func TestNoBug(t *testing.T) {
	x := subject{"no bug", flaws{}.open}
	if dir, round, yes := asChild(t); yes {
		writeUntilKilled(t, x.open(t, dir), round)
		return
	}
	r := record(t, x, 0)
	var sum ackload.Result
	acked := 0
	for range perLoad {
		found, n := r.cut(t)
		sum.Add(found)
		acked += n
	}
	wantNone(t, sum)
	proof.Report(t, "%d power cuts, %d writes acknowledged before them, %d lost, %d corrupt",
		perLoad, acked, sum.Lost, sum.Corrupt)
}

func cutUntilCaught(t *testing.T, x subject) (tries int, found ackload.Result) {
	var r *recording
	for ; tries < maxTries && found.Lost+found.Corrupt == 0; tries++ {
		if tries%perLoad == 0 {
			r = record(t, x, tries/perLoad)
		}
		found, _ = r.cut(t)
	}
	return tries, found
}

func killUntilCaught(t *testing.T, x subject) (tries int, found ackload.Result) {
	dir := t.TempDir()
	var ledger ackload.Ledger
	for ; tries < maxTries && found.Lost+found.Corrupt == 0; tries++ {
		killLoad(t, x, dir, tries, &ledger)
		found = check(t, &ledger, x.open(t, dir))
	}
	return tries, found
}
