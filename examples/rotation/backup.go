package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/rootkey"
)

// backup writes a backup, restores it, and reads a row with the result: one
// that was never restored is none.
func (t *tour) backup(ctx context.Context) error {
	t.head("Export a backup, under a root key of its own")
	root, err := t.backupRoot()
	if err != nil {
		return err
	}
	path := filepath.Join(t.dir, "keys.backup")
	if err := t.export(ctx, path, root); err != nil {
		return err
	}
	t.head("Restore it into another store, with another root key")
	other := filepath.Join(t.dir, "other")
	if err := restore(ctx, path, root, other); err != nil {
		return err
	}
	k, closeKeys, err := openKeys(ctx, other, t.clock)
	if err != nil {
		return err
	}
	defer closeKeys()
	for key, err := range k.Keys(ctx, "") {
		if err != nil {
			return err
		}
		t.say("  has key %s, %s", key.ID, key.State)
	}
	value, err := t.customers.open(ctx, k, t.customers.Rows[0])
	if err != nil {
		return err
	}
	t.say("  opens row %s of table customers: %q", t.customers.Rows[0].ID, value)
	return nil
}

// backupRoot returns what the backup is encrypted under: a passphrase, which
// can be kept on paper, or a file in FIPS 140-3 mode, where no passphrase may be.
func (t *tour) backupRoot() (rootkey.Provider, error) {
	root, err := rootkey.Passphrase([]byte("let chance choose six words here"), nil)
	if errors.Is(err, rootkey.ErrUnsupportedAlgorithm) {
		t.say("  no passphrase in FIPS 140-3 mode: a root key file instead")
		return rootkey.File(filepath.Join(t.dir, "backup.key"), &rootkey.FileOptions{Create: true})
	}
	return root, err
}

// export writes a backup to a new file, which is whole only if it closes well.
func (t *tour) export(ctx context.Context, path string, root rootkey.Provider) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = t.kms.Export(ctx, f, root)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		t.say("  %s is written", filepath.Base(path))
	}
	return err
}

// restore fills a new store dir/store, with a new root key dir/root.key.
func restore(ctx context.Context, path string, backupRoot rootkey.Provider, dir string) error {
	backup, err := os.Open(path)
	if err != nil {
		return err
	}
	defer backup.Close()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := rootkey.File(filepath.Join(dir, "root.key"), &rootkey.FileOptions{Create: true})
	if err != nil {
		return err
	}
	store, err := filestore.Open(filepath.Join(dir, "store"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	return kms.Restore(ctx, store, root, backup, backupRoot)
}
