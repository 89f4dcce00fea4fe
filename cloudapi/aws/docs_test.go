package aws_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/aws"
)

// rows returns the rows of the table under a heading of the documentation, by their
// first cell.
func rows(t *testing.T, heading string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cloudapi/aws.md")
	must(t, err)
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, ok2 := strings.Cut(section, "|---|\n")
	if !ok || !ok2 {
		t.Fatalf("there is no table of %s", heading)
	}
	found := map[string][]string{}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if _, twice := found[cells[0]]; twice {
			t.Errorf("%s has two rows", cells[0])
		}
		found[cells[0]] = cells
	}
	return found
}

// Every operation is documented, and nothing else is.
func TestDocumentedOperations(t *testing.T) {
	documented := rows(t, "Operations")
	for _, op := range aws.Operations() {
		if row := documented[op]; row == nil || row[1] != "v1.62.3" {
			t.Errorf("%s: %v", op, row)
		}
		delete(documented, op)
	}
	for name := range documented {
		t.Errorf("there is no operation %s", name)
	}
}

// Every error is documented with its status, and no other.
func TestDocumentedErrors(t *testing.T) {
	documented, codes := rows(t, "Errors"), aws.Codes()
	for code, status := range codes {
		row, ok := documented[code]
		if want := strings.TrimPrefix(strconv.Itoa(status), "400"); !ok || row[1] != want {
			t.Errorf("%s: %v, want %d", code, row, status)
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("nothing answers %s", code)
	}
}
