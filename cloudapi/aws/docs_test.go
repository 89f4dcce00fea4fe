package aws_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/aws"
)

// rows returns the rows of the tables of the documentation, of so many columns, by
// their first.
func rows(t *testing.T, columns int) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cloudapi/aws.md")
	must(t, err)
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != columns {
			continue
		}
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
	documented := rows(t, 3)
	for _, op := range aws.Operations() {
		if row := documented[op]; row == nil || row[1] != "v1.62.3" {
			t.Errorf("%s: %v", op, row)
		}
		delete(documented, op)
	}
	for name := range documented {
		if regexp.MustCompile(`^([A-Z]\w+)$`).MatchString(name) && !isParameter[name] {
			t.Errorf("there is no operation %s", name)
		}
	}
}

// isParameter are the rows of the table of what is refused.
var isParameter = map[string]bool{"Recipient": true, "DryRunModifiers": true, "Policy": true, "KeyMaterialId": true}

// Every error is documented with its status, and no other.
func TestDocumentedErrors(t *testing.T) {
	documented, codes := rows(t, 4), aws.Codes()
	delete(documented, "code")
	for code, status := range codes {
		row, ok := documented[code]
		if want := strings.TrimPrefix(strconv.Itoa(status), "400"); !ok || row[1] != want {
			t.Errorf("%s: %v, want %d", code, row, status)
		}
		delete(documented, code)
	}
	for code := range documented {
		if code != "---" {
			t.Errorf("nothing answers %s", code)
		}
	}
}
