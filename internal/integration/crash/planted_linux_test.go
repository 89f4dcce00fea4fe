//go:build amd64 || arm64 // for which go-fuse compiles

package crash_test

import (
	"testing"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/integration/proof"
)

// maxTries bounds how often a store with a bug crashes before it is caught, which
// takes a few times.
const maxTries = 100

// TestPlanted has stores with the bugs that the other tests of this package are to
// catch, and wants them caught. The same store without a bug must not be.
func TestPlanted(t *testing.T) {
	for _, c := range []struct {
		name string
		flaws
		caught func(t *testing.T, x subject) (tries int, found ackload.Result)
	}{
		{"rename without fsync", flaws{noFileSync: true}, cutUntilCaught},
		{"no fsync of the directory", flaws{noDirSync: true}, cutUntilCaught},
		// The journal of ext4 has the cut and the write in one transaction here.
		{"write in place", flaws{inPlace: true}, killUntilCaught},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := subject{c.name, c.open}
			if dir, round, yes := asChild(t); yes {
				writeUntilKilled(t, x.open(t, dir), round)
				return
			}
			tries, found := c.caught(t, x)
			if found.Lost+found.Corrupt == 0 {
				t.Fatalf("not caught in %d crashes", tries)
			}
			proof.Report(t, "%s: caught by crash %d, %d lost, %d corrupt, such as: %v",
				c.name, tries, found.Lost, found.Corrupt, found.Problems[0])
		})
	}
}

// TestNoBug has the store of TestPlanted without a bug.
func TestNoBug(t *testing.T) {
	x := subject{"no bug", flaws{}.open}
	if dir, round, yes := asChild(t); yes {
		writeUntilKilled(t, x.open(t, dir), round)
		return
	}
	r := record(t, x, 0)
	for range perLoad {
		found, _ := r.cut(t)
		wantNone(t, found)
	}
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
