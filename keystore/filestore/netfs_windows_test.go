package filestore

import (
	"testing"

	"golang.org/x/sys/windows"
)

func TestNetworkDrive(t *testing.T) {
	for kind, network := range map[uint32]bool{
		windows.DRIVE_FIXED: false, windows.DRIVE_REMOVABLE: false, windows.DRIVE_RAMDISK: false,
		windows.DRIVE_REMOTE: true,
	} {
		if got := networkDrive(kind); (got != "") != network {
			t.Errorf("drive type %d: %q", kind, got)
		}
	}
	if _, err := networkFS(t.TempDir()); err != nil {
		t.Error(err)
	}
}
