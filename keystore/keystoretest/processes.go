package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

// In a worker process, workerVar is its number and locationVar what the parent
// passed to RunProcesses.
const (
	workerVar   = "KEYSTORETEST_WORKER"
	locationVar = "KEYSTORETEST_LOCATION"
)

const (
	workers   = 4
	perWorker = 40 // increments
	creates   = 20 // that all workers race for
)

// RunProcesses checks that several processes can use the store at location at
// once and lose nothing. It starts the test binary again, four times, to run
// the test that called it: there RunProcesses opens the parent's location and
// does a worker's part. What the test does before it calls RunProcesses, it
// does in every worker too.
func RunProcesses(
	t *testing.T, location string, open func(t *testing.T, location string) keystore.Store,
) {
	if worker := os.Getenv(workerVar); worker != "" {
		s := open(t, os.Getenv(locationVar))
		if err := work(t.Context(), s, worker); err != nil {
			t.Fatalf("worker %s: %v", worker, err)
		}
		return
	}
	supervise(t, t.Name(), location, open(t, location))
}

// supervise runs the workers in the test called name and checks what they did.
func supervise(t tester, name, location string, s keystore.Store) {
	t.Helper()
	r := &rig{tester: t, ctx: context.Background()}
	r.put(s, "counter", 1, "0")
	done := make(chan error, workers)
	for i := range workers {
		go func() { done <- runWorker(name, location, i) }()
	}
	// They begin together, once all are there.
	for i := range workers {
		if err := await(r.ctx, s, fmt.Sprintf("ready/%d", i)); err != nil {
			t.Errorf("%v", err)
			break
		}
	}
	r.put(s, "begin", 1, "now")
	var failed error
	for range workers { // all of them: none may still write when the test has ended
		failed = errors.Join(failed, <-done)
	}
	if failed != nil {
		t.Fatalf("%v", failed)
	}
	r.stored(s, "counter", workers*perWorker+1, strconv.Itoa(workers*perWorker))
	created := 0
	for i := range workers {
		result, err := s.Get(r.ctx, fmt.Sprintf("result/%d", i))
		if err != nil {
			t.Fatalf("result of worker %d: %v", i, err)
		}
		n, _ := strconv.Atoi(string(result.Data))
		created += n
	}
	if created != creates {
		t.Errorf("%d creates of %d records succeeded", created, creates)
	}
	if n := len(r.scan(s, "create/", 7)); n != creates {
		t.Errorf("List has %d of %d records", n, creates)
	}
}

func runWorker(name, location string, i int) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var pattern []string
	for segment := range strings.SplitSeq(name, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(segment)+"$")
	}
	cmd := exec.Command(exe, "-test.run="+strings.Join(pattern, "/"), "-test.count=1")
	cmd.Env = append(os.Environ(), workerVar+"="+strconv.Itoa(i), locationVar+"="+location)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("worker %d: %w\n%s", i, err, out)
	} else if bytes.Contains(out, []byte("no tests to run")) {
		return fmt.Errorf("worker %d found no test %s", i, name)
	}
	return nil
}

// work is a worker's part: increments of one counter and a race for creates.
// Its result is the number of creates it won.
func work(ctx context.Context, s keystore.Store, worker string) error {
	if err := s.Put(ctx, record("ready/"+worker, 1, "yes")); err != nil {
		return err
	}
	if err := await(ctx, s, "begin"); err != nil {
		return err
	}
	won := 0
	for i := range perWorker {
		if err := increment(ctx, s, "counter"); err != nil {
			return err
		}
		if i >= creates {
			continue
		}
		err := s.Put(ctx, record(fmt.Sprintf("create/%d", i), 1, worker))
		if err == nil {
			won++
		} else if !errors.Is(err, keystore.ErrConflict) {
			return err
		}
	}
	return s.Put(ctx, record("result/"+worker, 1, strconv.Itoa(won)))
}

// await waits for a record that another process writes.
func await(ctx context.Context, s keystore.Store, key string) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		_, err := s.Get(ctx, key)
		if err == nil {
			return nil
		}
		if !errors.Is(err, keystore.ErrNotFound) {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("no process wrote %s within a minute", key)
		}
	}
}
