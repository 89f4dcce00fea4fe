package filestore

import (
	"strings"
	"testing"
)

func TestNetworkMagic(t *testing.T) {
	for name, c := range map[string]struct {
		magic   uint32
		network bool
	}{ // from statfs(2)
		"ext4":      {0xef53, false},
		"xfs":       {0x58465342, false},
		"btrfs":     {0x9123683e, false},
		"zfs":       {0x2fc12fc1, false},
		"f2fs":      {0xf2f52010, false},
		"overlayfs": {0x794c7630, false},
		"tmpfs":     {0x01021994, false},
		"vfat":      {0x4d44, false},
		"nfs":       {0x6969, true},
		"cifs":      {0xff534d42, true}, // negative in a signed 32-bit field
		"smb2":      {0xfe534d42, true},
		"smb":       {0x517b, true},
		"fuse":      {0x65735546, true},
		"9p":        {0x01021997, true},
		"ceph":      {0x00c36400, true},
		"afs":       {0x5346414f, true},
		"kafs":      {0x6b414653, true},
		"coda":      {0x73757245, true},
		"lustre":    {0x0bd00bd0, true},
	} {
		if kind := networkMagic[c.magic]; (kind != "") != c.network {
			t.Errorf("%s: %q", name, kind)
		}
	}
}

func TestNetworkFS(t *testing.T) {
	if _, err := networkFS(t.TempDir()); err != nil {
		t.Error(err)
	}
	if _, err := networkFS("/not there"); err == nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestRefuseNetwork needs no network file system, only its verdict.
func TestRefuseNetwork(t *testing.T) {
	err := refuse("/srv/keys", "NFS")
	for _, want := range []string{"/srv/keys", "NFS", "AllowNetworkFS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v without %q", err, want)
		}
	}
	if err := refuse("/srv/keys", ""); err != nil {
		t.Error(err)
	}
}
