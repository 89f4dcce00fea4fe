package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/embedkms/kms"
)

// A table is a JSON file of encrypted rows. It stands for one in a database.
type table struct {
	path string
	name string // that its rows are bound to
	Rows []row
}

type row struct {
	ID     string
	Sealed []byte // base64 in the file
}

// openTable reads a table. One that is not there is empty.
func openTable(path, name string) (*table, error) {
	t := &table{path: path, name: name}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	} else if err != nil {
		return nil, err
	}
	return t, json.Unmarshal(b, &t.Rows)
}

// save replaces the file as a whole.
func (t *table) save() error {
	b, err := json.MarshalIndent(t.Rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(t.path+".new", t.path)
}

// binding is what a row is bound to: where it stands. A ciphertext that was
// copied into another row does not open there.
func (t *table) binding(id string) kms.EncryptionContext {
	return kms.EncryptionContext{"table": t.name, "row": id}
}

// insert adds an encrypted row, under the key that the alias stands for now.
func (t *table) insert(ctx context.Context, k *kms.KMS, id, value string) error {
	sealed, err := k.Encrypt(ctx, alias, []byte(value), t.binding(id))
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, row{id, sealed})
	return t.save()
}

// open decrypts a row. The ciphertext names its key and version, so that rows
// of before and after a change open alike.
func (t *table) open(ctx context.Context, k *kms.KMS, r row) (string, error) {
	value, err := k.Decrypt(ctx, r.Sealed, t.binding(r.ID))
	return string(value), err
}

// openAll returns how many rows there are, all of which open.
func (t *table) openAll(ctx context.Context, k *kms.KMS) (int, error) {
	for _, r := range t.Rows {
		if _, err := t.open(ctx, k, r); err != nil {
			return 0, fmt.Errorf("row %s: %w", r.ID, err)
		}
	}
	return len(t.Rows), nil
}

// reEncrypt brings every row under the primary version of the key that the
// alias stands for, and returns how many were not there yet. It may be
// interrupted and run again at any time. In a database, update a row only if it
// still holds what was read, so that no newer value is lost.
func (t *table) reEncrypt(ctx context.Context, k *kms.KMS) (changed int, err error) {
	for i, r := range t.Rows {
		sealed, isNew, err := k.ReEncrypt(ctx, r.Sealed, t.binding(r.ID), &kms.ReEncryptOptions{Key: alias})
		if err != nil {
			return changed, fmt.Errorf("row %s: %w", r.ID, err)
		}
		if isNew {
			t.Rows[i].Sealed = sealed
			changed++
		}
	}
	return changed, t.save()
}

// count returns how many rows are under a version of a key, or under any if
// version is 0. It needs no key, and so proves nothing against someone who
// forges rows; reEncrypt has verified each of them.
func (t *table) count(key string, version uint32) (n int, err error) {
	for _, r := range t.Rows {
		info, err := kms.ParseCiphertext(r.Sealed)
		if err != nil {
			return 0, fmt.Errorf("row %s: %w", r.ID, err)
		}
		if info.KeyID == key && (version == 0 || info.KeyVersion == version) {
			n++
		}
	}
	return n, nil
}
