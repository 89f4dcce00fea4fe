//go:build unix

package kms_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// dropRoot gives dir to nobody and becomes him, if the test is run by root, to
// whom no mode of a file says anything. It ends with the test. No other test may
// run meanwhile.
func dropRoot(t *testing.T, dir string) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return
	}
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, -1)
	}))
	must(t, syscall.Setreuid(-1, nobody))
	t.Cleanup(func() { must(t, syscall.Setreuid(-1, 0)) })
}
