package kms

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
)

// CreateKeyOptions are the options of CreateKey; nil is all zero values.
type CreateKeyOptions struct {
	Spec        KeySpec           // "" is AES_256
	Usage       KeyUsage          // "" is ENCRYPT_DECRYPT
	Description string            // UTF-8 without NUL, at most 8,192 bytes
	Alias       string            // alias/<name>, or "" for none
	Tags        map[string]string // at most 64, text likewise: names of 1 to 128 bytes, values of at most 256

	// Origin of the material: "" is KMS. A key of origin EXTERNAL has none, and
	// its state is PendingImport, until ImportKeyMaterial.
	Origin Origin

	// RotationPeriod is how often Maintain rotates the key: 7 to 2,560 days, or
	// 0 for never. A key of origin EXTERNAL has none.
	RotationPeriod time.Duration
}

// CreateKey creates a key with fresh material and, if opts.Alias is set, an
// alias to it. If the alias is taken there is no key and the error is
// ErrAliasExists, also if another process takes it in the same moment.
func (k *KMS) CreateKey(ctx context.Context, opts *CreateKeyOptions) (*Key, error) {
	if opts == nil {
		opts = &CreateKeyOptions{}
	}
	c := k.begin(OpCreateKey, opts.Alias)
	key, err := k.createKey(ctx, &c, opts)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return key, nil
}

func (k *KMS) createKey(ctx context.Context, c *call, opts *CreateKeyOptions) (*Key, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	rec, err := k.newKey(opts)
	if err != nil {
		return nil, err
	}
	defer clearMaterial(rec)
	if err := k.allow(ctx, c, c.op, &loadedKey{spec: KeySpec(rec.Spec), tags: rec.Tags}, nil, nil); err != nil {
		return nil, err
	}
	var alias string // its name
	if opts.Alias != "" {
		if alias, err = parseAlias(opts.Alias); err != nil {
			return nil, err
		}
		if err := k.aliasIsFree(ctx, alias); err != nil {
			return nil, err
		}
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	id := newKeyID()
	if err := k.putNewKey(ctx, id, rec); err != nil {
		return nil, err
	}
	c.key, c.version = &loadedKey{id: id, name: id.String()}, uint32(len(rec.Versions))
	if alias != "" {
		if err := k.putNewAlias(ctx, alias, id); err != nil {
			if errors.Is(err, ErrAliasExists) {
				k.abandonKey(ctx, id)
			}
			return nil, err
		}
	}
	return describe(id, rec, k.now()), nil
}

// newKey checks opts and returns the key that they ask for, with material if it
// is to be generated.
func (k *KMS) newKey(opts *CreateKeyOptions) (*record.Key, error) {
	key := &record.Key{
		Spec:   string(cmp.Or(opts.Spec, KeySpecAES256)),
		Usage:  string(cmp.Or(opts.Usage, KeyUsageEncryptDecrypt)),
		Origin: string(cmp.Or(opts.Origin, OriginKMS)),
		Mode:   record.Enabled, CreatedAt: k.timestamp(),
		Description: opts.Description, Tags: maps.Clone(opts.Tags),
	}
	id, err := checkNewKey(key, opts)
	if err != nil {
		return nil, err
	}
	setRotation(key, opts.RotationPeriod, key.CreatedAt)
	if key.Origin == record.OriginExternal {
		return key, k.tryMaterial(id, make([]byte, id.KeySize()))
	}
	version, err := k.newVersion(id, key.CreatedAt)
	key.Versions = []record.Version{version}
	return key, err
}

// checkNewKey returns the suite of a new key, or what is wrong with it.
func checkNewKey(key *record.Key, opts *CreateKeyOptions) (suite.ID, error) {
	id, err := KeySpec(key.Spec).suite()
	switch {
	case err != nil:
		return 0, err
	case key.Usage != string(KeyUsageEncryptDecrypt):
		return 0, fmt.Errorf("%w: usage %q of a key of spec %s", ErrInvalidArgument, key.Usage, key.Spec)
	case key.Origin != string(OriginKMS) && key.Origin != record.OriginExternal:
		return 0, fmt.Errorf("%w: origin %q", ErrInvalidArgument, key.Origin)
	case key.Origin == record.OriginExternal && opts.RotationPeriod != 0:
		return 0, fmt.Errorf("%w: an imported key has no rotation period", ErrInvalidArgument)
	}
	return id, cmp.Or(checkDescription(opts.Description), checkTags(opts.Tags),
		checkRotationPeriod(opts.RotationPeriod))
}

// newVersion returns a key version with fresh material.
func (k *KMS) newVersion(id suite.ID, now time.Time) (record.Version, error) {
	v := record.Version{CreatedAt: now, Material: make([]byte, id.KeySize())}
	rand.Read(v.ID[:])
	rand.Read(v.Material)
	return v, k.tryMaterial(id, v.Material)
}

// tryMaterial uses material once: a key that could not be used must not be
// stored, and in FIPS 140-3 mode some cannot.
func (k *KMS) tryMaterial(id suite.ID, material []byte) error {
	_, err := suite.New(id, suite.Data, keyID{}, 1, material, k.gm)
	return err
}

func clearMaterial(key *record.Key) {
	for i := range key.Versions {
		clear(key.Versions[i].Material)
	}
}

// putNewKey stores a key under an ID that is new.
func (k *KMS) putNewKey(ctx context.Context, id keyID, key *record.Key) error {
	rec, err := k.update(ctx, id.recordKey(), func(cur keystore.Record) ([]byte, error) {
		if cur.Rev > 0 {
			return nil, nil // IDs are random: it is ours, and others have changed it since
		}
		return k.sealKey(id, 1, key)
	})
	k.keys.Wrote(id, rec)
	return storeError(err)
}

// abandonKey removes a key that lost its alias to another, best effort. The
// alias is certain never to have pointed at it, its ID was told to nobody, and
// it has not been changed: all that can have used it is a process that found it
// in Keys in the same moment.
func (k *KMS) abandonKey(ctx context.Context, id keyID) {
	k.keys.Forget(id)
	_ = k.store.Delete(ctx, id.recordKey(), 1)
}
