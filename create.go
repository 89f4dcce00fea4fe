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
	"github.com/embedkms/kms/keystore"
)

// CreateKeyOptions are the options of CreateKey; nil is all zero values.
type CreateKeyOptions struct {
	Spec        KeySpec           // "" is AES_256
	Usage       KeyUsage          // "" is ENCRYPT_DECRYPT, or what alone the spec has
	Description string            // UTF-8 without NUL, at most 8,192 bytes
	Alias       string            // alias/<name>, or "" for none
	Tags        map[string]string // at most 64, text likewise: names of 1 to 128 bytes, values of at most 256

	// Origin of the material: "" is KMS. A key of origin EXTERNAL has none, and
	// its state is PendingImport, until ImportKeyMaterial.
	Origin Origin

	// RotationPeriod is how often Maintain rotates the key: 7 to 2,560 days, or
	// 0 for never. A key of origin EXTERNAL has none, and only AES_256 and SM4
	// have one: who has a public key, or a MAC, must be told of another version.
	RotationPeriod time.Duration
}

// CreateKey creates a key with fresh material and, if opts.Alias is set, an
// alias to it. An RSA pair takes a tenth of a second to make, and of 4,096 bits a
// second or more. A usage that the spec cannot have is ErrInvalidUsage. If the
// alias is taken there is no key and the error is ErrAliasExists, also if another
// process takes it in the same moment.
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
	if err := ctx.Err(); err != nil {
		return nil, storeError(err) // before seconds are spent on an RSA pair
	}
	if err := k.firstVersion(rec); err != nil {
		return nil, err
	}
	defer clearMaterial(rec)
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

// newKey checks opts and returns the key that they ask for, without a version.
func (k *KMS) newKey(opts *CreateKeyOptions) (*record.Key, error) {
	spec := cmp.Or(opts.Spec, KeySpecAES256)
	key := &record.Key{
		Spec:   string(spec),
		Usage:  string(cmp.Or(opts.Usage, spec.defaultUsage())),
		Origin: string(cmp.Or(opts.Origin, OriginKMS)),
		Mode:   record.Enabled, CreatedAt: k.timestamp(),
		Description: opts.Description, Tags: maps.Clone(opts.Tags),
	}
	if err := k.checkNewKey(key, opts); err != nil {
		return nil, err
	}
	setRotation(key, opts.RotationPeriod, key.CreatedAt)
	return key, nil
}

// checkNewKey returns what is wrong with a new key, or nil.
func (k *KMS) checkNewKey(key *record.Key, opts *CreateKeyOptions) error {
	spec, usage := KeySpec(key.Spec), KeyUsage(key.Usage)
	if err := spec.check(); err != nil {
		return err
	}
	if err := usage.check(); err != nil {
		return err
	}
	switch {
	case spec.algorithms(usage) == nil:
		return fmt.Errorf("%w: %s for a key of spec %s", ErrInvalidUsage, usage, spec)
	case key.Origin != string(OriginKMS) && key.Origin != record.OriginExternal:
		return fmt.Errorf("%w: origin %q", ErrInvalidArgument, key.Origin)
	case opts.RotationPeriod != 0 && !hasPeriod(key):
		return fmt.Errorf("%w: a key of spec %s and origin %s has no rotation period", ErrInvalidArgument, spec, key.Origin)
	}
	return cmp.Or(checkDescription(opts.Description), checkTags(opts.Tags),
		checkRotationPeriod(opts.RotationPeriod), k.offers(spec))
}

// firstVersion gives a new key its first version, unless that is imported.
func (k *KMS) firstVersion(key *record.Key) error {
	if key.Origin == record.OriginExternal {
		return nil
	}
	version, err := k.newVersion(KeySpec(key.Spec), key.CreatedAt)
	key.Versions = []record.Version{version}
	return err
}

// newVersion returns a key version with fresh material.
func (k *KMS) newVersion(s KeySpec, now time.Time) (record.Version, error) {
	v := record.Version{CreatedAt: now}
	rand.Read(v.ID[:])
	var err error
	v.Material, err = k.newMaterial(s)
	return v, err
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
