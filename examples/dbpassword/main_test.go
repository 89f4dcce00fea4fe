package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestMain makes the test binary the program itself where start asks for it, so
// that what is tested is what is built, with all that it depends on.
func TestMain(m *testing.M) {
	if os.Getenv("DBPASSWORD_TEST_RUN_MAIN") != "" {
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
func start(t *testing.T, dir, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(stdin), &stdout, &stderr
	cmd.Env = append(os.Environ(), "DBPASSWORD_TEST_RUN_MAIN=1", "TMPDIR="+dir, "TMP="+dir,
		"GORACE=atexit_sleep_ms=0") // not a second in each of many runs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// succeed is start for a run that must succeed. It returns standard output.
func succeed(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	r := start(t, dir, stdin, args...)
	if r.code != 0 {
		t.Fatalf("%q: exit code %d, %s", args, r.code, r.stderr)
	}
	return r.stdout
}

func TestTour(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, "")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d, %s", r.code, r.stderr)
	}
	at := 0
	for _, want := range []string{
		"key store", "root key",
		"alias/orders-db", `AES_256, Enabled, version 1`,
		`bound to {"service": "orders", "env": "prod"}`,
		"wQEB", // a ciphertext of suite 1 that holds data, in base64
		"suite AES_256, data, key ", "version 1, plaintext of 28 bytes",
		`"correct horse battery staple"`,
		`"env": "test"`, "error: kms: Decrypt alias/orders-db: ciphertext is invalid",
		"Flip one bit", "error: kms: Decrypt alias/orders-db: ciphertext is invalid",
		"version 2", `"correct horse battery staple"`,
		"changed=true", "changed=false",
		"suite AES_256, data, key ", "version 2, plaintext of 28 bytes",
	} {
		n := strings.Index(r.stdout[at:], want)
		if n < 0 {
			t.Fatalf("no %q in the rest of the tour:\n%s", want, r.stdout[at:])
		}
		at += n + len(want)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the tour left %v", left)
	}
}

// The commands, each in a process of its own, on the same files.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	first := succeed(t, dir, "s3cret", "-dir", "keys", "seal")
	if !regexp.MustCompile(`^wQEB[A-Za-z0-9+/]+=*\n$`).MatchString(first) {
		t.Fatalf("sealed: %q", first)
	}
	second := succeed(t, dir, "s3cret", "-dir", "keys", "seal")
	if first == second {
		t.Error("two ciphertexts are equal")
	}
	for _, sealed := range []string{first, second} {
		if got := succeed(t, dir, sealed, "-dir", "keys", "open"); got != "s3cret" {
			t.Errorf("opened: %q", got)
		}
	}
	unchanged := succeed(t, dir, first, "-dir", "keys", "reencrypt")
	if unchanged != first {
		t.Errorf("re-encrypted to %q before rotation", unchanged)
	}

	if got := succeed(t, dir, "", "-dir", "keys", "rotate"); !strings.Contains(got, "version 2") {
		t.Errorf("rotated: %q", got)
	}
	if got := succeed(t, dir, first, "-dir", "keys", "open"); got != "s3cret" {
		t.Errorf("opened after rotation: %q", got)
	}
	r := start(t, dir, first, "-dir", "keys", "reencrypt")
	if r.stdout == first || r.stderr != "changed=true\n" {
		t.Errorf("re-encrypted: %+v", r)
	}
	if got := succeed(t, dir, r.stdout, "-dir", "keys", "open"); got != "s3cret" {
		t.Errorf("opened after re-encryption: %q", got)
	}
	again := start(t, dir, r.stdout, "-dir", "keys", "reencrypt")
	if again.stdout != r.stdout || again.stderr != "changed=false\n" {
		t.Errorf("re-encrypted again: %+v", again)
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such modes there")
	}
	dir := t.TempDir()
	succeed(t, dir, "s3cret", "-dir", "a/keys", "seal")
	for path, want := range map[string]os.FileMode{
		"a/keys": 0o700, "a/keys/store": 0o700, "a/keys/root.key": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// One newline at the end is the editor's, all else is the password's.
func TestNewline(t *testing.T) {
	dir := t.TempDir()
	for password, want := range map[string]string{
		"s3cret\n":   "s3cret",
		"s3cret\r\n": "s3cret",
		"s3cret\n\n": "s3cret\n",
		" s3cret ":   " s3cret ",
		"s3cret\r":   "s3cret\r",
		"\x00\xff\n": "\x00\xff",
	} {
		sealed := succeed(t, dir, password, "-dir", "keys", "seal")
		if got := succeed(t, dir, sealed, "-dir", "keys", "open"); got != want {
			t.Errorf("%q was opened as %q, want %q", password, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	sealed := succeed(t, dir, "s3cret", "-dir", "keys", "seal")
	succeed(t, dir, "s3cret", "-dir", "others", "seal")
	for _, c := range []struct {
		name, stdin, want string
		args              []string
	}{
		{"not base64", "?", "input is not what seal wrote", []string{"-dir", "keys", "open"}},
		{"not a ciphertext", "AAAA", "ciphertext is invalid", []string{"-dir", "keys", "open"}},
		{"cut", sealed[:128], "ciphertext is invalid", []string{"-dir", "keys", "open"}},
		{"of other keys", sealed, "ciphertext is invalid", []string{"-dir", "others", "open"}},
		{"of other keys", sealed, "ciphertext is invalid", []string{"-dir", "others", "reencrypt"}},
		{"empty password", "\n", "plaintext is invalid", []string{"-dir", "keys", "seal"}},
		{"no keys there", sealed, "root.key", []string{"-dir", "none", "open"}},
		{"no keys there", "", "root.key", []string{"-dir", "none", "rotate"}},
	} {
		r := start(t, dir, c.stdin, c.args...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%s: %q: got %+v, want exit code 1 and %q", c.name, c.args, r, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a command that only reads has created keys")
	}
}

// A lost root key is not replaced: a new one would not open the store.
func TestLostRootKey(t *testing.T) {
	dir := t.TempDir()
	succeed(t, dir, "s3cret", "-dir", "keys", "seal")
	root := filepath.Join(dir, "keys", "root.key")
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	if r := start(t, dir, "s3cret", "-dir", "keys", "seal"); r.code != 1 {
		t.Errorf("got %+v, want exit code 1", r)
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("there is a new root key")
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"seal"}, {"-dir", "keys"}, {"-dir", "keys", "melt"}, {"-dir", "keys", "seal", "open"}, {"-x"},
	} {
		r := start(t, dir, "", args...)
		if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "usage: dbpassword") {
			t.Errorf("%q: got %+v, want exit code 2 and the usage", args, r)
		}
	}
	if r := start(t, dir, "", "-h"); r.code != 0 || !strings.Contains(r.stderr, "root key lives\nelsewhere") {
		t.Errorf("-h: got %+v", r)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("something was created: %v", left)
	}
}
