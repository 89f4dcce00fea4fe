package kms_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The program in README.md, as it stands there, works: also when it runs again.
func TestReadmeProgram(t *testing.T) {
	_, rest, ok := strings.Cut(readDoc(t, "README.md"), "```go\n")
	program, _, ok2 := strings.Cut(rest, "```\n")
	if !ok || !ok2 {
		t.Fatal("README.md has no program")
	}
	if n := strings.Count(program, "\n"); n > 40 {
		t.Errorf("it has %d lines, more than 40", n)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "readme.exe")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for range 2 {
		cmd := exec.Command(binary)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		const want = "114 bytes, to be stored with the order\n4111 1111 1111 1111\n"
		if err != nil || string(out) != want {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	}
}

// Every ciphertext of the known answers is in the specification.
func TestSpecificationVectors(t *testing.T) {
	spec, found := readDoc(t, "docs/envelope.md"), 0
	for line := range strings.Lines(readDoc(t, "internal/suite/testdata/envelope.txt")) {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] == "#" {
			continue
		}
		found++
		if !strings.Contains(spec, "\n    "+fields[3]+"\n") {
			t.Errorf("docs/envelope.md has no vector %s", line)
		}
	}
	if found < 5 {
		t.Errorf("%d known answers, want 5 at least", found)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every relative link in a document leads to a file that is there, and to one
// of its headings if it names one.
func TestLinks(t *testing.T) {
	found := 0
	for _, doc := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(readDoc(t, doc), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // in the web
			}
			found++
			path := doc
			if target != "" {
				path = filepath.Join(filepath.Dir(doc), filepath.FromSlash(target))
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", doc, match[1], err)
			} else if anchor != "" && !hasHeading(readDoc(t, path), anchor) {
				t.Errorf("%s links to %s: no such heading", doc, match[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("%d links found, which cannot be all", found)
	}
}

// documents returns the Markdown files of the module.
func documents(t *testing.T) (paths []string) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".", d.Name() == "testdata":
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// hasHeading reports whether a heading of doc gets this anchor on GitHub.
func hasHeading(doc, anchor string) bool {
	for _, match := range heading.FindAllStringSubmatch(doc, -1) {
		slug := noSlug.ReplaceAllString(strings.ToLower(match[1]), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}

func readDoc(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}
