// Package crash_test crashes key stores, and looks whether what they had
// acknowledged is there: processes and servers that are killed, power cuts, and
// full disks.
package crash_test

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

func TestMain(m *testing.M) { target.Main(m) }

const (
	recovery = 5 * time.Second // may pass until writes go on
	patience = time.Minute     // until that counts as never
)

// A subject is a store on files, in a folder that may be on any file system.
type subject struct {
	name string
	open func(t testing.TB, dir string) target.Store
}

// subjects are the stores on files that are proven.
func subjects() []subject {
	var some []subject
	for _, x := range target.All() {
		if x.OnFiles() {
			some = append(some, subject{x.Name, func(t testing.TB, dir string) target.Store {
				return x.In(dir).Open(t)
			}})
		}
	}
	return some
}

// In the process that is to crash, dirVar is the folder of its store and roundVar
// makes its keys new ones.
const (
	dirVar   = "CRASH_TEST_DIR"
	roundVar = "CRASH_TEST_ROUND"
)

// child returns the command that runs the calling test again, as the process that
// is to crash.
func child(t *testing.T, dir string, round int) *exec.Cmd {
	t.Helper()
	return proof.Again(t, dirVar+"="+dir, roundVar+"="+strconv.Itoa(round))
}

// asChild returns what child was given, in that process.
func asChild(t *testing.T) (dir string, round int, yes bool) {
	t.Helper()
	dir = os.Getenv(dirVar)
	if dir == "" {
		return "", 0, false
	}
	round, err := strconv.Atoi(os.Getenv(roundVar))
	if err != nil {
		t.Fatal(err)
	}
	return dir, round, true
}

// writeUntilKilled loads a store and prints what it acknowledges.
func writeUntilKilled(t *testing.T, s keystore.Store, round int) {
	t.Helper()
	o := ackload.Options{Round: round, Note: ackload.Print(os.Stdout), Limit: time.Minute}
	if err := ackload.Run(context.Background(), s, &o); err != nil {
		t.Fatal(err)
	}
}

// killSoon runs a child, and kills it a moment after it has acknowledged something
// for the nth time, where n is left to chance, up to most. read reads what the
// child prints, to the end, and calls acked.
func killSoon(t *testing.T, cmd *exec.Cmd, most int, read func(r io.Reader, acked func()) error) {
	t.Helper()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { cmd.Process.Kill() }
	defer time.AfterFunc(patience, kill).Stop()
	left := 1 + rand.IntN(most)
	err = read(pipe, func() {
		if left--; left == 0 {
			time.AfterFunc(rand.N(2*time.Millisecond), kill)
		}
	})
	kill()
	cmd.Wait()
	if err != nil || left > 0 {
		t.Fatalf("the process ended before it was to be killed: %v", err)
	}
}

// check compares a store with the ledger.
func check(t *testing.T, ledger *ackload.Ledger, s keystore.Store) ackload.Result {
	t.Helper()
	result, err := ledger.Check(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// wantNone wants checks that have found nothing.
func wantNone(t *testing.T, found ackload.Result) {
	t.Helper()
	for _, problem := range found.Problems {
		t.Error(problem)
	}
}
