package rootkey_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/rootkey"
)

// write returns the path of a new file.
func write(t testing.TB, data []byte, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFile(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
		for _, opts := range []*rootkey.FileOptions{nil, {}, {Create: true}} {
			p, err := rootkey.File(write(t, key(1), mode), opts)
			if err != nil {
				t.Fatal(err)
			}
			opens(t, p, wrap(t, static(t, key(1))))
			opens(t, static(t, key(1)), wrap(t, p))
			if p.ID() != idOfOnes {
				t.Errorf("ID %q, want %q", p.ID(), idOfOnes)
			}
		}
	}
}

func TestFileSize(t *testing.T) {
	for _, data := range [][]byte{
		nil, key('S')[:1], key('S')[:31], append(key('S'), '\n'),
		bytes.Repeat([]byte("S"), 64), bytes.Repeat([]byte("S"), 1<<20), key(0),
	} {
		path := write(t, data, 0o600)
		p, err := rootkey.File(path, &rootkey.FileOptions{Create: true})
		if p != nil || err == nil {
			t.Errorf("%d bytes: %v, %v", len(data), p, err)
			continue
		}
		if s := err.Error(); !strings.Contains(s, path) || strings.Contains(s, "SS") {
			t.Errorf("%d bytes: %v", len(data), err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%d bytes: file was changed, %v", len(data), err)
		}
	}
}

func TestFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no mode here")
	}
	for bit := range 6 {
		_, err := rootkey.File(write(t, key('S'), 0o600|1<<bit), nil)
		if err == nil || !strings.Contains(err.Error(), "chmod 600") ||
			strings.Contains(err.Error(), "SS") {
			t.Errorf("mode %o: %v", 0o600|1<<bit, err)
		}
	}
}

func TestFileMissing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root.key")
	for _, opts := range []*rootkey.FileOptions{nil, {}} {
		if p, err := rootkey.File(path, opts); p != nil || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, %v", p, err)
		}
	}
	path = filepath.Join(dir, "none", "root.key")
	p, err := rootkey.File(path, &rootkey.FileOptions{Create: true})
	if p != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v, %v", p, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func TestFileIrregular(t *testing.T) {
	create := &rootkey.FileOptions{Create: true}
	for _, path := range []string{t.TempDir(), os.DevNull} {
		if p, err := rootkey.File(path, create); p != nil || err == nil {
			t.Errorf("%s: %v, %v", path, p, err)
		}
	}
}

func TestFileSymlink(t *testing.T) {
	target := write(t, key(1), 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	create := &rootkey.FileOptions{Create: true}
	p, err := rootkey.File(link, create)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, p, wrap(t, static(t, key(1))))

	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if p, err := rootkey.File(link, create); p != nil || err == nil {
		t.Errorf("link to nothing: %v, %v", p, err)
	}
}

func TestFileCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	const callers = 8
	var ids [callers]string
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { ids[i] = create(t, path) })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("IDs %q", ids)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if id := static(t, content).ID(); id != ids[0] {
		t.Errorf("ID %q, want the file's %q", ids[0], id)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// create returns the ID of the root in a file that may have to be made.
func create(t *testing.T, path string) string {
	p, err := rootkey.File(path, &rootkey.FileOptions{Create: true})
	if err != nil {
		t.Error(err)
		return ""
	}
	return p.ID()
}

// Four processes create the same files in the same order. They start together
// when the one that runs them closes their input.
func TestFileCreateProcesses(t *testing.T) {
	const files = 20
	if dir := os.Getenv("ROOTKEY_TEST_DIR"); dir != "" {
		io.Copy(io.Discard, os.Stdin)
		for i := range files {
			fmt.Println("created", create(t, filepath.Join(dir, fmt.Sprint(i))))
		}
		return
	}
	dir := t.TempDir()
	var processes []*process
	for range 4 {
		processes = append(processes, runSelf(t, t.Name(), "ROOTKEY_TEST_DIR="+dir))
	}
	var first string
	for _, p := range processes {
		p.stdin.Close()
	}
	for _, p := range processes {
		out := p.wait(t)
		if first == "" {
			first = out
		}
		if strings.Count(out, "created key-") != files || ids(out) != ids(first) {
			t.Errorf("one process created\n%s\nanother\n%s", first, out)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != files {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// ids returns the lines that say what was created.
func ids(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "created ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// A process is this test binary, running one test.
type process struct {
	*exec.Cmd
	stdin io.Closer
	out   bytes.Buffer
}

// runSelf starts one test in a process of its own.
func runSelf(t *testing.T, test, env string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), exe, "-test.v", "-test.run=^"+test+"$")}
	p.Env = append(os.Environ(), env)
	p.Stdout, p.Stderr = &p.out, &p.out
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait returns what the process wrote.
func (p *process) wait(t *testing.T) string {
	t.Helper()
	if err := p.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &p.out)
	}
	return p.out.String()
}
