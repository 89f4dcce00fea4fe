package filestore_test

import (
	"fmt"
	"testing"

	"github.com/embedkms/kms/keystore/filestore"
)

// The pages of a scan come from one reading of a folder, until something changes
// there: then the next page shows it.
func TestPagesReadOnce(t *testing.T) {
	ctx, dir, files := t.Context(), t.TempDir(), newFS()
	other := openStore(t, dir)
	s, err := filestore.OpenFS(files, dir, &filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 9 {
		put(t, other, fmt.Sprintf("key/%d", i), 1, "v")
	}
	files.trace()
	after := ""
	next := func(want string, readings int) {
		t.Helper()
		page, err := s.List(ctx, "key/", after, 2)
		if err != nil || len(page) == 0 {
			t.Fatalf("a page of %d records, %v", len(page), err)
		}
		got := ""
		for _, r := range page {
			got += r.Key + " "
		}
		after = page[len(page)-1].Key
		n := 0
		for _, call := range files.trace() {
			if call == "readdir key" {
				n++
			}
		}
		if got != want || n != readings {
			t.Errorf("%sby %d readings of the folder, want %sby %d", got, n, want, readings)
		}
	}
	next("key/0 key/1 ", 1)
	next("key/2 key/3 ", 0)
	put(t, other, "key/4-a", 1, "v")
	next("key/4 key/4-a ", 1)
	if err := other.Delete(ctx, "key/5", 1); err != nil {
		t.Fatal(err)
	}
	next("key/6 key/7 ", 1)
	put(t, s, "key/a", 1, "v")
	next("key/8 key/a ", 1)
	after = ""
	next("key/0 key/1 ", 1)
	after = ""
	next("key/0 key/1 ", 1) // each scan reads for itself
	next("key/2 key/3 ", 0)
	after = "j"
	next("key/0 key/1 ", 1)
}
