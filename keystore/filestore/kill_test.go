package filestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// In the process that is to be killed, killVar is the directory of its store
// and roundVar makes its keys new ones.
const (
	killVar  = "FILESTORE_TEST_KILL"
	roundVar = "FILESTORE_TEST_ROUND"
)

const (
	kills   = 20
	writers = 4
)

// TestKill kills a process that writes, again and again, at a random point. It
// says what was acknowledged through a pipe, and all of that must be there.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killVar); dir != "" {
		writeUntilKilled(t, dir, os.Getenv(roundVar))
		return
	}
	dir := t.TempDir()
	acked := make(map[string]uint64) // revisions by key; 0 is deleted
	total := 0
	for round := range kills {
		total += killOnce(t, dir, round, acked)
		s := openStore(t, dir)
		for key, rev := range acked {
			acked[key] = checkAcked(t, s, key, rev)
		}
		page, err := s.List(t.Context(), "", "", keystore.MaxLimit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if string(r.Data) != content(r.Key, r.Rev) {
				t.Errorf("round %d: List has %s at %d: %.40q", round, r.Key, r.Rev, r.Data)
			}
		}
		s.Close()
		noTemps(t, dir)
	}
	t.Logf("%d kills, %d acknowledged writes", kills, total)
	if total < kills {
		t.Errorf("only %d writes: nothing was tested", total)
	}
}

// killOnce starts the writer, kills it and notes what it acknowledged.
func killOnce(t *testing.T, dir string, round int, acked map[string]uint64) int {
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
	n, lines := 0, bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // what it was writing when it died does not count
			break
		}
		var key string
		var rev uint64
		if _, err := fmt.Sscanf(line, "ack %s %d", &key, &rev); err != nil {
			t.Errorf("round %d: the writer says %q", round, line)
			break
		}
		if n++; n == 1 {
			wait := time.Duration(rand.IntN(30_000)) * time.Microsecond
			time.AfterFunc(wait, func() { cmd.Process.Kill() })
		}
		acked[key] = rev
	}
	io.Copy(io.Discard, lines)
	cmd.Wait()
	return n
}

// checkAcked wants a record at the acknowledged revision, or at the next one,
// whose acknowledgement the kill cut off. It returns the revision that is there.
func checkAcked(t *testing.T, s *filestore.Store, key string, rev uint64) uint64 {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	gone := errors.Is(err, keystore.ErrNotFound)
	switch {
	case rev == 0 && !gone:
		t.Errorf("%s is back at %d after its deletion, %v", key, r.Rev, err)
	case rev == 0, gone && strings.HasPrefix(key, "passing/"): // deleted, not acknowledged
	case err != nil:
		t.Errorf("%s at %d is lost: %v", key, rev, err)
	case r.Rev != rev && r.Rev != rev+1:
		t.Errorf("%s is at %d, acknowledged was %d", key, r.Rev, rev)
	case string(r.Data) != content(key, r.Rev):
		t.Errorf("%s at %d is %.40q", key, r.Rev, r.Data)
	}
	return r.Rev
}

// content is what belongs into a record: up to 10 KiB, so that a torn file shows.
func content(key string, rev uint64) string {
	return strings.Repeat(fmt.Sprintf("%s at %d, ", key, rev), 1+int(rev%7)*100)
}

// writeUntilKilled replaces, creates and deletes records.
func writeUntilKilled(t *testing.T, dir, round string) {
	s := openStore(t, dir)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			if err := writeForEver(s, w, round); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
}

func writeForEver(s *filestore.Store, w int, round string) error {
	ctx := context.Background()
	key := fmt.Sprintf("key/%d", w)
	old, err := s.Get(ctx, key)
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return err
	}
	write := func(key string, rev uint64) {
		if err == nil || errors.Is(err, keystore.ErrNotFound) {
			r := keystore.Record{Key: key, Rev: rev, Data: []byte(content(key, rev))}
			if err = s.Put(ctx, r); err == nil {
				fmt.Printf("ack %s %d\n", key, rev)
			}
		}
	}
	for i := uint64(1); ; i++ {
		passing := fmt.Sprintf("passing/%s-%d-%d", round, w, i)
		write(key, old.Rev+i)
		write(passing, 1)
		if err != nil {
			return err
		}
		if err = s.Delete(ctx, passing, 1); err != nil {
			return err
		}
		fmt.Printf("ack %s 0\n", passing)
	}
}
