package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "first")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Create: %v", err)
	}
	wantFile(t, path, "first")
	wantNames(t, dir, "file")

	for _, path := range []string{
		filepath.Join(dir, "none", "file"), filepath.Join(path, "below"), dir,
	} {
		if err := Create(path, nil); err == nil {
			t.Errorf("created %s", path)
		}
	}
	wantNames(t, dir, "file")
}

// TestCreateOnce has many create one file: one succeeds, with all of its bytes.
func TestCreateOnce(t *testing.T) {
	dir := t.TempDir()
	for _, create := range []struct {
		name string
		f    func(path string, data []byte) error
	}{{"Create", Create}, {"without links", createNoLinks}} {
		path := filepath.Join(dir, create.name)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range int32(16) {
			wg.Go(func() {
				err := create.f(path, bytes.Repeat([]byte{byte(i)}, 10_000))
				if err == nil && !won.CompareAndSwap(0, i+1) {
					t.Errorf("%s: a second one succeeded", create.name)
				}
				if err != nil && !errors.Is(err, fs.ErrExist) {
					t.Errorf("%s: %v", create.name, err)
				}
			})
		}
		wg.Wait()
		wantFile(t, path, strings.Repeat(string(rune(won.Load()-1)), 10_000))
	}
	wantNames(t, dir, "Create", "without links")
}

// A failing FS is the system's, but for one call.
type failing struct {
	OS
	n     int    // the call that fails
	calls int    // so far
	what  string // the name of the call that failed
}

var errDisk = errors.New("disk on fire")

func (f *failing) fail(what string) error {
	f.calls++
	if f.calls-1 != f.n {
		return nil
	}
	f.what = what
	return errDisk
}

func (f *failing) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.fail("open"); err != nil {
		return nil, err
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &failingFile{file, f}, nil
}

func (f *failing) Mkdir(name string, perm fs.FileMode) error {
	if err := f.fail("mkdir"); err != nil {
		return err
	}
	return f.OS.Mkdir(name, perm)
}

func (f *failing) Link(oldname, newname string) error {
	if err := f.fail("link"); err != nil {
		return err
	}
	return f.OS.Link(oldname, newname)
}

type failingFile struct {
	File
	fs *failing
}

func (f *failingFile) Write(b []byte) (int, error) {
	if err := f.fs.fail("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *failingFile) Sync() error {
	if err := f.fs.fail("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *failingFile) Close() error {
	f.File.Close()
	return f.fs.fail("close")
}

// TestCreateFails lets each call of Create fail: the file is whole or not there,
// and no other is left.
func TestCreateFails(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		fsys := &failing{n: n}
		err := create(fsys, path, []byte("data"))
		if fsys.what == "" {
			if err != nil || n < 5 {
				t.Errorf("%d calls, %v", n, err)
			}
			return
		}
		if (err == nil) != (fsys.what == "close" && n > 4) { // the folder's matters to nobody
			t.Errorf("call %d, %s: %v", n, fsys.what, err)
		}
		if errors.Is(err, ErrSync) != (fsys.what == "sync") {
			t.Errorf("call %d, %s: %v", n, fsys.what, err)
		}
		names := []string{}
		if n > 4 { // behind the link
			names = append(names, "file")
			wantFile(t, path, "data")
		}
		wantNames(t, dir, names...)
	}
}

func TestMkdirAll(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b", "c")
	for range 2 { // the second time it is there
		if err := MkdirAll(OS{}, dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(d)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", d, info.Mode(), err)
		}
	}
	if err := MkdirAll(&failing{n: 1}, filepath.Join(top, "x", "y")); !errors.Is(err, errDisk) {
		t.Errorf("a parent that cannot be made: %v", err)
	}
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := SyncDir(OS{}, dir); err != nil {
		t.Error(err)
	}
	none := filepath.Join(dir, "none")
	if err := SyncDir(OS{}, none); canSyncDir && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if err := SyncDir(&failing{n: 1}, dir); canSyncDir && !errors.Is(err, ErrSync) {
		t.Errorf("an fsync that fails: %v", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var files [2]File
	for i := range files {
		f, err := OS{}.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	try := func(i int, want bool) {
		t.Helper()
		if ok, err := TryLock(files[i]); ok != want || err != nil {
			t.Errorf("lock by %d: %v, %v, want %v", i, ok, err, want)
		}
	}
	try(0, true)
	try(1, false)
	if _, err := files[1].WriteAt([]byte("x"), 0); err != nil { // it locks out no content
		t.Error(err)
	}
	if err := Unlock(files[0]); err != nil {
		t.Error(err)
	}
	try(1, true)
	try(0, false)
	files[1].Close()
	try(0, true)
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s: %.20q, %v, want %.20q", path, b, err, want)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if err != nil || fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("%s has %q, %v, want %q", dir, names, err, want)
	}
}
