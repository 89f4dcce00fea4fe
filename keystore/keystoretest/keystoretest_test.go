package keystoretest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

func TestRun(t *testing.T) {
	Run(t, func(t *testing.T) func() keystore.Store {
		s := memstore.New()
		return func() keystore.Store { return s }
	})
}

// A recorder is a tester that notes failures instead of failing a test.
type recorder struct {
	mu       sync.Mutex
	failures []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// watch returns what f reports when it is not the test that fails.
func watch(f func(t tester)) []string {
	r := new(recorder)
	var wg sync.WaitGroup
	wg.Go(func() { f(r) })
	wg.Wait()
	return r.failures
}

// TestPlanted runs the cases on stores with one bug each. A case that finds none
// of them checks nothing.
func TestPlanted(t *testing.T) {
	found := make(map[string]bool)
	for _, p := range plants {
		t.Run(p.bug, func(t *testing.T) {
			i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == p.caughtBy })
			failures := watch(func(t tester) { cases[i].check(t, p.harness()) })
			if len(failures) == 0 {
				t.Errorf("case %q passes", p.caughtBy)
			}
			found[p.caughtBy] = true
		})
	}
	for _, c := range cases {
		if !found[c.name] {
			t.Errorf("case %q has no bug to find", c.name)
		}
	}
}

// TestFuzzFinds checks that the fuzzer's comparison sees bugs too, given the
// seeds that drivers commit.
func TestFuzzFinds(t *testing.T) {
	inputs := seeds(t)
	for name, calls := range inputs {
		if err := replay(memstore.New(), calls); err != nil {
			t.Errorf("seed %s: %v", name, err)
		}
	}
	for _, p := range plants {
		finds := func(name string) bool { return replay(p.harness()(), inputs[name]) != nil }
		if p.fuzz && !slices.ContainsFunc(slices.Sorted(maps.Keys(inputs)), finds) {
			t.Errorf("no seed finds %q", p.bug)
		}
	}
}

func TestUniqueNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range cases {
		if seen[c.name] || c.contract == "" || !strings.HasSuffix(c.contract, ".") {
			t.Errorf("case %q: used twice, or without its sentence", c.name)
		}
		seen[c.name] = true
	}
}

// seeds returns the committed inputs of memstore's fuzz target, by name.
func seeds(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../memstore/testdata/fuzz/FuzzStore/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	all := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(strings.TrimSpace(string(text)), "\n[]byte(")
		calls, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = []byte(calls)
	}
	return all
}
