package tencent_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/tencent"
)

// The document has a row for every operation, and for no other.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudapi/tencent.md")
	must(t, err)
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z0-9]+)` \\| v1\\.0\\.1000").FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, row[1])
	}
	slices.Sort(rows)
	if want := tencent.Operations(); !slices.Equal(rows, want) {
		t.Errorf("the document has %v, want %v", rows, want)
	}
	for _, code := range codes {
		family, last, found := strings.Cut(code, ".")
		if !strings.Contains(string(text), family) || found && !strings.Contains(string(text), "."+last+"`") {
			t.Errorf("the document has no %s", code)
		}
	}
}
