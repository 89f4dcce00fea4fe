package filestore

import (
	"os"

	"golang.org/x/sys/windows"
)

// networkFS returns what kind of network file system dir is on, or "".
func networkFS(dir string) (string, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: dir, Err: err}
	}
	volume := make([]uint16, len(dir)+2)
	if err := windows.GetVolumePathName(p, &volume[0], uint32(len(volume))); err != nil {
		return "", &os.PathError{Op: "GetVolumePathName", Path: dir, Err: err}
	}
	return networkDrive(windows.GetDriveType(&volume[0])), nil
}

// networkDrive returns what a drive type of GetDriveType is called if it is
// behind a network, or "".
func networkDrive(kind uint32) string {
	if kind == windows.DRIVE_REMOTE {
		return "network drive"
	}
	return ""
}
