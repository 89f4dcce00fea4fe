package kms

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// CreateAlias makes alias, of the form alias/<name>, stand for a key, which
// may be named by its ID or by another alias; the alias points at the key
// itself. A key may have many aliases. A taken alias is ErrAliasExists,
// whichever key it points at; of two processes that create it, one wins.
//
// A name is [A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)* of at most 250 bytes. Names do not
// show in the key store.
func (k *KMS) CreateAlias(ctx context.Context, alias, key string) error {
	c := k.begin(OpCreateAlias, alias)
	return k.end(ctx, &c, nil, k.createAlias(ctx, &c, key))
}

func (k *KMS) createAlias(ctx context.Context, c *call, ref string) error {
	if err := k.alive(); err != nil {
		return err
	}
	if _, err := parseAlias(c.ref); err != nil {
		return err
	}
	id, _, err := k.readRef(ctx, c, ref)
	if err != nil {
		return err
	}
	if err := k.aliasIsFree(ctx, c.ref); err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	return k.putNewAlias(ctx, c.ref, id)
}

// aliasIsFree returns ErrAliasExists if the store has the alias.
func (k *KMS) aliasIsFree(ctx context.Context, alias string) error {
	name, err := parseAlias(alias)
	if err != nil {
		return err
	}
	switch _, err := k.readAlias(ctx, name); {
	case err == nil:
		return ErrAliasExists
	case errors.Is(err, ErrAliasNotFound):
		return nil
	default:
		return err
	}
}

// putNewAlias stores an alias that points at id.
func (k *KMS) putNewAlias(ctx context.Context, alias string, id keyID) error {
	name, err := parseAlias(alias)
	if err != nil {
		return err
	}
	a := record.Alias{Name: name, KeyID: id, CreatedAt: k.timestamp()}
	rand.Read(a.ID[:])
	key := k.ring.Load().AliasKey(name)
	rec, err := k.writer.Create(ctx, key, func(cur keystore.Record) ([]byte, error) {
		if cur.Rev == 0 {
			return k.ring.Load().Seal(key, 1, a.Marshal()), nil
		}
		stored, err := k.parseAliasRecord(ctx, name, cur)
		if err != nil {
			return nil, err
		}
		if stored.ID != a.ID {
			return nil, ErrAliasExists
		}
		return nil, nil // it is ours: only the reply was lost
	})
	k.aliases.Wrote(name, rec)
	return storeError(err)
}

// readAlias reads an alias from the store.
func (k *KMS) readAlias(ctx context.Context, name string) (*record.Alias, error) {
	began := k.aliases.Begin()
	rec, err := k.getAlias(ctx, name)
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return nil, storeError(err)
	}
	var a *record.Alias
	if rec.Rev > 0 {
		if a, err = k.parseAliasRecord(ctx, name, rec); err != nil {
			return nil, storeError(err)
		}
	}
	if err := k.aliases.Observe(name, rec, began); err != nil {
		return nil, err
	}
	if a == nil {
		return nil, ErrAliasNotFound
	}
	return a, nil
}
