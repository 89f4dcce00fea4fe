package leaktest

import (
	"strings"
	"testing"
	"time"
)

// What has just ended is not left, and what waits is.
func TestOthers(t *testing.T) {
	end := make(chan struct{})
	go func() { <-end }()
	stacks := others() // of go test's own too, under a test
	if n := count(stacks); n != 1 {
		t.Errorf("%d goroutines wait, want 1:\n%s", n, strings.Join(stacks, "\n\n"))
	}
	close(end)
	for limit := time.Now().Add(wait); count(others()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it has not ended")
		}
	}
}

func count(stacks []string) int {
	n := 0
	for _, stack := range stacks {
		if strings.Contains(stack, "leaktest.TestOthers.func1") {
			n++
		}
	}
	return n
}

func TestMain(m *testing.M) { Main(m) }
