package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestMain makes the test binary the program itself where start asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("SELFSIGNED_TEST_RUN_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs the program, with dir for its temporary directory.
func start(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = append(os.Environ(), "SELFSIGNED_TEST_RUN_MAIN=1", "TMPDIR="+dir, "TMP="+dir,
		"GORACE=atexit_sleep_ms=0")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

var said = regexp.MustCompile(`^key: alias/web, new: (true|false)
https://127\.0\.0\.1:\d+: 200 OK, "hello", ECDSA-SHA256
token: eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}, verified: true
$`)

// The first run makes the key, the second finds it, and a tour leaves nothing.
func TestRuns(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args  []string
		isNew string
		left  int
	}{
		{nil, "true", 0},
		{[]string{"-dir", "keys"}, "true", 1},
		{[]string{"-dir", "keys"}, "false", 1},
		{nil, "true", 1},
	} {
		stdout, stderr, code := start(t, dir, c.args...)
		if m := said.FindStringSubmatch(stdout); m == nil || m[1] != c.isNew || stderr != "" || code != 0 {
			t.Errorf("%q: exit code %d, %s%s", c.args, code, stdout, stderr)
		}
		if left, _ := os.ReadDir(dir); len(left) != c.left {
			t.Errorf("%q: the directory has %v", c.args, left)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"now"}, {"-dir", "keys", "now"}, {"-x"}} {
		if stdout, stderr, code := start(t, t.TempDir(), args...); code != 2 || stdout != "" || stderr == "" {
			t.Errorf("%q: exit code %d, printed %q", args, code, stdout)
		}
	}
}

// A token that was altered, cut, or made by another key does not verify.
func TestVerifies(t *testing.T) {
	private, public := newKey(t)
	signed := header + encoding.EncodeToString([]byte(`{"sub":"17"}`))
	token := signed + "." + encoding.EncodeToString(sign(t, private, signed))
	if !verifies(public, token) {
		t.Errorf("%s does not verify", token)
	}
	none := encoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".e30"
	wrong := []string{
		"", ".", "..", token + ".", token[1:], signed + ".", signed + "." + encoding.EncodeToString(make([]byte, 64)),
		none + ".", none + "." + encoding.EncodeToString(sign(t, private, none)),
	}
	for i := range token {
		altered := []byte(token)
		altered[i] ^= 1
		wrong = append(wrong, string(altered), token[:i])
	}
	for _, token := range wrong {
		if verifies(public, token) {
			t.Errorf("%q verifies", token)
		}
	}
	if _, stranger := newKey(t); verifies(stranger, token) {
		t.Error("it verifies under another key")
	}
}

func newKey(t *testing.T) (*ecdsa.PrivateKey, *ecdsa.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private, &private.PublicKey
}

// sign returns r ‖ s.
func sign(t *testing.T, private *ecdsa.PrivateKey, signed string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}
