// Package leaktest finds goroutines that tests, or what they test, have left behind.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wait is how long what is ending may take to end.
const wait = 10 * time.Second

// Main is for TestMain: it runs the tests, and fails if goroutines are left.
func Main(m *testing.M) {
	code := m.Run()
	if left := left(); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "%d goroutines are left:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// left returns the stacks of the goroutines that are there beside the caller's and
// do not end.
func left() []string {
	for pause := time.Millisecond; ; pause *= 2 {
		stacks := others()
		if len(stacks) == 0 || pause > wait {
			return stacks
		}
		time.Sleep(pause)
	}
}

// others returns the stacks of all goroutines but the caller's and the one that takes
// signals for package testing.
func others() []string {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	var found []string
	for stack := range strings.SplitSeq(string(text), "\n\n") {
		if strings.Contains(stack, "leaktest.others(") || strings.Contains(stack, "os/signal.") {
			continue
		}
		found = append(found, stack)
	}
	return found
}
