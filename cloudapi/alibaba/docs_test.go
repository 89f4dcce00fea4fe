package alibaba_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/alibaba"
)

// The document has a row for every operation, and every code that there is.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudapi/alibaba.md")
	must(t, err)
	var listed []string
	rows := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|")
	for _, row := range rows.FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, row[1])
	}
	slices.Sort(listed)
	if !slices.Equal(listed, alibaba.Actions()) {
		t.Errorf("the document has %v, and there are %v", listed, alibaba.Actions())
	}
	for _, code := range alibaba.Codes() {
		short := strings.TrimPrefix(code, "Rejected") // as a row with several has them
		if !strings.Contains(string(text), code) && !strings.Contains(string(text), short) {
			t.Errorf("the document lacks %s", code)
		}
	}
}
