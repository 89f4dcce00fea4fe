package kms_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

const operating = "docs/operating.md"

// blocks returns the code of one language in a document.
func blocks(t *testing.T, doc, language string) (code []string) {
	t.Helper()
	fence := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$")
	for _, match := range fence.FindAllStringSubmatch(readDoc(t, doc), -1) {
		code = append(code, match[1])
	}
	if len(code) == 0 {
		t.Fatalf("%s has no code in %s", doc, language)
	}
	return code
}

// Every block of Go in a document compiles, together with the others.
func TestBlocksCompile(t *testing.T) {
	for _, doc := range []string{operating, "docs/algorithms.md", "docs/stores.md", "docs/cloudapi.md"} {
		t.Run(doc, func(t *testing.T) { compile(t, blocks(t, doc, "go")) })
	}
}

func compile(t *testing.T, blocks []string) {
	imports := map[string]string{
		"kms": "github.com/embedkms/kms", "rootkey": "github.com/embedkms/kms/rootkey",
		"filestore": "github.com/embedkms/kms/keystore/filestore", "slog": "log/slog",
		"sqlstore": "github.com/embedkms/kms/keystore/sqlstore", "sql": "database/sql",
		"keystoretest": "github.com/embedkms/kms/keystore/keystoretest",
		"keystore":     "github.com/embedkms/kms/keystore", "testing": "testing",
		"http": "net/http", "atomic": "sync/atomic",
		"cloudapi": "github.com/embedkms/kms/cloudapi", "tencent": "github.com/embedkms/kms/cloudapi/tencent",
		"context": "context", "errors": "errors", "fmt": "fmt", "os": "os", "time": "time",
	}
	args := []string{"vet"}
	dir := t.TempDir()
	for i, code := range blocks {
		source := "package blocks\n"
		for name, path := range imports {
			if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
				source += fmt.Sprintf("import %q\n", path)
			}
		}
		file := filepath.Join(dir, fmt.Sprintf("block%d.go", i))
		must(t, os.WriteFile(file, []byte(source+code), 0o600))
		args = append(args, file)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What the commands in the document wrap is imported, in the size that it says.
func TestOperatingOpenSSL(t *testing.T) {
	needTools(t, "openssl", "sh", "od")
	scripts := blocks(t, operating, "sh")
	if len(scripts) != 4 {
		t.Fatalf("%d scripts, want one for material, one for each wrapping, and one for a private key", len(scripts))
	}
	k := open(t, memstore.New(), nil)
	for _, c := range []struct {
		wrapping kms.WrappingAlgorithm
		script   string
		spec     kms.KeySpec
		size     int
	}{
		{kms.WrappingRSAOAEPSHA256, scripts[1], kms.KeySpecAES256, 384},
		{kms.WrappingRSAOAEPSHA256, scripts[1], kms.KeySpecSM4, 384},
		{kms.WrappingRSAOAEPSHA256 + "/RSA_4096", scripts[1], kms.KeySpecAES256, 512},
		{kms.WrappingRSAAESKeyWrapSHA256, scripts[2], kms.KeySpecAES256, 384 + 40},
		{kms.WrappingRSAAESKeyWrapSHA256, scripts[2], kms.KeySpecSM4, 384 + 24},
		{kms.WrappingRSAAESKeyWrapSHA256 + "/RSA_2048", scripts[2], kms.KeySpecAES256, 256 + 40},
		{kms.WrappingRSAAESKeyWrapSHA256, scripts[2], kms.KeySpecECP256, 384 + 144 + 8},
	} {
		t.Run(string(c.wrapping)+"/"+string(c.spec), func(t *testing.T) {
			key := newExternalKey(t, k, c.spec)
			p, err := k.ImportParameters(t.Context(), key, c.wrapping)
			must(t, err)
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "public.der"), p.PublicKey, 0o600))
			material := scripts[0]
			switch c.spec {
			case kms.KeySpecSM4:
				material = strings.Replace(material, " 32)", " 16)", 1)
			case kms.KeySpecECP256:
				material = scripts[3]
			}
			cmd := exec.Command("sh", "-e", "-c", material+c.script)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wrapped, err := os.ReadFile(filepath.Join(dir, "material.wrapped"))
			must(t, err)
			if len(wrapped) != c.size {
				t.Errorf("%d bytes, want %d", len(wrapped), c.size)
			}
			must(t, k.ImportKeyMaterial(t.Context(), key, &kms.ImportKeyMaterialOptions{
				Token: p.Token, EncryptedMaterial: wrapped,
			}))
			if c.spec == kms.KeySpecECP256 {
				_, err := k.Sign(t.Context(), key, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
				must(t, err)
				return
			}
			kept, err := os.ReadFile(filepath.Join(dir, "material"))
			must(t, err)
			if got := openWith(t, c.spec, kept, encrypt(t, k, key, password, nil)); string(got) != string(password) {
				t.Errorf("under the material it is %q", got)
			}
		})
	}
}

// The tables of states say what TestStates finds.
func TestOperatingStates(t *testing.T) {
	doc := readDoc(t, operating)
	for _, table := range []struct {
		heading string
		rows    []row
	}{
		{"### Keys of any origin\n", rows},
		{"### Pairs and keys for MACs\n", slices.Concat(encryptingRows, signingRows, macRows)},
		{"### Keys of origin KMS\n", ownRows},
		{"### Keys of origin EXTERNAL\n", externalRows},
	} {
		_, section, ok := strings.Cut(doc, table.heading)
		if !ok {
			t.Fatalf("no heading %q", table.heading)
		}
		section, _, _ = strings.Cut(section, "\n#")
		said := stateTable(section)
		for _, r := range table.rows {
			cells, ok := said[r.name]
			if !ok || len(cells) != len(states) {
				t.Errorf("%q: %s: cells %q", table.heading, r.name, cells)
				continue
			}
			for i, want := range r.want {
				ownPendingImport := table.heading == "### Keys of origin KMS\n" && states[i] == kms.KeyStatePendingImport
				if !ownPendingImport && cells[i] != cell(want) {
					t.Errorf("%s of a key that is %s: %q, want %q", r.name, states[i], cells[i], cell(want))
				}
			}
			delete(said, r.name)
		}
		for name := range said {
			t.Errorf("%q: no test knows %s", table.heading, name)
		}
	}
}

// stateTable returns the cells of each operation in a table of states.
func stateTable(section string) map[string][]string {
	table := map[string][]string{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		for name := range strings.SplitSeq(cells[0], " · ") {
			table[strings.Trim(name, "`")] = cells[1:]
		}
	}
	return table
}

// cell is how a table says what a call returns.
func cell(err error) string {
	for sentinel, name := range map[error]string{
		kms.ErrKeyDisabled: "ErrKeyDisabled", kms.ErrKeyArchived: "ErrKeyArchived",
		kms.ErrKeyPendingImport: "ErrKeyPendingImport", kms.ErrKeyNotFound: "ErrKeyNotFound",
		kms.ErrKeyPendingDeletion: "ErrKeyPendingDeletion", kms.ErrInvalidState: "ErrInvalidState",
		errNotListed: "left out",
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "yes"
}

// The table of problems has every kind, and nothing else.
func TestOperatingProblems(t *testing.T) {
	source, err := os.ReadFile("health.go")
	must(t, err)
	var want, got []string
	for _, match := range regexp.MustCompile(`(?m)^\tProblem\w+ +ProblemKind = "(\w+)"`).FindAllSubmatch(source, -1) {
		want = append(want, string(match[1]))
	}
	if len(want) < 10 {
		t.Fatalf("only %d kinds found", len(want))
	}
	_, table, _ := strings.Cut(readDoc(t, operating), "| problem | is |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, match := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(table, -1) {
		got = append(got, match[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("table has %q, want %q", got, want)
	}
}

// The table of operations has every constant, and nothing else.
func TestOperatingOperations(t *testing.T) {
	source, err := os.ReadFile("authorize.go")
	must(t, err)
	var want []string
	for _, match := range regexp.MustCompile(`(?m)^\tOp\w+ += "(\w+)"`).FindAllSubmatch(source, -1) {
		want = append(want, string(match[1]))
	}
	if len(want) < 30 {
		t.Fatalf("only %d operations found", len(want))
	}
	_, table, ok := strings.Cut(readDoc(t, operating), "| operation in `Request.Op`")
	if !ok {
		t.Fatal("no table of operations")
	}
	var got []string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		first := regexp.MustCompile(`\(.*?\)`).ReplaceAllString(strings.Split(line, "|")[1], "")
		for _, match := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(first, -1) {
			got = append(got, match[1])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("table has %q, want %q", got, want)
	}
}
