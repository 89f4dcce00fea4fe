package kms

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
)

// A KeySpec is the kind of a key's material.
type KeySpec string

const (
	KeySpecAES256 KeySpec = "AES_256" // 32 bytes
	KeySpecSM4    KeySpec = "SM4"     // 16 bytes (GB/T 32907)
)

// suite returns the suite that keys of the spec encrypt with.
func (s KeySpec) suite() (suite.ID, error) {
	switch s {
	case KeySpecAES256:
		return suite.AES256, nil
	case KeySpecSM4:
		return suite.SM4, nil
	}
	return 0, fmt.Errorf("%w: key spec %q", ErrUnsupportedAlgorithm, string(s))
}

// A KeyUsage is what a key is for. A key has one.
type KeyUsage string

// KeyUsageEncryptDecrypt is for Encrypt, Decrypt and data keys.
const KeyUsageEncryptDecrypt KeyUsage = "ENCRYPT_DECRYPT"

// A KeyState says what a key may do.
type KeyState string

const (
	KeyStateEnabled  KeyState = "Enabled"  // everything
	KeyStateDisabled KeyState = "Disabled" // nothing, until EnableKey
)

// An Origin is where a key's material is from.
type Origin string

// OriginKMS is material that the library has generated.
const OriginKMS Origin = "KMS"

// A Key describes a key. It holds no material and is the caller's to change.
type Key struct {
	ID             string // such as 0d0466b0-e727-4d9c-b35d-f84bb474a37f
	Description    string
	Spec           KeySpec
	Usage          KeyUsage
	State          KeyState
	Origin         Origin
	PrimaryVersion uint32       // the version that encrypts
	Versions       []KeyVersion // all versions, ascending
	CreatedAt      time.Time
	Tags           map[string]string
}

// A KeyVersion describes one version of a key.
type KeyVersion struct {
	Version   uint32 // 1, 2, …
	CreatedAt time.Time
}

// CreateKeyOptions are the options of CreateKey; nil is all zero values.
type CreateKeyOptions struct {
	Spec        KeySpec           // "" is AES_256
	Usage       KeyUsage          // "" is ENCRYPT_DECRYPT
	Description string            // UTF-8, at most 8,192 bytes
	Alias       string            // alias/<name>, or "" for none
	Tags        map[string]string // at most 64; names 1 to 128 bytes, values at most 256, UTF-8
}

const (
	maxDescription = 8192
	maxTags        = 64
	maxTagName     = 128
	maxTagValue    = 256
	maxVersions    = 4096 // so that a record stays under keystore.MaxData
	pageSize       = 100  // records of a scan that are in memory at a time
)

// CreateKey creates a key with fresh material and, if opts.Alias is set, an
// alias to it. If the alias is taken there is no key and the error is
// ErrAliasExists.
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
	defer clear(rec.Versions[0].Material)
	if err := k.allow(ctx, c, c.op, &loadedKey{spec: KeySpec(rec.Spec), tags: rec.Tags}, nil, nil); err != nil {
		return nil, err
	}
	if opts.Alias != "" {
		if err := k.aliasIsFree(ctx, opts.Alias); err != nil {
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
	c.key, c.version = &loadedKey{id: id, name: id.String()}, 1
	if opts.Alias != "" {
		if err := k.putNewAlias(ctx, opts.Alias, id); err != nil {
			if errors.Is(err, ErrAliasExists) {
				k.abandonKey(ctx, id)
			}
			return nil, err
		}
	}
	return describe(id, rec), nil
}

// newKey checks opts and returns the key that they ask for, with material.
func (k *KMS) newKey(opts *CreateKeyOptions) (*record.Key, error) {
	spec, usage := opts.Spec, opts.Usage
	if spec == "" {
		spec = KeySpecAES256
	}
	if usage == "" {
		usage = KeyUsageEncryptDecrypt
	}
	id, err := spec.suite()
	if err != nil {
		return nil, err
	}
	if usage != KeyUsageEncryptDecrypt {
		return nil, fmt.Errorf("%w: usage %q of a key of spec %s", ErrInvalidArgument, string(usage), spec)
	}
	if err := checkDescription(opts.Description); err != nil {
		return nil, err
	}
	if err := checkTags(opts.Tags); err != nil {
		return nil, err
	}
	version, err := k.newVersion(id)
	if err != nil {
		return nil, err
	}
	return &record.Key{
		Spec: string(spec), Usage: string(usage), Origin: string(OriginKMS), Mode: record.Enabled,
		CreatedAt: version.CreatedAt, Description: opts.Description, Tags: maps.Clone(opts.Tags),
		Versions: []record.Version{version},
	}, nil
}

// newVersion returns a key version with fresh material, which it has tried: a
// key that could not be used must not be stored.
func (k *KMS) newVersion(id suite.ID) (record.Version, error) {
	v := record.Version{CreatedAt: k.timestamp(), Material: make([]byte, id.KeySize())}
	rand.Read(v.ID[:])
	rand.Read(v.Material)
	_, err := suite.New(id, suite.Data, keyID{}, 1, v.Material, k.gm)
	return v, err
}

func checkDescription(s string) error {
	if len(s) > maxDescription || !utf8.ValidString(s) {
		return fmt.Errorf("%w: a description is UTF-8 of at most %d bytes", ErrInvalidArgument, maxDescription)
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("%w: %d tags, at most %d", ErrInvalidArgument, len(tags), maxTags)
	}
	for name, value := range tags {
		if len(name) == 0 || len(name) > maxTagName || !utf8.ValidString(name) {
			return fmt.Errorf("%w: a tag's name is UTF-8 of 1 to %d bytes", ErrInvalidArgument, maxTagName)
		}
		if len(value) > maxTagValue || !utf8.ValidString(value) {
			return fmt.Errorf("%w: a tag's value is UTF-8 of at most %d bytes", ErrInvalidArgument, maxTagValue)
		}
	}
	return nil
}

// putNewKey stores a key under an ID that is new.
func (k *KMS) putNewKey(ctx context.Context, id keyID, key *record.Key) error {
	data := k.sealKey(id, 1, key)
	rec, err := k.writer.Create(ctx, id.recordKey(), func(cur keystore.Record) ([]byte, error) {
		if cur.Rev == 0 {
			return data, nil
		}
		stored, body, err := k.openKey(ctx, cur)
		clear(body)
		if err == nil && stored.Versions[0].ID != key.Versions[0].ID {
			err = ErrConflict // two equal UUIDs: no such luck
		}
		return nil, err // it is ours: the reply was lost, and others have changed it since
	})
	k.keys.Wrote(id, rec)
	return storeError(err)
}

// abandonKey removes a key that lost its alias to another, best effort. Its ID
// was told to nobody, so it has encrypted nothing; a process that has seen it in
// Keys meanwhile takes its absence for a rollback.
func (k *KMS) abandonKey(ctx context.Context, id keyID) {
	k.keys.Forget(id)
	_ = k.store.Delete(ctx, id.recordKey(), 1)
}

// DescribeKey returns what is known of a key, from the store, not the cache.
func (k *KMS) DescribeKey(ctx context.Context, key string) (*Key, error) {
	c := k.begin(OpDescribeKey, key)
	described, err := k.describeKey(ctx, &c)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return described, nil
}

func (k *KMS) describeKey(ctx context.Context, c *call) (*Key, error) {
	id, rec, err := k.readRef(ctx, c, c.ref)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	return describe(id, rec), nil
}

// Keys returns all keys in the order of their IDs, starting behind the ID
// after, or with the first if it is empty. They are read from the store a page
// at a time. A key whose record does not open is yielded as its error, with a
// Key of which only the ID is set, and the scan goes on. An error that ends the
// scan comes with a nil Key.
func (k *KMS) Keys(ctx context.Context, after string) iter.Seq2[*Key, error] {
	return func(yield func(*Key, error) bool) {
		c := k.begin(OpKeys, after)
		err := k.scanKeys(ctx, &c, func(id string, key *Key, err error) bool {
			if err != nil {
				return yield(&Key{ID: id}, &Error{c.op, id, err})
			}
			return yield(key, nil)
		})
		if err = k.end(ctx, &c, nil, err); err != nil {
			yield(nil, err)
		}
	}
}

func (k *KMS) scanKeys(ctx context.Context, c *call, yield func(string, *Key, error) bool) error {
	if err := k.alive(); err != nil {
		return err
	}
	last := ""
	if c.ref != "" {
		id, err := parseKeyID(c.ref)
		if err != nil {
			return err
		}
		last = id.recordKey()
	}
	if err := k.allow(ctx, c, c.op, nil, nil, nil); err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	for k.alive() == nil {
		began := k.keys.Begin()
		page, err := k.store.List(ctx, keyPrefix, last, pageSize)
		if err != nil {
			return storeError(err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, rec := range page {
			key, err := k.listed(ctx, rec, began)
			if !yield(strings.TrimPrefix(rec.Key, keyPrefix), key, err) {
				return nil
			}
		}
		last = page[len(page)-1].Key
	}
	return ErrClosed
}

// listed describes the key of a record that a scan has shown.
func (k *KMS) listed(ctx context.Context, rec keystore.Record, began keycache.Moment) (*Key, error) {
	id, err := parseKeyID(strings.TrimPrefix(rec.Key, keyPrefix))
	if err != nil {
		return nil, fmt.Errorf("%w: no key has this name", ErrTampered)
	}
	var key *record.Key
	if rec.Rev == 0 {
		key, err = k.readKey(ctx, id) // it is damaged, and a Get says how
	} else {
		var body []byte
		key, body, err = k.openKey(ctx, rec)
		clear(body)
		err = storeError(k.observe(id, rec, began, err))
	}
	if err != nil {
		return nil, err
	}
	return describe(id, key), nil
}

// describe returns key without its material.
func describe(id keyID, key *record.Key) *Key {
	d := &Key{
		ID: id.String(), Description: key.Description,
		Spec: KeySpec(key.Spec), Usage: KeyUsage(key.Usage), Origin: Origin(key.Origin),
		State: stateOf(key), PrimaryVersion: uint32(len(key.Versions)),
		CreatedAt: key.CreatedAt, Tags: maps.Clone(key.Tags),
	}
	for i, v := range key.Versions {
		d.Versions = append(d.Versions, KeyVersion{uint32(i + 1), v.CreatedAt})
	}
	return d
}

// stateOf derives the state of a key from what is stored.
func stateOf(key *record.Key) KeyState {
	if key.Mode == record.Disabled {
		return KeyStateDisabled
	}
	return KeyStateEnabled
}

// usable returns nil if a key in the state may encrypt and decrypt, or the error.
func (s KeyState) usable() error {
	if s == KeyStateDisabled {
		return ErrKeyDisabled
	}
	return nil
}
