//go:build darwin || dragonfly || freebsd

package filestore

import "testing"

func TestNetworkName(t *testing.T) {
	for _, c := range []struct {
		name           string
		local, network bool
	}{
		{"apfs", true, false}, {"hfs", true, false}, {"ufs", true, false}, {"zfs", true, false},
		{"msdosfs", true, false}, {"tmpfs", true, false},
		{"nfs", false, true}, {"nfs", true, true}, {"smbfs", false, true}, {"afpfs", false, true},
		{"webdav", false, true}, {"fusefs.sshfs", true, true}, {"macfuse", true, true},
		{"osxfuse", true, true}, {"p9fs", true, true}, {"whatever", false, true},
	} {
		if kind := networkName(c.name, c.local); (kind != "") != c.network {
			t.Errorf("%s, local %v: %q", c.name, c.local, kind)
		}
	}
}
