package keywrap_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/embedkms/kms/internal/keywrap"
)

// hexBytes is a byte string in hex, as the vectors write them.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

type vectors struct {
	NumberOfTests int
	TestGroups    []struct {
		KeySize int // of the kek, in bits
		Tests   []vector
	}
}

type vector struct {
	TcID         int
	Comment      string
	Flags        []string
	Key, Msg, Ct hexBytes
	Result       string
}

// The file is testvectors_v1/aes_kwp_test.json of https://github.com/C2SP/wycheproof,
// commit 3fa63dd0344a, under the licence beside it.
func TestWycheproof(t *testing.T) {
	results := map[string]int{}
	all := readVectors(t)
	for _, group := range all.TestGroups {
		for _, v := range group.Tests {
			if len(v.Key)*8 != group.KeySize {
				t.Errorf("%d: kek of %d bytes in a group of %d bits", v.TcID, len(v.Key), group.KeySize)
			}
			v.check(t)
			results[v.Result]++
		}
	}
	if n := results["valid"] + results["acceptable"] + results["invalid"]; n != all.NumberOfTests {
		t.Errorf("%d vectors ran, the file says %d", n, all.NumberOfTests)
	}
	if results["valid"] == 0 || results["invalid"] == 0 {
		t.Errorf("vectors by result: %v", results)
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	file, err := os.ReadFile("testdata/aes_kwp_test.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// check treats an acceptable vector as a valid one. What the notes of the file
// leave to the implementation is keys below 16 bytes (SmallKey): RFC 5649 wraps
// any 1 to 2^32-1 bytes, and how strong a key must be is the importer's to say.
// In this version of the file those are valid, and nothing is acceptable.
func (v *vector) check(t *testing.T) {
	t.Helper()
	switch v.Result {
	case "valid", "acceptable":
		v.checkValid(t)
	case "invalid":
		invalid(t, v.Key, v.Ct)
	default:
		t.Errorf("%d: unknown result %q", v.TcID, v.Result)
	}
}

func (v *vector) checkValid(t *testing.T) {
	t.Helper()
	got, err := keywrap.Unwrap(v.Key, v.Ct)
	if err != nil || !bytes.Equal(got, v.Msg) {
		t.Errorf("%d (%s, %v): unwrapped %x, %v", v.TcID, v.Comment, v.Flags, got, err)
	}
	if got := wrap(t, v.Key, v.Msg); !bytes.Equal(got, v.Ct) {
		t.Errorf("%d (%s, %v): wrapped %x", v.TcID, v.Comment, v.Flags, got)
	}
}
