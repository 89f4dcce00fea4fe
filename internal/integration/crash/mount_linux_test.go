package crash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// unable ends a test that needs to mount file systems, where it cannot: for which
// it must be root, on a machine with loop devices and FUSE. CI must be one.
func unable(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// newImage returns an empty file system of a size in bytes.
func newImage(t *testing.T, size int64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mkfs.ext4", "-q", "-F", "-E",
		"nodiscard,lazy_itable_init=0,lazy_journal_init=0", path).CombinedOutput()
	if err != nil {
		unable(t, "mkfs.ext4: "+string(out), err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// mount mounts the file system in a file on a folder of its own, until the test
// ends or unmount is called.
func mount(t *testing.T, image, options string) (dir string, unmount func()) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.Command("mount", "-o", "loop,"+options, image, dir).CombinedOutput()
	if err != nil {
		unable(t, "mount: "+string(out), err)
	}
	unmount = sync.OnceFunc(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s: %v", out, err)
			exec.Command("umount", "-l", dir).Run() // or the folder cannot be removed
		}
	})
	t.Cleanup(unmount)
	return dir, unmount
}
