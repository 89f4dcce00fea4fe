package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore/filestore"
)

// A faultFS is the system's files with something between: it records the calls
// and asks a hook before each.
type faultFS struct {
	durable.OS
	mu    sync.Mutex
	hook  func(call string) error
	after bool // do what the hook lets fail all the same
	idle  bool // leave out the fsyncs themselves, which take the time
	calls []string
}

var errShort = errors.New("only half was written")

func newFS() *faultFS { return &faultFS{} }

// before installs a hook that may delay a call or let it fail.
func (f *faultFS) before(hook func(call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// failAt lets the call number n from now on fail. The function that it returns
// ends that, and names the call, if there was one.
func (f *faultFS) failAt(n int, fault error) (failed func() string) {
	i, name := -1, ""
	f.before(func(call string) error {
		if i++; i == n {
			name = call
			return fault
		}
		return nil
	})
	return func() string {
		f.before(nil)
		return name
	}
}

// trace returns the calls since the last trace.
func (f *faultFS) trace() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// do makes a call, named by what it does and the last elements of its path.
func (f *faultFS) do(verb, path string, call func() error) error {
	name := verb + " " + filepath.Base(path)
	if i := strings.Index(name, durable.TempPrefix); i >= 0 {
		name = name[:i] + "temp"
	}
	f.mu.Lock()
	f.calls = append(f.calls, name)
	hook, after := f.hook, f.after
	f.mu.Unlock()
	var err error
	if hook != nil {
		err = hook(name)
	}
	if err == nil || after {
		if cerr := call(); err == nil {
			err = cerr
		}
	}
	return err
}

func isSync(call string) bool { return strings.HasPrefix(call, "sync ") }

func (f *faultFS) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	var file durable.File
	err := f.do("open", name, func() (err error) {
		file, err = f.OS.OpenFile(name, flag, perm)
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultFile{file, f, name}, nil
}

func (f *faultFS) Mkdir(name string, perm fs.FileMode) error {
	return f.do("mkdir", name, func() error { return f.OS.Mkdir(name, perm) })
}

func (f *faultFS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = f.do("readdir", name, func() (err error) {
		entries, err = f.OS.ReadDir(name)
		return err
	})
	return entries, err
}

func (f *faultFS) Link(oldname, newname string) error {
	return f.do("link", newname, func() error { return f.OS.Link(oldname, newname) })
}

func (f *faultFS) Rename(oldname, newname string) error {
	return f.do("rename", newname, func() error { return f.OS.Rename(oldname, newname) })
}

func (f *faultFS) Remove(name string) error {
	return f.do("remove", name, func() error { return f.OS.Remove(name) })
}

type faultFile struct {
	durable.File
	fs   *faultFS
	name string
}

func (f *faultFile) Read(b []byte) (n int, err error) {
	err = f.fs.do("read", f.name, func() (err error) {
		n, err = f.File.Read(b)
		return err
	})
	return n, err
}

func (f *faultFile) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.fs.do("readat", f.name, func() (err error) {
		n, err = f.File.ReadAt(b, at)
		return err
	})
	return n, err
}

func (f *faultFile) Write(b []byte) (n int, err error) {
	err = f.fs.do("write", f.name, func() (err error) {
		n, err = f.File.Write(b)
		return err
	})
	if errors.Is(err, errShort) && n == 0 {
		n, _ = f.File.Write(b[:len(b)/2])
	}
	return n, err
}

func (f *faultFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.fs.do("writeat", f.name, func() (err error) {
		n, err = f.File.WriteAt(b, at)
		return err
	})
	return n, err
}

func (f *faultFile) Stat() (info fs.FileInfo, err error) {
	err = f.fs.do("stat", f.name, func() (err error) {
		info, err = f.File.Stat()
		return err
	})
	return info, err
}

func (f *faultFile) Sync() error {
	return f.fs.do("sync", f.name, func() error {
		if f.fs.idle {
			return nil
		}
		return f.File.Sync()
	})
}

func (f *faultFile) Close() error {
	err := f.fs.do("close", f.name, f.File.Close)
	f.File.Close() // whatever the hook said
	return err
}

// fastDir is t.TempDir in memory where a system has such a place: for tests that
// write thousands of files and pull no plug.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "filestore")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// openFS opens dir on fsys until the test ends.
func openFS(t testing.TB, dir string, fsys *faultFS) *filestore.Store {
	t.Helper()
	s, err := filestore.OpenFS(fsys, dir, &filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	fsys.trace()
	return s
}
