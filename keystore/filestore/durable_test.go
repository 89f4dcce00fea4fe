package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
)

// writing returns the calls that change something or make it durable.
func writing(trace []string) []string {
	return slices.DeleteFunc(trace, func(call string) bool {
		verb, _, _ := strings.Cut(call, " ")
		return !slices.Contains([]string{
			"mkdir", "write", "writeat", "sync", "link", "rename", "remove",
		}, verb)
	})
}

// TestOrder wants each write to follow the protocol: data before name, the mark
// around what a reader may see, and the count before the end of the mark.
func TestOrder(t *testing.T) {
	fsys := newFS()
	dir := filepath.Join(t.TempDir(), "store")
	s := openFS(t, dir, fsys)
	mark, unmark := "writeat .lock", []string{"writeat .lock", "writeat .lock"}
	for _, step := range []struct {
		name string
		do   func()
		want [][]string
	}{
		{"first record of a folder", func() { put(t, s, "key/a", 1, "v") }, [][]string{
			{mark, "mkdir key", "sync store"}, unmark,
			{"write temp", "sync temp", mark, "link a", "remove temp", "sync key"}, unmark,
		}},
		{"create", func() { put(t, s, "key/b", 1, "v") }, [][]string{
			{"write temp", "sync temp", mark, "link b", "remove temp", "sync key"}, unmark,
		}},
		{"replace", func() { put(t, s, "key/a", 2, "v") }, [][]string{
			{"write temp", "sync temp", mark, "rename a", "sync key"}, unmark,
		}},
		{"delete", func() { s.Delete(t.Context(), "key/a", 2) }, [][]string{
			{mark, "remove a", "sync key"}, unmark,
		}},
		{"conflict", func() {
			s.Put(t.Context(), keystore.Record{Key: "key/b", Rev: 7, Data: []byte{1}})
			s.Delete(t.Context(), "key/b", 7)
		}, nil},
		{"one segment", func() { put(t, s, "x", 1, "v") }, [][]string{
			{"write temp", "sync temp", mark, "link x.rec", "remove temp", "sync store"}, unmark,
		}},
	} {
		step.do()
		got, want := writing(fsys.trace()), slices.Concat(step.want...)
		if runtime.GOOS == "windows" {
			onDir := func(c string) bool { return isSync(c) && c != "sync temp" }
			want = slices.DeleteFunc(want, onDir)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%q, want\n%q", step.name, got, want)
		}
	}
}

// setMark writes the byte that says that a change may not be durable.
func setMark(t *testing.T, dir string, mark byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, filestore.LockName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{mark}, filestore.MarkAt); err != nil {
		t.Fatal(err)
	}
}

func marked(t *testing.T, dir string) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filestore.LockName))
	if err != nil {
		t.Fatal(err)
	}
	return b[filestore.MarkAt] != 0
}

func syncs(trace []string) []string {
	return slices.DeleteFunc(trace, func(call string) bool { return !isSync(call) })
}

// TestDeadWriter has a writer die between the change and its fsync.
func TestDeadWriter(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories have no fsync on Windows")
	}
	fsys := newFS()
	dir := filepath.Join(t.TempDir(), "store")
	s := openFS(t, dir, fsys)
	put(t, s, "key/a", 1, "v")
	put(t, s, "alias/a", 1, "v")
	fsys.trace()

	get := func(key string) func() {
		return func() { s.Get(t.Context(), key) }
	}
	list := func(prefix string) func() {
		return func() { s.List(t.Context(), prefix, "", 10) }
	}
	for _, read := range []struct {
		name string
		do   func()
		want []string // synced if there is a mark
	}{
		{"Get", get("key/a"), []string{"sync key"}},
		{"Get of nothing", get("key/b"), []string{"sync key"}},
		{"Get where there is no folder", get("token/b"), nil},
	} {
		read.do()
		if got := syncs(fsys.trace()); len(got) > 0 {
			t.Errorf("%s without a mark: %q", read.name, got)
		}
		setMark(t, dir, 1)
		read.do()
		got := syncs(fsys.trace())
		if !slices.Equal(got, read.want) {
			t.Errorf("%s with the mark: %q, want %q", read.name, got, read.want)
		}
		if !marked(t, dir) {
			t.Errorf("%s took the mark away", read.name)
		}
		setMark(t, dir, 0)
	}

	// A List and a writer take over from the dead one.
	all := []string{"sync store", "sync alias", "sync key"}
	for name, do := range map[string]func(){
		"List":         list("key/"),
		"List of none": list("x"),
		"conflict":     func() { s.Delete(t.Context(), "key/a", 5) },
		"create":       func() { put(t, s, "key/new", 1, "v") },
		"Open":         func() { reopen(t, dir, fsys) },
	} {
		setMark(t, dir, 1)
		fsys.trace()
		do()
		got := syncs(fsys.trace())
		if len(got) < 3 || !slices.Equal(got[:3], all) {
			t.Errorf("%s with the mark: %q, want first %q", name, got, all)
		}
		if marked(t, dir) {
			t.Errorf("%s left the mark", name)
		}
	}
}

// reopen opens a second handle for a moment.
func reopen(t *testing.T, dir string, fsys *faultFS) {
	t.Helper()
	s, err := filestore.OpenFS(fsys, dir, &filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// TestReadBeforeDurable reads through one handle what the other has renamed and
// not made durable yet.
func TestReadBeforeDurable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories have no fsync on Windows")
	}
	dir := t.TempDir()
	writer, reader := newFS(), newFS()
	w, r := openFS(t, dir, writer), openFS(t, dir, reader)
	put(t, w, "key/a", 1, "v1")
	reached, gate := make(chan struct{}), make(chan struct{})
	writer.before(func(call string) error {
		if call == "sync key" {
			close(reached)
			<-gate
		}
		return nil
	})
	done := make(chan error)
	go func() {
		done <- w.Put(context.Background(),
			keystore.Record{Key: "key/a", Rev: 2, Data: []byte("v2")})
	}()
	<-reached
	reader.trace()
	wantRecord(t, r, "key/a", 2, "v2")
	if got := reader.trace(); !slices.Contains(got, "sync key") {
		t.Errorf("Get of what is not durable: %q", got)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	reader.trace()
	wantRecord(t, r, "key/a", 2, "v2")
	if got := reader.trace(); slices.ContainsFunc(got, isSync) {
		t.Errorf("Get of what is durable: %q", got)
	}
}

// TestSyncFailureIsFinal fails each fsync that a call makes.
func TestSyncFailureIsFinal(t *testing.T) {
	for _, failing := range []string{"sync temp", "sync key"} {
		if runtime.GOOS == "windows" && failing != "sync temp" {
			continue
		}
		fsys := newFS()
		dir := t.TempDir()
		s := openFS(t, dir, fsys)
		put(t, s, "key/a", 1, "v1")
		fsys.before(func(call string) error {
			if call == failing {
				return syscall.EIO
			}
			return nil
		})
		next := keystore.Record{Key: "key/a", Rev: 2, Data: []byte("v2")}
		err := s.Put(t.Context(), next)
		if !errors.Is(err, syscall.EIO) || errors.Is(err, keystore.ErrConflict) {
			t.Errorf("%s: %v", failing, err)
		}
		fsys.before(nil)
		refused := func(name string, err error) {
			again := strings.Contains(fmt.Sprint(err), "open the store again")
			if !again || !errors.Is(err, durable.ErrSync) {
				t.Errorf("%s failed, then %s: %v", failing, name, err)
			}
		}
		refused("Put", s.Put(t.Context(), next))
		refused("Delete", s.Delete(t.Context(), "key/a", 1))
		_, err = s.Get(t.Context(), "key/a")
		refused("Get", err)
		_, err = s.List(t.Context(), "", "", 1)
		refused("List", err)

		again := openStore(t, dir)
		r, err := again.Get(t.Context(), "key/a")
		if err != nil || string(r.Data) != []string{"", "v1", "v2"}[r.Rev] {
			t.Errorf("%s failed, then opened: %d, %q, %v", failing, r.Rev, r.Data, err)
		}
		put(t, again, "key/a", r.Rev+1, "v3")
		noTemps(t, dir)
	}
}

// TestReaderSyncFailure is final too: the reader cannot know what it saw.
func TestReaderSyncFailure(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories have no fsync on Windows")
	}
	fsys := newFS()
	dir := t.TempDir()
	s := openFS(t, dir, fsys)
	put(t, s, "key/a", 1, "v1")
	setMark(t, dir, 1)
	fsys.before(func(call string) error {
		if isSync(call) {
			return syscall.EIO
		}
		return nil
	})
	if _, err := s.Get(t.Context(), "key/a"); !errors.Is(err, syscall.EIO) {
		t.Errorf("Get: %v", err)
	}
	fsys.before(nil)
	if _, err := s.Get(t.Context(), "key/a"); !errors.Is(err, durable.ErrSync) {
		t.Errorf("Get again: %v", err)
	}
}

// noTemps checks that no temporary file is left in dir.
func noTemps(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), durable.TempPrefix) {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHiddenName has a directory reading miss a name because of a rename.
func TestHiddenName(t *testing.T) {
	dir := t.TempDir()
	w := openStore(t, dir)
	for _, key := range []string{"key/a", "key/b", "key/c"} {
		put(t, w, key, 1, "v")
	}
	fsys := &hidingFS{faultFS: newFS()}
	s, err := filestore.OpenFS(fsys, dir, &filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fsys.write = func() { put(t, w, "key/b", 2, "v") }
	page, err := s.List(t.Context(), "key/", "", 10)
	if err != nil || len(page) != 3 {
		t.Errorf("List: %d records, %v, want 3", len(page), err)
	}
}

// A hidingFS leaves b out of a directory once, while write replaces it.
type hidingFS struct {
	*faultFS
	write func()
}

func (f *hidingFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := f.faultFS.ReadDir(name)
	if write := f.write; write != nil && filepath.Base(name) == "key" {
		f.write = nil
		write()
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "b" })
	}
	return entries, err
}
