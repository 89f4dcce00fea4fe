package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain makes the test binary the program itself where start asks for it, so
// that what is tested is what is built, with all that it depends on.
func TestMain(m *testing.M) {
	if os.Getenv("ENVELOPE_TEST_RUN_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// result is how a run of the program ended.
type result struct {
	stdout, stderr string
	code           int
}

// start runs the program in dir, which is also its temporary directory.
func start(t *testing.T, dir string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "ENVELOPE_TEST_RUN_MAIN=1", "TMPDIR="+dir, "TMP="+dir,
		"GORACE=atexit_sleep_ms=0") // not a second in each of many runs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func succeed(t *testing.T, dir string, args ...string) {
	t.Helper()
	if r := start(t, dir, args...); r.code != 0 || r.stdout != "" || r.stderr != "" {
		t.Fatalf("%q: got %+v", args, r)
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTour(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d, %s", r.code, r.stderr)
	}
	for _, want := range []string{
		"file of 8388608 bytes", "8392330 bytes", "data key, of 32 bytes",
		"8388608 bytes, the same as before",
		"Flip one bit", "Cut off the last chunk", "Repeat the last chunk", "Swap the first two",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in the tour:\n%s", want, r.stdout)
		}
	}
	if n := strings.Count(r.stdout, "error: "+errDamaged.Error()); n != 4 {
		t.Errorf("%d of 4 damages were shown:\n%s", n, r.stdout)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the tour left %v", left)
	}
}

// The commands, each in a process of its own, on the same files.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, chunkSize, 3*chunkSize + 1} {
		plaintext := random(n)
		write(t, dir, "in", plaintext)
		succeed(t, dir, "-dir", "keys", "seal", "in", "sealed")
		if n > 16 && bytes.Contains(read(t, dir, "sealed"), plaintext[:16]) {
			t.Error("plaintext in the sealed file")
		}
		write(t, dir, "out", []byte("something else"))
		succeed(t, dir, "-dir", "keys", "open", "sealed", "out")
		if got := read(t, dir, "out"); !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes were opened as %d", n, len(got))
		}
	}
	// In place.
	succeed(t, dir, "-dir", "keys", "seal", "in", "in")
	succeed(t, dir, "-dir", "keys", "open", "in", "in")
	if !bytes.Equal(read(t, dir, "in"), read(t, dir, "out")) {
		t.Error("in place: another file came back")
	}
	onlyThese(t, dir, "in", "keys", "out", "sealed")
}

// A file that does not open leaves the output as it was, and nothing beside it.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "in", random(2*chunkSize))
	succeed(t, dir, "-dir", "keys", "seal", "in", "sealed")
	succeed(t, dir, "-dir", "others", "seal", "in", "other")
	sealed := read(t, dir, "sealed")
	cut := sealed[:len(sealed)-chunkSize-overhead]
	badKey := bytes.Clone(sealed)
	badKey[40] ^= 1 // in the encrypted data key
	write(t, dir, "cut", cut)
	write(t, dir, "key", badKey)
	write(t, dir, "none", nil)
	write(t, dir, "out", []byte("as it was"))
	for in, want := range map[string]string{
		"cut":     errDamaged.Error(),
		"in":      errDamaged.Error(),
		"none":    errDamaged.Error(),
		"key":     "ciphertext is invalid",
		"other":   "ciphertext is invalid",
		"missing": "missing",
	} {
		r := start(t, dir, "-dir", "keys", "open", in, "out")
		if r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: got %+v, want %q", in, r, want)
		}
		if got := read(t, dir, "out"); string(got) != "as it was" {
			t.Errorf("%s: the output is %d bytes now", in, len(got))
		}
	}
	if r := start(t, dir, "-dir", "nowhere", "open", "sealed", "out"); r.code != 1 {
		t.Errorf("without keys: got %+v", r)
	}
	onlyThese(t, dir, "cut", "in", "key", "keys", "none", "other", "others", "out", "sealed")
}

// onlyThese fails the test if other files are in dir.
func onlyThese(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("files are %q, want %q", got, names)
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"seal", "a", "b"}, {"-dir", "keys"}, {"-dir", "keys", "seal", "a"},
		{"-dir", "keys", "melt", "a", "b"}, {"-x"},
	} {
		r := start(t, dir, args...)
		if r.code != 2 || !strings.Contains(r.stderr, "usage: envelope") {
			t.Errorf("%q: got %+v, want exit code 2 and the usage", args, r)
		}
	}
	onlyThese(t, dir)
}
