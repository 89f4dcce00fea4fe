package integration_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/embedkms/kms/gm/emmansun"
)

// hexBytes is a byte string in hex, as the vectors write them.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// A group is vectors with parameters in common: of each algorithm some of these.
type group struct {
	KeySize, IVSize, TagSize int // in bits
	SHA, MGFSHA              string
	SLen                     int // of a PSS salt, in bytes
	PrivateKeyPKCS8          hexBytes
	PublicKey                struct{ Modulus, PublicExponent, Uncompressed hexBytes }
	Tests                    []vector
}

type vector struct {
	TcID                int
	Comment             string
	Flags               []string
	Key, IV, AAD, Label hexBytes
	Msg, Ct, Tag, Sig   hexBytes
	Result              string // valid, invalid or acceptable
}

// An outcome is what comes of a vector.
type outcome string

// A vector with parameters that are ours gets a verdict from our code, and it
// must be the vector's. What is acceptable is refused here, and what is invalid
// only because its salt is not as long as the group's, but is as ours, is valid.
const (
	ran        outcome = "run"
	acceptable outcome = "run: acceptable, refused"
	ourSalt    outcome = "run: invalid for a salt that is as long as ours, accepted"
)

// A vector with other parameters than ours must be refused where our code can be
// asked, even if it is valid.
const (
	badKey    outcome = "refused: private key is none of the specs"
	withLabel outcome = "refused: OAEP with a label"
	otherOAEP outcome = "refused: OAEP with another hash, or another in MGF1, than SHA-256"
	otherSalt outcome = "refused: PSS with a salt that is not as long as the hash"
	otherMGF  outcome = "refused: PSS with another hash in MGF1 than that of the message"
	truncated outcome = "refused: truncated MAC"
)

// A vector that our code cannot even be asked about is not applicable.
const (
	noSpec    outcome = "n/a: no key spec has such a modulus"
	noHash    outcome = "n/a: no algorithm has such a hash"
	noKeySize outcome = "n/a: keys have another size"
	noIVSize  outcome = "n/a: nonces have 96 bits"
)

type counts map[outcome]int

// total returns how many vectors have an outcome that begins with prefix.
func (c counts) total(prefix string) (n int) {
	for o, i := range c {
		if strings.HasPrefix(string(o), prefix) {
			n += i
		}
	}
	return n
}

func (c counts) add(d counts) {
	for o, i := range d {
		c[o] += i
	}
}

func (c counts) String() string {
	s := fmt.Sprintf("%d vectors", c.total(""))
	for _, o := range slices.Sorted(maps.Keys(c)) {
		s += fmt.Sprintf("; %d %s", c[o], o)
	}
	return s
}

// A family is a kind of vectors: it makes of a group what checks its vectors
// against our code.
type family func(*testing.T, *group) func(*vector) outcome

// always is of groups whose vectors all have one outcome.
func always(o outcome) func(*vector) outcome { return func(*vector) outcome { return o } }

// verdict fails the test unless accepted, which is our code's, is what the vector
// says and its outcome allows.
func (v *vector) verdict(t *testing.T, accepted bool, o outcome) outcome {
	t.Helper()
	if o == ran && v.Result == "acceptable" {
		o = acceptable
	}
	if want := o == ran && v.Result == "valid" || o == ourSalt; accepted != want {
		t.Errorf("%v: accepted is %v, %s", v, accepted, o)
	}
	return o
}

func (v *vector) String() string {
	return fmt.Sprintf("vector %d (%s, %s, %v)", v.TcID, v.Result, v.Comment, v.Flags)
}

// Every vector of the files that are ours, with the number of each outcome: one
// that a new version adds is looked at before it counts.
func TestWycheproof(t *testing.T) {
	var mu sync.Mutex
	sum := counts{}
	t.Run("files", func(t *testing.T) {
		for _, f := range files {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				got := f.run(t)
				mu.Lock()
				defer mu.Unlock()
				sum.add(got)
			})
		}
	})
	t.Logf("%d files, %v", len(files), sum)
	t.Logf("%d run, %d refused, %d n/a", sum.total("run"), sum.total("refused"), sum.total("n/a"))
	if sum.total("") != wantVectors {
		t.Errorf("%d vectors, want %d", sum.total(""), wantVectors)
	}
}

// The files of GM algorithms once more, by the other provider.
func TestWycheproofEmmansun(t *testing.T) {
	sum := counts{}
	for _, f := range gmFiles(emmansun.Provider()) {
		t.Run(f.name, func(t *testing.T) { sum.add(f.run(t)) })
	}
	t.Logf("%v", sum)
	if sum.total("") != wantGMVectors {
		t.Errorf("%d vectors, want %d", sum.total(""), wantGMVectors)
	}
}

// run checks all vectors of a file, and the number of each outcome.
func (f file) run(t *testing.T) counts {
	t.Helper()
	got := runFile(t, f.name, f.family)
	t.Log(got)
	if !maps.Equal(got, f.want) {
		t.Errorf("want %v", f.want)
	}
	return got
}

func runFile(t *testing.T, name string, check family) counts {
	t.Helper()
	var file struct {
		NumberOfTests int
		TestGroups    []group
	}
	if err := json.Unmarshal(readFile(t, name), &file); err != nil {
		t.Fatal(err)
	}
	got := counts{}
	for i := range file.TestGroups {
		g := &file.TestGroups[i]
		checkVector := check(t, g)
		for j := range g.Tests {
			got[checkVector(&g.Tests[j])]++
		}
	}
	if got.total("") != file.NumberOfTests {
		t.Errorf("%d vectors, the file says %d", got.total(""), file.NumberOfTests)
	}
	return got
}

// suffix is what the names of all files end in.
const suffix = "_test.json"

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, name+suffix)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each file of Wycheproof is either run or not ours for a reason.
func TestWycheproofComplete(t *testing.T) {
	sum, others := wantVectors, make([]notOur, len(notOurs))
	for _, name := range otherFiles(t) {
		i := slices.IndexFunc(notOurs, func(n notOur) bool { return n.has(name) })
		if i < 0 {
			t.Fatalf("%s is in no table", name)
		}
		n := numberOfTests(t, name)
		others[i].files++
		others[i].vectors += n
		sum += n
	}
	for i, want := range notOurs {
		got := others[i]
		t.Logf("%d vectors in %d files n/a: %s", got.vectors, got.files, want.reason)
		if got.files != want.files || got.vectors != want.vectors {
			t.Errorf("want %d in %d", want.vectors, want.files)
		}
	}
	if sum != allVectors {
		t.Errorf("%d vectors in all, want %d", sum, allVectors)
	}
}

// otherFiles returns what is not in files.
func otherFiles(t *testing.T) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(wycheproof.TestVectors, ".")
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, f := range files {
		ours[f.name] = true
	}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), suffix); !ours[name] {
			names = append(names, name)
		}
	}
	return names
}

// A notOur is files that are of no algorithm here.
type notOur struct {
	reason         string
	files, vectors int
	patterns       []string
}

func (n notOur) has(name string) bool {
	return slices.ContainsFunc(n.patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// numberOfTests returns what a file says of itself: all of them together would
// take long to parse.
func numberOfTests(t *testing.T, name string) (n int) {
	t.Helper()
	_, after, _ := bytes.Cut(readFile(t, name), []byte(`"numberOfTests":`))
	if _, err := fmt.Fscan(bytes.NewReader(after), &n); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
