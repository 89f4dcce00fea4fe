package kms

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/keyring"
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
	name, err := k.aliasName(c)
	if err != nil {
		return err
	}
	id, err := k.aliasTarget(ctx, c, ref)
	if err != nil {
		return err
	}
	if err := k.aliasIsFree(ctx, name); err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	return k.putNewAlias(ctx, name, id)
}

// aliasName returns the name of the alias c.ref.
func (k *KMS) aliasName(c *call) (string, error) {
	if err := k.alive(); err != nil {
		return "", err
	}
	return parseAlias(c.ref)
}

// aliasTarget returns the key that the alias c.ref is to point at. A key that
// is going to be destroyed is none: who points at it now has made a mistake.
func (k *KMS) aliasTarget(ctx context.Context, c *call, ref string) (keyID, error) {
	id, key, err := k.readRef(ctx, c, ref)
	if err != nil {
		return id, err
	}
	return id, stateOf(key, k.now()).stays()
}

// UpdateAlias moves an alias to another key, which may be named by its ID or by
// another alias, in one step: the alias always points at the one or the other.
// Other processes see it within Options.MaxStale. The Authorizer is asked about
// the key that the alias has pointed at, and about the new one.
func (k *KMS) UpdateAlias(ctx context.Context, alias, key string) error {
	c := k.begin(OpUpdateAlias, alias)
	return k.end(ctx, &c, nil, k.updateAlias(ctx, &c, key))
}

func (k *KMS) updateAlias(ctx context.Context, c *call, ref string) error {
	name, from, err := k.aliasSource(ctx, c)
	if err != nil {
		return err
	}
	to, err := k.aliasTarget(ctx, c, ref)
	if err != nil {
		return err
	}
	return k.changeAlias(ctx, name, from, func(a *record.Alias) { a.KeyID = to })
}

// DeleteAlias removes an alias. Its name is free again; the key stays. Other
// processes see it within Options.MaxStale.
func (k *KMS) DeleteAlias(ctx context.Context, alias string) error {
	c := k.begin(OpDeleteAlias, alias)
	return k.end(ctx, &c, nil, k.deleteAlias(ctx, &c))
}

func (k *KMS) deleteAlias(ctx context.Context, c *call) error {
	name, id, err := k.aliasSource(ctx, c)
	if err != nil {
		return err
	}
	now := k.timestamp()
	return k.changeAlias(ctx, name, id, func(a *record.Alias) { a.DeletedAt = now })
}

// aliasSource returns the name of the alias c.ref and the key that it points at,
// which may be gone or damaged, once the call is authorised for it.
func (k *KMS) aliasSource(ctx context.Context, c *call) (string, keyID, error) {
	name, err := k.aliasName(c)
	if err != nil {
		return "", keyID{}, err
	}
	id, _, err := k.readRef(ctx, c, c.ref)
	found := id != keyID{} // the alias was, so what is wrong is the key
	if found && !errors.Is(err, ErrAccessDenied) && (errors.Is(err, ErrKeyNotFound) || errors.Is(err, ErrTampered)) {
		err = nil
	}
	return name, id, err
}

// changeAlias runs edit on a stored alias until its result is stored. If there
// is an Authorizer, the alias must still point at the key that it was asked about.
func (k *KMS) changeAlias(ctx context.Context, name string, from keyID, edit func(*record.Alias)) error {
	if k.dryRun {
		return ErrDryRun
	}
	return k.writeAlias(ctx, name, func(stored *record.Alias) error {
		switch {
		case !stored.DeletedAt.IsZero():
			return ErrAliasNotFound
		case k.authorizer != nil && stored.KeyID != from:
			return fmt.Errorf("%w: the alias was moved meanwhile", ErrConflict)
		}
		edit(stored)
		return nil
	})
}

// aliasIsFree returns ErrAliasExists if the store has the alias.
func (k *KMS) aliasIsFree(ctx context.Context, name string) error {
	switch _, err := k.readAlias(ctx, name); {
	case err == nil:
		return ErrAliasExists
	case errors.Is(err, ErrAliasNotFound):
		return nil
	default:
		return err
	}
}

// putNewAlias stores an alias that points at id, in the place of one that was
// deleted if there is one.
func (k *KMS) putNewAlias(ctx context.Context, name string, id keyID) error {
	now, made := k.timestamp(), newKeyID()
	return k.writeAlias(ctx, name, func(stored *record.Alias) error {
		if stored.DeletedAt.IsZero() {
			return ErrAliasExists
		}
		stored.ID, stored.KeyID, stored.CreatedAt, stored.DeletedAt = made, id, now, time.Time{}
		return nil
	})
}

// writeAlias stores what edit makes of the stored alias, which is one that was
// deleted if there is none. edit runs again after another process's change,
// unless its own is found to be stored.
func (k *KMS) writeAlias(ctx context.Context, name string, edit func(*record.Alias) error) error {
	key, ch := k.ring.Load().AliasKey(name), newChange()
	began := k.aliases.Begin()
	rec, err := k.update(ctx, key, func(cur keystore.Record) ([]byte, error) {
		a, err := k.observeAlias(ctx, name, cur, began)
		if err != nil {
			return nil, err
		}
		if a == nil {
			a = &record.Alias{Name: name, DeletedAt: k.now()}
		}
		if made, err := ch.made(a.Changes, cur.Rev); made || err != nil {
			return nil, err
		}
		if err := edit(a); err != nil {
			return nil, err
		}
		ch.try(&a.Changes, cur.Rev+1)
		return k.sealRecord(key, cur.Rev+1, a.Marshal())
	})
	k.aliases.Wrote(name, rec)
	return storeError(err)
}

// readAlias reads an alias from the store.
func (k *KMS) readAlias(ctx context.Context, name string) (*record.Alias, error) {
	began := k.aliases.Begin()
	rec, err := k.find(ctx, k.ring.Load().AliasKey(name))
	if err != nil {
		return nil, err
	}
	a, err := k.observeAlias(ctx, name, rec, began)
	if err != nil {
		return nil, storeError(err)
	}
	if a == nil || !a.DeletedAt.IsZero() {
		return nil, ErrAliasNotFound
	}
	return a, nil
}

// observeAlias returns the alias of a record, nil for none, or ErrRollback if
// the record is an earlier state than this process has seen.
func (k *KMS) observeAlias(ctx context.Context, name string, rec keystore.Record, began keycache.Moment) (a *record.Alias, err error) {
	if rec.Rev > 0 {
		if a, err = k.parseAliasRecord(ctx, name, rec); err != nil {
			return nil, err
		}
	}
	return a, k.aliases.Observe(name, rec, began)
}

// An Alias is a name for a key.
type Alias struct {
	Name      string // alias/<name>
	KeyID     string // of a key that existed when the alias was last changed
	CreatedAt time.Time
}

// Aliases returns all aliases, in no particular order, read from the store a
// page at a time. One whose record does not open is yielded as its error with
// an empty Alias, and the scan goes on; so is an error that ends the scan.
func (k *KMS) Aliases(ctx context.Context) iter.Seq2[Alias, error] {
	return func(yield func(Alias, error) bool) {
		c := k.begin(OpAliases, "")
		err := k.scanAliases(ctx, &c, func(a Alias, err error) bool {
			if err != nil {
				err = &Error{c.op, "", err}
			}
			return yield(a, err)
		})
		if err = k.end(ctx, &c, nil, err); err != nil {
			yield(Alias{}, err)
		}
	}
}

func (k *KMS) scanAliases(ctx context.Context, c *call, yield func(Alias, error) bool) error {
	if err := k.admitStore(ctx, c); err != nil {
		return err
	}
	return k.pages(ctx, keyring.AliasPrefix, "", func(p page) bool {
		for _, rec := range p.records {
			a, _, err := k.listedAlias(ctx, rec, p.aliases)
			if err == nil && !a.DeletedAt.IsZero() {
				continue
			}
			if !yield(aliasOf(a), err) {
				return false
			}
		}
		return true
	})
}

func aliasOf(a *record.Alias) Alias {
	if a == nil {
		return Alias{}
	}
	return Alias{aliasPrefix + a.Name, keyID(a.KeyID).String(), a.CreatedAt}
}

// listedAlias returns the alias of a record that a scan has shown, and its body.
func (k *KMS) listedAlias(ctx context.Context, rec keystore.Record, began keycache.Moment) (*record.Alias, []byte, error) {
	rec, err := k.shown(ctx, rec)
	if err != nil {
		return nil, nil, err
	}
	body, err := k.openRecord(ctx, rec)
	if err != nil {
		return nil, nil, storeError(err)
	}
	a, err := record.ParseAlias(body)
	if err != nil {
		return nil, nil, storeError(err)
	}
	if rec.Key != k.ring.Load().AliasKey(a.Name) {
		return nil, nil, fmt.Errorf("%w: alias of another name", ErrTampered)
	}
	return a, body, k.aliases.Check(a.Name, rec, began)
}
