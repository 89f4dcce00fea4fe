package tencent_test

import (
	"maps"
	"slices"
	"testing"
)

// A testCase is something that an operation does.
type testCase struct {
	operation, name string
	run             func(*testing.T, *session)
}

var cases = slices.Concat(dataCases, keyCases, lifecycleCases, rotationCases, asymmetricCases,
	importCases)

// TestOperations has the SDK do each case of each operation, by each signature and
// method that it has.
func TestOperations(t *testing.T) {
	tested := map[string]bool{}
	for _, s := range schemes {
		t.Run(s.String(), func(t *testing.T) {
			x := newSession(t, s)
			for _, c := range cases {
				tested[c.operation] = true
				t.Run(c.operation+"/"+c.name, func(t *testing.T) { c.run(t, x) })
			}
		})
	}
	if got, want := slices.Sorted(maps.Keys(tested)), documented(t); !slices.Equal(got, want) ||
		len(want) == 0 {
		t.Errorf("tested are %v, documented are %v", got, want)
	}
}
