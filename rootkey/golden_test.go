package rootkey

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files that are missing; never any other")

// A golden is a wrap written once and opened for ever after.
type golden struct {
	comment                         string
	secret, plaintext, aad, wrapped []byte
}

// goldens are what -update wraps; the files hold what it wrapped back then.
var goldens = map[string]golden{
	"static": {
		comment: "D2, kind 1: a root of 32 bytes, as Static and File are",
		secret:  sequence(0x00),
	},
	"passphrase": {
		comment: "D2, kind 2: Argon2id with 19456 KiB, 1 pass, 1 lane",
		secret:  []byte("correct horse battery staple"),
	},
}

// sequence returns 32 bytes that count up from first.
func sequence(first byte) []byte {
	b := make([]byte, keySize)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// root returns the provider that name's golden file was wrapped by.
func (g golden) root(t testing.TB, name string) Provider {
	t.Helper()
	var p Provider
	var err error
	if name == "static" {
		p, err = Static(g.secret)
	} else {
		p, err = Passphrase(g.secret, &PassphraseOptions{Memory: 19 << 10, Time: 1, Parallelism: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func goldenPath(name string) string { return filepath.Join("testdata", name+".hex") }

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) != len(goldens) && !*update {
		t.Fatalf("%d golden files, want %d, %v", len(files), len(goldens), err)
	}
	for name := range goldens {
		if *update {
			goldens[name].write(t, name)
		}
		g := readGolden(t, name)
		out, err := g.root(t, name).Unwrap(t.Context(), g.wrapped, g.aad)
		if err != nil || !bytes.Equal(out, g.plaintext) {
			t.Errorf("%s: unwrapped %x, %v, want %x", name, out, err, g.plaintext)
		}
	}
}

// write wraps and writes a golden file, unless there is one.
func (g golden) write(t *testing.T, name string) {
	t.Helper()
	g.plaintext, g.aad = sequence(0x80), []byte("kms-keyring/v1 golden")
	wrapped, err := g.root(t, name).Wrap(t.Context(), g.plaintext, g.aad)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(goldenPath(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "comment: %s\nsecret: %x\nplaintext: %x\naad: %x\nexpect: plaintext\n\n%x\n",
		g.comment, g.secret, g.plaintext, g.aad, wrapped)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// readGolden reads a golden file: fields, an empty line, the wrap.
func readGolden(t testing.TB, name string) golden {
	t.Helper()
	text, err := os.ReadFile(goldenPath(name))
	if err != nil {
		t.Fatal(err)
	}
	header, body, _ := strings.Cut(string(text), "\n\n")
	g := golden{wrapped: unhex(t, body)}
	for line := range strings.Lines(header) {
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "secret":
			g.secret = unhex(t, value)
		case "plaintext":
			g.plaintext = unhex(t, value)
		case "aad":
			g.aad = unhex(t, value)
		}
	}
	return g
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) == 0 {
		t.Fatalf("hexadecimal %q: %v", s, err)
	}
	return b
}
