package huawei_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/cloudapi/huawei"
)

// Many clients at a time get each their own.
func TestConcurrency(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			text := long(10 + i)
			for range 20 {
				c := s.do("POST encrypt-data", params{"key_id": id, "plain_text": text})
				back := s.do("POST decrypt-data", params{"cipher_text": c.fields["cipher_text"]})
				if back.fields["plain_text"] != text {
					t.Errorf("got %s, want %s", back.Body, text)
				}
				s.do("POST describe-key", params{"key_id": id}).want(t, "describe-key", http.StatusOK, "")
			}
		})
	}
	group.Wait()
}

// Keys have the IDs that clients know them under, in every answer.
func TestKeyIDs(t *testing.T) {
	s, id := serveSeeds(t, nil)
	p := params{"key_id": seedKey}
	text := s.must("POST encrypt-data", with(p, "plain_text", "x"))["cipher_text"]
	answers := []any{
		s.must("POST decrypt-data", params{"cipher_text": text}), s.must("POST describe-key", p),
		s.must("POST list-keys", params{}), s.must("POST create-datakey", p),
		s.must("POST re-encrypt", params{"cipher_text": text, "destination_key_id": seedKey}),
		s.must("POST aliases", with(p, "alias", "a")), s.must("GET aliases", p),
		s.must("POST schedule-key-deletion", with(p, "pending_days", "7")),
	}
	for _, a := range answers {
		if got := fmt.Sprint(a); strings.Contains(got, id) || !strings.Contains(got, seedKey) {
			t.Errorf("%s names the key otherwise than its client", got)
		}
	}
	s.must("POST describe-key", params{"key_id": id}) // it keeps its own
}

var row = regexp.MustCompile("(?m)^\\| `([A-Z]+ [a-z/-]+)` \\|")

// The document has a row for each operation, and no others.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudapi/huawei.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, match := range row.FindAllSubmatch(text, -1) {
		rows[string(match[1])] = true
	}
	if got := slices.Sorted(maps.Keys(rows)); !slices.Equal(got, huawei.Operations()) {
		t.Errorf("docs/cloudapi/huawei.md has %q, want %q", got, huawei.Operations())
	}
	for code := range huawei.Codes() {
		if !strings.Contains(string(text), code) {
			t.Errorf("docs/cloudapi/huawei.md does not have %s", code)
		}
	}
}
