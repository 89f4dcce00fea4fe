// Package proof scales the proofs of this module: how often a thing is done in
// CI, and how often where there is time.
package proof

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Var is the environment variable with the part of the long run to do, such as 1
// for all of it and 0.1 for a tenth. Where it is empty, the short run is done.
const Var = "PROOF"

// Count returns how often to do something: short times, or the part of long that
// Var asks for, if that is more.
func Count(t testing.TB, short, long int) int {
	t.Helper()
	text := os.Getenv(Var)
	if text == "" {
		return short
	}
	part, err := strconv.ParseFloat(text, 64)
	if err != nil || part < 0 || part > 1 {
		t.Fatalf("%s=%q is no number from 0 to 1", Var, text)
	}
	return max(short, int(part*float64(long)))
}

// Again returns the command that runs this test binary again, in a process of its
// own, for the test that calls it and nothing else. env is added to the
// environment: by it the test knows that it is the child.
func Again(t testing.TB, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var pattern []string
	for segment := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(segment)+"$")
	}
	cmd := exec.Command(exe, "-test.run="+strings.Join(pattern, "/"), "-test.count=1", "-test.timeout=0")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Report logs figures of the test in a line that is easy to find in the output of
// go test -v.
func Report(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("proof: %s: %s", t.Name(), fmt.Sprintf(format, args...))
}
