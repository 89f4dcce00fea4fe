package dump_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/embedkms/kms/internal/dump"
)

const goldenPath = "testdata/dump.hex"

func goldenEntries() []dump.Entry {
	return []dump.Entry{
		{Name: "key/5b6962dd-3f90-4c93-8f61-eabfa4a803e2", Body: []byte("a body")},
		{Name: "", Body: []byte{0}},
		{Name: "alias/a ✓", Body: nil},
	}
}

// The golden dump opens for as long as format v1 does.
func TestGolden(t *testing.T) {
	root := static(t, 1)
	d, err := dump.Open(t.Context(), bytes.NewReader(readGolden(t)), root)
	if err != nil || !d.Created().Equal(at) {
		t.Fatalf("created %v, %v", d, err)
	}
	if got, err := collect(d); err != nil || !slices.EqualFunc(got, goldenEntries(), same) {
		t.Errorf("read %v, %v", got, err)
	}
}

// TestGoldenThere writes the golden dump if there is none, which fails once. It
// never writes over one.
func TestGoldenThere(t *testing.T) {
	f, err := os.OpenFile(goldenPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	cryptotest.SetGlobalRandom(t, 1)
	fmt.Fprintf(f, "comment: Dump, suite 1, of three entries, created %s\nroot: static %x\n\n%x\n",
		at.Format("2006-01-02T15:04:05.000Z"), bytes.Repeat([]byte{1}, 32),
		write(t, static(t, 1), goldenEntries()...))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	t.Error("there was no golden dump; there is one now")
}

func readGolden(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n\n")
	data, err := hex.DecodeString(strings.TrimSpace(body))
	if err != nil || len(data) == 0 {
		t.Fatalf("hexadecimal %q: %v", body, err)
	}
	return data
}

// In FIPS 140-3 mode, where any algorithm that is not approved fails, a static
// root key does everything. The test runs others again in that mode.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		return // all tests run in that mode
	}
	tests := []string{"TestRoundTrip", "TestGolden", "TestEveryBit", "TestWrongRoot"}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v",
		"-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	for _, name := range tests {
		if err != nil || !strings.Contains(string(out), "--- PASS: "+name+" ") {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
}
