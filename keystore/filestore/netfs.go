package filestore

import "fmt"

// checkLocal refuses a directory on a network file system.
func checkLocal(dir string) error {
	kind, err := networkFS(dir)
	if err != nil {
		return wrap(err)
	}
	return refuse(dir, kind)
}

// refuse returns an error unless kind, of a network file system, is empty.
func refuse(dir, kind string) error {
	if kind == "" {
		return nil
	}
	return fmt.Errorf("filestore: %s is on a network file system (%s), which may lose or "+
		"overwrite keys: use a local disk, or Options.AllowNetworkFS at your own risk", dir, kind)
}
