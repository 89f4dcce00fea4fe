package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/dump"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// aliasEntry is the name of an alias in a dump. Under which key the store has
// it is the store's own.
const aliasEntry = "alias"

// Export writes a backup of the store to w, encrypted under root: every key,
// alias and tombstone. Whoever has both can do with the keys what the store
// can. The root may be the store's own; a passphrase needs nothing else to be
// kept. Import tokens, the store's root keys and its storage keys are not in it.
//
// Others may change the store meanwhile: each record is as it was at some
// moment of the call, and an alias is never without its key. A key or alias that
// does not open ends Export; a count of encryptions is left out. What was not
// written to its end does not restore.
func (k *KMS) Export(ctx context.Context, w io.Writer, root rootkey.Provider) error {
	c := k.begin(OpExport, "")
	return k.end(ctx, &c, nil, k.export(ctx, &c, w, root))
}

func (k *KMS) export(ctx context.Context, c *call, w io.Writer, root rootkey.Provider) error {
	if w == nil || root == nil {
		return fmt.Errorf("%w: a writer and a root key are needed", ErrInvalidArgument)
	}
	if err := k.admitStore(ctx, c); err != nil {
		return err
	}
	out, err := dump.NewWriter(ctx, w, dumpRoot{root}, k.timestamp())
	if err != nil {
		return dumpError(err)
	}
	// An alias comes after its key into the store, so before it into the dump.
	for _, prefix := range []string{keyring.AliasPrefix, keyPrefix, usagePrefix} {
		var failed error
		err := k.pages(ctx, prefix, "", func(p page) bool {
			for _, rec := range p.records {
				if failed = k.exportRecord(ctx, out, rec, p); failed != nil {
					return false
				}
			}
			return true
		})
		if err := cmp.Or(failed, err); err != nil {
			return err
		}
	}
	return dumpError(out.Close())
}

// exportRecord writes one record, whose body must be what its key says.
func (k *KMS) exportRecord(ctx context.Context, out *dump.Writer, rec keystore.Record, p page) error {
	entry := dump.Entry{Name: rec.Key}
	var err error
	switch {
	case strings.HasPrefix(rec.Key, keyPrefix):
		_, _, entry.Body, err = k.listedKey(ctx, rec, p.keys)
	case strings.HasPrefix(rec.Key, keyring.AliasPrefix):
		entry.Name = aliasEntry
		_, entry.Body, err = k.listedAlias(ctx, rec, p.aliases)
	default:
		var usage record.Usage
		usage, err = forgiven(k.openUsage(ctx, rec))
		entry.Body = usage.Marshal()
	}
	defer clear(entry.Body)
	if err != nil {
		return fmt.Errorf("%w: record %s", storeError(err), rec.Key)
	}
	return dumpError(out.Add(entry))
}

// Restore fills an empty store from a backup that Export has written, and which
// backupRoot opens. The store then opens with root, decrypts all that the old
// one did when the backup was made, and has the same keys and aliases; it is
// another store, with a keyring of its own.
//
// The backup is read twice, the first time to its end before anything is
// written: one that was cut or altered is ErrTampered, and the store stays
// empty. One that is not empty is ErrStoreNotEmpty. If writing fails half way
// the store does not open; empty it and begin again. Keep all others from the
// store meanwhile: one that is opened at the same moment may become another's,
// with what was restored so far in it.
func Restore(ctx context.Context, store KeyStore, root rootkey.Provider, backup io.ReadSeeker, backupRoot rootkey.Provider) error {
	if store == nil || root == nil || backup == nil || backupRoot == nil {
		return &Error{Op: OpRestore, Err: fmt.Errorf("%w: a store, a backup and two root keys are needed", ErrInvalidArgument)}
	}
	if err := restore(ctx, store, root, backup, backupRoot); err != nil {
		return &Error{Op: OpRestore, Err: err}
	}
	return nil
}

func restore(ctx context.Context, store KeyStore, root rootkey.Provider, backup io.ReadSeeker, backupRoot rootkey.Provider) error {
	if records, err := store.List(ctx, "", "", 1); err != nil {
		return storeError(err)
	} else if len(records) > 0 {
		return ErrStoreNotEmpty
	}
	in, err := dump.Open(ctx, backup, dumpRoot{backupRoot})
	if err != nil {
		return dumpError(err)
	}
	ring, ringRecord, err := keyring.New(ctx, root, time.Now().UTC().Truncate(time.Millisecond))
	if err != nil {
		return storeError(err)
	}
	for e, err := range in.Entries() {
		if err == nil {
			_, err = restoredKey(ring, e)
		}
		if err != nil {
			return dumpError(err)
		}
	}
	w := settle.NewWriter(store)
	for e, err := range in.Entries() {
		if err != nil {
			return dumpError(err)
		}
		key, err := restoredKey(ring, e)
		if err != nil {
			return dumpError(err)
		}
		if err := putNew(ctx, w, key, ring.Seal(key, 1, e.Body)); err != nil {
			return err
		}
	}
	// Last, so that a half restored store does not open. What was put of one is
	// not removed: another may have filled the store with the same keys since.
	return putNew(ctx, w, ringRecord.Key, ringRecord.Data)
}

// putNew puts a record that must not be there.
func putNew(ctx context.Context, w *settle.Writer, key string, data []byte) error {
	_, err := w.Create(ctx, key, func(cur keystore.Record) ([]byte, error) {
		if cur.Rev > 0 {
			return nil, ErrStoreNotEmpty
		}
		return data, nil
	})
	return storeError(err)
}

// restoredKey returns where the store whose keyring is ring has an entry. One
// that it could not read is refused.
func restoredKey(ring *keyring.Ring, e dump.Entry) (string, error) {
	id, isKey := strings.CutPrefix(e.Name, keyPrefix)
	used, isUsage := strings.CutPrefix(e.Name, usagePrefix)
	var err error
	switch {
	case e.Name == aliasEntry:
		a, err := record.ParseAlias(e.Body)
		if err != nil {
			return "", err
		}
		return ring.AliasKey(a.Name), nil
	case isKey:
		if _, err = parseKeyID(id); err == nil {
			_, err = record.ParseKey(e.Body)
		}
	case isUsage:
		if _, err = parseKeyID(used); err == nil {
			_, err = record.ParseUsage(e.Body)
		}
	default:
		return "", fmt.Errorf("%w: an entry %q", ErrFormatTooNew, e.Name)
	}
	return e.Name, err
}

// A dumpRoot says of a root key's failures that they are the root key's.
type dumpRoot struct{ rootkey.Provider }

func (r dumpRoot) Wrap(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	wrapped, err := r.Provider.Wrap(ctx, plaintext, aad)
	return wrapped, rootError(err)
}

func (r dumpRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	plaintext, err := r.Provider.Unwrap(ctx, wrapped, aad)
	return plaintext, rootError(err)
}

func rootError(err error) error {
	if err == nil || errors.Is(err, rootkey.ErrWrongKey) || errors.Is(err, rootkey.ErrTampered) ||
		errors.Is(err, rootkey.ErrFormatTooNew) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
}

// dumpError makes an error of a dump one of this package.
func dumpError(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrRootUnavailable), errors.Is(err, ErrTampered), errors.Is(err, ErrFormatTooNew):
		return err
	case errors.Is(err, rootkey.ErrWrongKey):
		return fmt.Errorf("%w: %w", ErrWrongRootKey, err)
	case errors.Is(err, dump.ErrDamaged), errors.Is(err, rootkey.ErrTampered):
		return fmt.Errorf("%w: %w", ErrTampered, err)
	case errors.Is(err, dump.ErrTooNew), errors.Is(err, rootkey.ErrFormatTooNew):
		return fmt.Errorf("%w: %w", ErrFormatTooNew, err)
	}
	return fmt.Errorf("%w: %w", ErrBackupFailed, err)
}
