package pgwatch_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/rootkey"
)

const (
	childVar  = "PGWATCH_TEST_CHILD"   // place and key of a process that TestKMS has started
	changes   = 200                    // disables and enables
	seenLimit = 250 * time.Millisecond // for another process to see a change, in most cases
)

// A key that one process disables is refused by another within milliseconds, though
// that may keep what it knows for a minute.
func TestKMS(t *testing.T) {
	if text := os.Getenv(childVar); text != "" {
		key, text, _ := strings.Cut(text, " ")
		report(t, parsePlace(text).openKMS(t), key)
		return
	}
	p := newPlace(sharedServer(t))
	k := p.openKMS(t)
	key, err := k.CreateKey(t.Context(), nil)
	must(t, err)
	said := startChild(t, key.ID+" "+p.String())
	want := func(state string) {
		t.Helper()
		if line, err := said.ReadString('\n'); err != nil || line != state+"\n" {
			t.Fatalf("the child says %q, %v, want %s", line, err, state)
		}
	}
	want("enabled")
	var seen []time.Duration
	for range changes / 2 {
		must(t, k.DisableKey(t.Context(), key.ID))
		start := time.Now()
		want("disabled")
		seen = append(seen, time.Since(start))
		must(t, k.EnableKey(t.Context(), key.ID))
		start = time.Now()
		want("enabled")
		seen = append(seen, time.Since(start))
	}
	slices.Sort(seen)
	t.Logf("%d changes seen by another process after %v (p50), %v (p99), %v (max)",
		changes, seen[changes/2], seen[changes*99/100], seen[changes-1])
	if seen[changes*9/10] > seenLimit {
		t.Errorf("changes are seen after %v", seen)
	}
	_, err = k.RotateKey(t.Context(), key.ID)
	must(t, err)
	want("rotated")
}

// startChild runs TestKMS in another process, until the test ends, and returns what
// it says.
func startChild(t *testing.T, place string) *bufio.Reader {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKMS$", "-test.count=1")
	cmd.Env = append(os.Environ(), childVar+"="+place)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	must(t, err)
	output, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		input.Close()
		io.Copy(io.Discard, output)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return bufio.NewReader(output)
}

// report says how the state of a key changes, until nobody listens any more.
func report(t *testing.T, k *kms.KMS, key string) {
	left := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(left)
	}()
	was := ""
	for version := uint32(0); ; time.Sleep(100 * time.Microsecond) {
		select {
		case <-left:
			return
		default:
		}
		state := "enabled"
		ciphertext, err := k.Encrypt(t.Context(), key, []byte("v"), nil)
		if errors.Is(err, kms.ErrKeyDisabled) {
			state = "disabled"
		} else if must(t, err); err == nil {
			info, err := kms.ParseCiphertext(ciphertext)
			must(t, err)
			if version != 0 && version != info.KeyVersion {
				state = "rotated"
			}
			version = info.KeyVersion
		}
		if state != was {
			fmt.Println(state)
		}
		was = state
	}
}

func (p place) openKMS(t *testing.T) *kms.KMS {
	t.Helper()
	root, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	must(t, err)
	k, err := kms.Open(t.Context(), p.open(t), root, &kms.Options{MaxStale: time.Minute})
	must(t, err)
	t.Cleanup(func() { k.Close() })
	return k
}
