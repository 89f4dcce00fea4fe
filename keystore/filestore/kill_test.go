package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/ackload"
)

// In the process that is to be killed, killVar is the directory of its store
// and roundVar makes its keys new ones.
const (
	killVar  = "FILESTORE_TEST_KILL"
	roundVar = "FILESTORE_TEST_ROUND"
)

const kills = 20

// TestKill kills a process that writes, again and again, at a random point. It
// says what was acknowledged through a pipe, and all of that must be there.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killVar); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	var ledger ackload.Ledger
	for round := range kills {
		killOnce(t, dir, round, &ledger)
		s := openStore(t, dir)
		result, err := ledger.Check(t.Context(), s)
		if err := errors.Join(append(result.Problems, err)...); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		s.Close()
		noTemps(t, dir)
	}
	t.Logf("%d kills, %d acknowledged writes", kills, ledger.Acked())
}

// killOnce starts the writer, kills it and notes what it acknowledged.
func killOnce(t *testing.T, dir string, round int, ledger *ackload.Ledger) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestKill$", "-test.count=1")
	cmd.Env = append(os.Environ(), killVar+"="+dir, fmt.Sprint(roundVar, "=", round))
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := ledger.Acked()
	err = ackload.Scan(pipe, func(e ackload.Event) {
		if ledger.Note(e); !e.Going && ledger.Acked() == before+1 {
			time.AfterFunc(rand.N(50*time.Millisecond), func() { cmd.Process.Kill() })
		}
	})
	if err != nil || ledger.Acked() == before {
		t.Errorf("round %d: %d writes, %v", round, ledger.Acked()-before, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
}

// writeUntilKilled is the process that is to be killed.
func writeUntilKilled(t *testing.T, dir string) {
	round, err := strconv.Atoi(os.Getenv(roundVar))
	if err != nil {
		t.Fatal(err)
	}
	o := ackload.Options{Round: round, Note: ackload.Print(os.Stdout)}
	if err := ackload.Run(context.Background(), openStore(t, dir), &o); err != nil {
		t.Fatal(err)
	}
}
