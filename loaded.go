package kms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
)

// A loadedKey is a key ready for use. It never changes. Of a symmetric key it holds
// what was derived from its material, of others the material.
type loadedKey struct {
	id        keyID
	name      string // of the ID
	spec      KeySpec
	usage     KeyUsage
	symmetric bool // by its spec, which takes longer to ask
	state     KeyState
	validTo   time.Time // of the primary version's material; zero for good
	tags      map[string]string
	versions  []loadedVersion // version n stands at n-1; the last is primary
}

// A loadedVersion is ready to do what its key's spec and usage say, or says why
// not.
type loadedVersion struct {
	keys *suite.Keys // of a symmetric key
	pair *lazyPair   // of an asymmetric one
	mac  *macKey     // of one for MACs

	refusal error
	validTo time.Time
}

// stateNow returns the state of a key, whose material may end by the clock.
func (c *core) stateNow(lk *loadedKey) KeyState {
	if lk.validTo.IsZero() {
		return lk.state
	}
	return c.stateOfImported(lk)
}

func (c *core) stateOfImported(lk *loadedKey) KeyState {
	if lk.state.stays() == nil && passed(lk.validTo, c.now()) {
		return KeyStatePendingImport
	}
	return lk.state
}

// refusal returns why a version that the key has may not decrypt, or nil.
func (c *core) refusal(lk *loadedKey, version uint32) error {
	v := &lk.versions[version-1]
	if v.validTo.IsZero() {
		return v.refusal
	}
	return c.refusalOfImported(v, version)
}

func (c *core) refusalOfImported(v *loadedVersion, version uint32) error {
	if v.refusal == nil && passed(v.validTo, c.now()) {
		return KeyStatePendingImport.refusalOfVersion(version)
	}
	return v.refusal
}

// isFor returns nil if the key has the usage.
func (lk *loadedKey) isFor(use KeyUsage) error {
	if lk.usage != use {
		return fmt.Errorf("%w: that of the key is %s", ErrInvalidUsage, lk.usage)
	}
	return nil
}

// fits returns nil if the key has the usage and the algorithm.
func (lk *loadedKey) fits(use KeyUsage, a Algorithm) error {
	if err := lk.isFor(use); err != nil {
		return err
	}
	if !slices.Contains(lk.spec.algorithms(use), a) {
		return fmt.Errorf("%w: %q under a key of spec %s", ErrUnsupportedAlgorithm, string(a), lk.spec)
	}
	return nil
}

// primary returns the version that encrypts, and its number.
func (lk *loadedKey) primary() (*loadedVersion, uint32) {
	n := len(lk.versions)
	return &lk.versions[n-1], uint32(n)
}

// has reports whether the key has a version of this number.
func (lk *loadedKey) has(version uint32) bool {
	return version >= 1 && uint64(version) <= uint64(len(lk.versions))
}

type keyEntry = keycache.Entry[keyID, *loadedKey]

// getKey and loadKey are what the cache of keys reads and makes of it.
func (c *core) getKey(ctx context.Context, id keyID) (keystore.Record, error) {
	return c.get(ctx, id.recordKey())
}

func (c *core) loadKey(ctx context.Context, id keyID, rec keystore.Record) (*loadedKey, error) {
	key, body, err := c.parseKey(ctx, rec, c.openForUse)
	// The material ends here, before anyone can use the key: wiping it later
	// would be under the hands of those who do.
	defer clear(body)
	if err != nil {
		return nil, err
	}
	return c.newLoadedKey(id, key)
}

func (c *core) newLoadedKey(id keyID, key *record.Key) (*loadedKey, error) {
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	now, n := c.now(), len(key.Versions)
	lk := &loadedKey{
		id: id, name: id.String(), spec: spec, usage: KeyUsage(key.Usage), symmetric: spec.symmetric(),
		state: stateOf(key, now), tags: key.Tags, versions: make([]loadedVersion, n),
	}
	for i := range key.Versions {
		v := &key.Versions[i]
		lv := &lk.versions[i]
		lv.validTo = v.ValidTo
		lv.refusal = stateOfVersion(v, now).refusalOfVersion(uint32(i + 1))
		if lv.refusal != nil {
			continue
		}
		if err := lv.load(lk.spec, id, uint32(i+1), v.Material, c.gm); err != nil {
			return nil, err
		}
	}
	if n > 0 && lk.versions[n-1].refusal == nil {
		primary := &lk.versions[n-1]
		lk.validTo = primary.validTo
		if primary.keys != nil {
			primary.keys.CountTo(c.usage.counter(id, uint32(n)))
		}
	}
	return lk, nil
}

// getAlias and loadAlias are what the cache of aliases reads and makes of it.
func (c *core) getAlias(ctx context.Context, name string) (keystore.Record, error) {
	return c.get(ctx, c.ring.Load().AliasKey(name))
}

// A loadedAlias is where an alias points: at the zero ID if it was deleted.
type loadedAlias struct {
	id     keyID
	record string // key of its record
}

func (c *core) loadAlias(ctx context.Context, name string, rec keystore.Record) (loadedAlias, error) {
	body, err := c.openForUse(ctx, rec)
	if err != nil {
		return loadedAlias{}, err
	}
	a, err := parseAliasBody(name, body)
	if err != nil {
		return loadedAlias{}, err
	}
	la := loadedAlias{record: rec.Key}
	if a.DeletedAt.IsZero() {
		la.id = a.KeyID
	}
	return la, nil
}

func (c *core) parseAliasRecord(ctx context.Context, name string, rec keystore.Record) (*record.Alias, error) {
	body, err := c.openRecord(ctx, rec)
	if err != nil {
		return nil, err
	}
	return parseAliasBody(name, body)
}

func parseAliasBody(name string, body []byte) (*record.Alias, error) {
	a, err := record.ParseAlias(body)
	if err != nil {
		return nil, err
	}
	if a.Name != name {
		return nil, fmt.Errorf("%w: alias of another name", ErrTampered)
	}
	return a, nil
}

// alive returns ErrClosed after Close.
func (k *KMS) alive() error {
	if k.closed.Load() {
		return ErrClosed
	}
	return nil
}

// resolve makes the cached key that c.ref names that of c.
func (k *KMS) resolve(ctx context.Context, c *call) (*keyEntry, error) {
	if isAlias(c.ref) {
		return k.resolveAlias(ctx, c)
	}
	id, err := parseKeyID(c.ref)
	if err != nil {
		return nil, err
	}
	return k.lookup(ctx, c, id)
}

func (k *KMS) resolveAlias(ctx context.Context, c *call) (*keyEntry, error) {
	name, err := parseAlias(c.ref)
	if err != nil {
		return nil, err
	}
	e, err := k.aliases.Lookup(ctx, name)
	switch {
	case errors.Is(err, keystore.ErrNotFound), err == nil && e.Value.id == keyID{}:
		return nil, ErrAliasNotFound
	case err != nil:
		return nil, k.cacheError(err)
	}
	return k.lookup(ctx, c, e.Value.id)
}

// lookup makes the cached key of id that of c.
func (k *KMS) lookup(ctx context.Context, c *call, id keyID) (*keyEntry, error) {
	e, err := k.keys.Lookup(ctx, id)
	switch {
	case err == nil:
		c.key = e.Value
		return e, nil
	case errors.Is(err, keystore.ErrNotFound):
		return nil, ErrKeyNotFound
	}
	return nil, k.cacheError(err)
}

// cacheError makes an error of a cache one of this package. After Close, and in
// a call that Close overtook, the caches are empty and load no more.
func (k *KMS) cacheError(err error) error {
	if k.closed.Load() {
		return ErrClosed
	}
	return storeError(err)
}

// target returns the key that c.ref names, authorised for op. Its state is for
// the caller to check, after this.
func (k *KMS) target(ctx context.Context, c *call, op string, aad AAD) (*keyEntry, error) {
	e, err := k.resolve(ctx, c)
	if err != nil && errors.Is(err, ErrInvalidKeyRef) {
		return nil, err
	}
	return e, k.allow(ctx, c, op, c.key, aad, err)
}
