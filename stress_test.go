package kms_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/filestore"
)

var stress = flag.Duration("stress", 2*time.Second, "how long TestStress runs")

const (
	stressProcesses  = 4
	stressGoroutines = 32
	stressEnv        = "KMS_STRESS"
	stressAliases    = 4
)

// A stressJob is what a worker process of TestStress is asked to do.
type stressJob struct {
	Dir, Key, Log string
	For           time.Duration
}

// A stressReport is what it has done.
type stressReport struct {
	Encrypted, Decrypted, Rotated, Switched, Moved int
	UnknownRotations, UnknownOthers                int
	Refused                                        map[string]int
}

// 32 goroutines in each of 4 processes encrypt, decrypt, rotate, disable,
// enable, and move aliases of one key, in one directory, and 5 % of the store's
// replies are lost. Then every ciphertext that any call has returned decrypts,
// and there are as many versions as rotations were reported: those whose
// outcome is unknown may be there or not.
//
// The figures of a minute: go test -run TestStress -stress 1m -v .
func TestStress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store, err := filestore.Open(dir, nil)
	must(t, err)
	defer store.Close()
	k := open(t, store, nil)
	key := newKey(t, k, "")
	var wg sync.WaitGroup
	reports := make([]stressReport, stressProcesses)
	logs := make([]string, stressProcesses)
	for i := range stressProcesses {
		logs[i] = filepath.Join(t.TempDir(), fmt.Sprint("log", i))
		wg.Go(func() { reports[i] = runStressWorker(t, stressJob{dir, key, logs[i], *stress}) })
	}
	wg.Wait()
	var rotated, unknown, decrypted int
	fresh := open(t, store, nil)
	for i, r := range reports {
		t.Logf("process %d: %+v", i, r)
		rotated, unknown = rotated+r.Rotated, unknown+r.UnknownRotations
		if n := decryptLog(t, fresh, logs[i]); n != r.Encrypted {
			t.Errorf("process %d: %d of %d ciphertexts decrypt", i, n, r.Encrypted)
		} else {
			decrypted += n
		}
	}
	d, err := fresh.DescribeKey(t.Context(), key)
	must(t, err)
	if n := len(d.Versions) - 1; n < rotated || n > rotated+unknown {
		t.Errorf("%d rotations are stored, %d were reported and %d are unknown", n, rotated, unknown)
	}
	t.Logf("%d versions, %d ciphertexts, all of which decrypt", len(d.Versions), decrypted)
	if decrypted == 0 || rotated == 0 {
		t.Error("nothing was done")
	}
}

func runStressWorker(t *testing.T, job stressJob) (r stressReport) {
	b, err := json.Marshal(job)
	if err != nil {
		t.Error(err)
		return r
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStressWorker$")
	cmd.Env = append(os.Environ(), stressEnv+"="+string(b))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("worker: %v\n%s", err, out)
		return r
	}
	if err := json.Unmarshal(readFile(t, job.Log+".report"), &r); err != nil {
		t.Error(err)
	}
	return r
}

func readFile(t *testing.T, name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return b
}

// decryptLog returns how many ciphertexts of a log decrypt to what they should.
func decryptLog(t *testing.T, k *kms.KMS, name string) int {
	in := bytes.NewReader(readFile(t, name))
	for n := 0; ; n++ {
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return n
		}
		ct := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(in, ct); err != nil {
			t.Error(err)
		}
		if got, err := k.Decrypt(t.Context(), ct, prod); err != nil || string(got) != string(password) {
			t.Errorf("ciphertext %d: %q, %v", n, got, err)
			return n
		}
	}
}

// TestStressWorker is a process of TestStress, and nothing by itself.
func TestStressWorker(t *testing.T) {
	env := os.Getenv(stressEnv)
	if env == "" {
		return
	}
	w := &stressWorker{report: stressReport{Refused: map[string]int{}}}
	must(t, json.Unmarshal([]byte(env), &w.job))
	files, err := filestore.Open(w.job.Dir, nil)
	must(t, err)
	defer files.Close()
	store := faultstore.New(files)
	k := open(t, store, nil)
	store.Fault = func(faultstore.Call) faultstore.Fault {
		if rand.N(20) == 0 {
			return faultstore.LoseReply
		}
		return faultstore.None
	}
	log, err := os.Create(w.job.Log)
	must(t, err)
	w.kms, w.log = k, bufio.NewWriter(log)
	ctx, cancel := context.WithTimeout(t.Context(), w.job.For)
	defer cancel()
	var wg sync.WaitGroup
	for range stressGoroutines {
		wg.Go(func() { w.run(ctx, t) })
	}
	wg.Wait()
	must(t, w.log.Flush())
	must(t, log.Close())
	b, err := json.Marshal(w.report)
	must(t, err)
	must(t, os.WriteFile(w.job.Log+".report", b, 0o600))
}

type stressWorker struct {
	kms *kms.KMS
	job stressJob

	mu     sync.Mutex // guards the rest
	log    *bufio.Writer
	last   []byte
	report stressReport
}

// run makes calls until ctx is done, but none of them with ctx: what is cut
// short then would be unknown.
func (w *stressWorker) run(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		alias := fmt.Sprint("alias/a", rand.N(stressAliases))
		switch n := rand.N(100); {
		case n < 60:
			w.encrypt(t)
		case n < 80:
			w.decrypt(t)
		case n < 88:
			_, err := w.kms.RotateKey(t.Context(), w.job.Key)
			w.note(t, err, &w.report.Rotated, &w.report.UnknownRotations)
		case n < 92:
			err := w.kms.DisableKey(t.Context(), w.job.Key)
			w.note(t, err, &w.report.Switched, &w.report.UnknownOthers)
			w.enable(t)
		case n < 95:
			w.note(t, w.kms.CreateAlias(t.Context(), alias, w.job.Key), &w.report.Moved, &w.report.UnknownOthers)
		case n < 98:
			w.note(t, w.kms.UpdateAlias(t.Context(), alias, w.job.Key), &w.report.Moved, &w.report.UnknownOthers)
		default:
			w.note(t, w.kms.DeleteAlias(t.Context(), alias), &w.report.Moved, &w.report.UnknownOthers)
		}
		runtime.Gosched()
	}
}

// enable enables the key again, whatever it takes.
func (w *stressWorker) enable(t *testing.T) {
	for {
		err := w.kms.EnableKey(t.Context(), w.job.Key)
		w.note(t, err, &w.report.Switched, &w.report.UnknownOthers)
		if err == nil {
			return
		}
	}
}

func (w *stressWorker) encrypt(t *testing.T) {
	ref := w.job.Key
	if rand.N(2) == 0 {
		ref = fmt.Sprint("alias/a", rand.N(stressAliases))
	}
	ct, err := w.kms.Encrypt(t.Context(), ref, password, prod)
	w.note(t, err, &w.report.Encrypted, &w.report.UnknownOthers)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = ct
	w.log.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(ct))), ct...))
}

func (w *stressWorker) decrypt(t *testing.T) {
	w.mu.Lock()
	ct := w.last
	w.mu.Unlock()
	if ct == nil {
		return
	}
	got, err := w.kms.Decrypt(t.Context(), ct, prod)
	w.note(t, err, &w.report.Decrypted, &w.report.UnknownOthers)
	if err == nil && string(got) != string(password) {
		t.Errorf("decrypted %q", got)
	}
}

// note counts a call, whose error must be one that the test can cause.
func (w *stressWorker) note(t *testing.T, err error, done, unknown *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		*done++
		return
	}
	if errors.Is(err, kms.ErrUnknownOutcome) {
		*unknown++
	}
	for _, expected := range []error{
		kms.ErrUnknownOutcome, kms.ErrStoreUnavailable, kms.ErrConflict, kms.ErrKeyDisabled,
		kms.ErrAliasExists, kms.ErrAliasNotFound, kms.ErrLimitExceeded,
	} {
		if errors.Is(err, expected) {
			w.report.Refused[expected.Error()]++
			return
		}
	}
	t.Error(err)
}
