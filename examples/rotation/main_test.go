package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/embedkms/kms"
)

// TestMain makes the test binary the program itself where start asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("ROTATION_TEST_RUN_MAIN") != "" {
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
	cmd.Env = append(os.Environ(), "ROTATION_TEST_RUN_MAIN=1", "TMPDIR="+dir, "TMP="+dir,
		"GORACE=atexit_sleep_ms=0")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// said is what the tour says, in this order.
var said = []string{
	`key [0-9a-f-]{36}, version 1, next rotation 2030-04-01\n`,
	`2030-01-01: Maintain rotated 0 keys`,
	`2030-04-01: Maintain rotated 1 keys`,
	`all rows of table customers open: 4\n`,
	`customers under version 1: 4\n`,
	`table customers: 4 rows changed\n`,
	`table customers: 0 rows changed\n`,
	`customers under version 1: 0\n`,
	`version 1 is unusable from now on, and will be destroyed on 2030-04-08\n`,
	`archive: error: row 17: kms: Decrypt \S+: version 1: key is scheduled for deletion\n`,
	`version 1 can be used again\n`,
	`table archive: 1 rows changed\n`,
	`destroyed on 2030-04-10\n`,
	`2030-04-10: Maintain rotated 0 keys, destroyed 1 versions and 0 keys\n`,
	`table customers open: 4\n`, `table archive open: 1\n`,
	`old copy of a row: error: .*: version 1 is destroyed: key version not found\n`,
	`key \S+, Enabled, primary version 2\n`,
	`version 1: Destroyed, created 2030-01-01, 5 encryptions\n`,
	`version 2: Enabled, created 2030-04-01, 5 encryptions\n`,
	`alias/customers stands for key`,
	`under the old key: error: .*: key is archived\n`,
	`table customers open: 4\n`, `table archive open: 1\n`,
	`table customers: 4 rows changed\n`, `table archive: 1 rows changed\n`,
	`customers under the old key: 0\n`,
	`old key will be destroyed on 2030-05-10`,
	`, PendingDeletion, primary version 2\n`, `, Enabled, primary version 1\n`,
	`keys.backup is written\n`,
	`(?s)Restore it.*has key \S+, (Enabled\n.*PendingDeletion|PendingDeletion\n.*Enabled)\n`,
	`opens row 1 of table customers: "Ada"\n`,
	`Done; .* is removed`,
}

// The tour says everything that it is to say, and leaves nothing behind.
func TestTour(t *testing.T) {
	dir := t.TempDir()
	rest, stderr, code := start(t, dir)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	for _, want := range said {
		at := regexp.MustCompile(want).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("no %s in the rest of the tour:\n%s", want, rest)
		}
		rest = rest[at[1]:]
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the tour left %v", left)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"now"}, {"-x"}} {
		if stdout, _, code := start(t, t.TempDir(), args...); code != 2 || stdout != "" {
			t.Errorf("%q: exit code %d, printed %q", args, code, stdout)
		}
	}
}

// A table is on the disk what it is in memory, and its rows open nowhere else.
func TestTable(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	k, closeKeys, err := openKeys(ctx, dir, newClock())
	if err != nil {
		t.Fatal(err)
	}
	defer closeKeys()
	if _, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "customers.json")
	written, err := openTable(path, "customers")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		if err := written.insert(ctx, k, id, "name "+id); err != nil {
			t.Fatal(err)
		}
	}
	read, err := openTable(path, "customers")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := read.openAll(ctx, k); n != 2 || err != nil {
		t.Errorf("%d rows open, %v", n, err)
	}
	for what, moved := range map[string]*table{
		"row":   {name: "customers", Rows: []row{{"1", read.Rows[1].Sealed}}},
		"table": {name: "archive", Rows: read.Rows},
	} {
		if _, err := moved.openAll(ctx, k); !errors.Is(err, kms.ErrInvalidCiphertext) {
			t.Errorf("in another %s: %v", what, err)
		}
	}
}
