//go:build darwin || dragonfly || freebsd

package filestore

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// networkNames begin the names of file systems that another machine or a user's
// program stands behind. Some of them pass for local.
var networkNames = []string{
	"afpfs", "afs", "cifs", "fuse", "fusefs", "macfuse", "nfs", "osxfuse",
	"p9fs", "smbfs", "virtiofs", "webdav",
}

// networkFS returns what kind of network file system dir is on, or "".
func networkFS(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return networkName(unix.ByteSliceToString(st.Fstypename[:]), st.Flags&unix.MNT_LOCAL != 0), nil
}

// networkName returns name if it is that of a network file system.
func networkName(name string, local bool) string {
	for _, n := range networkNames {
		if strings.HasPrefix(name, n) {
			return name
		}
	}
	if !local {
		return name
	}
	return ""
}
