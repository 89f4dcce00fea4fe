package kms

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/record"
)

// ImportParameters are what it takes to import material into a key, once.
type ImportParameters struct {
	PublicKey []byte    // to wrap the material under: DER, SubjectPublicKeyInfo (RFC 5280)
	Token     []byte    // for ImportKeyMaterial; to be kept as safe as the right to call it
	ExpiresAt time.Time // of the token: 24 hours from now
}

// ImportParameters begins the import of material into a key of origin EXTERNAL.
// It makes an RSA key pair, of the size that wrapping says, and stores the private
// key until the token is used or has expired. Any other origin is
// ErrInvalidState, any other wrapping ErrUnsupportedAlgorithm.
func (k *KMS) ImportParameters(ctx context.Context, key string, wrapping WrappingAlgorithm) (*ImportParameters, error) {
	c := k.begin(OpImportParameters, key)
	p, err := k.importParameters(ctx, &c, wrapping)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return p, nil
}

func (k *KMS) importParameters(ctx context.Context, c *call, wrapping WrappingAlgorithm) (*ImportParameters, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	_, spec, err := wrapping.parse()
	if err != nil {
		return nil, err
	}
	id, key, err := k.readRef(ctx, c, c.ref)
	if err != nil {
		return nil, err
	}
	if err := importable(key, k.now(), false); err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, cmp.Or(k.offers(spec), ErrDryRun)
	}
	pair, err := keypair.Generate(string(spec), k.gm)
	if err != nil {
		return nil, algorithmError(err)
	}
	public, err := pair.SPKI()
	if err != nil {
		return nil, err
	}
	token, expiresAt, err := k.putToken(ctx, id, wrapping, pair)
	if err != nil {
		return nil, err
	}
	return &ImportParameters{public, token, expiresAt}, nil
}

// importable returns nil if key is one that material, or a new version, is
// imported into. Who imports a new version rotates the key.
func importable(key *record.Key, now time.Time, newVersion bool) error {
	state := stateOf(key, now)
	if err := state.stays(); err != nil {
		return err
	}
	if key.Origin != record.OriginExternal {
		return fmt.Errorf("%w: the key's origin is %s", ErrInvalidState, key.Origin)
	}
	if newVersion && len(key.Versions) > 0 {
		return state.encrypts()
	}
	return nil
}

// ImportKeyMaterialOptions are the inputs of ImportKeyMaterial.
type ImportKeyMaterialOptions struct {
	Token             []byte // of ImportParameters
	EncryptedMaterial []byte // wrapped under its PublicKey

	// ValidTo is when the material ends: the key is PendingImport from then on,
	// in every process, and Maintain removes the bytes. Zero is never.
	ValidTo time.Time

	// NewVersion imports other material, as a new version of the key, which
	// becomes the primary one: it is how such a key is rotated. Without it, a
	// key that has had material accepts only what it had.
	NewVersion bool
}

// ImportKeyMaterial completes an import. The first material of a key may be
// any: 32 bytes for AES_256 and HMAC, 16 for SM4, and for RSA, SM2 and EC the
// private key as DER, PKCS #8 (RFC 5208). From then on the key remembers it, by a
// fingerprint, and takes the same back after it has expired or was deleted, or
// to change ValidTo. The library keeps no other copy: what must outlive the
// store is for the caller to keep.
//
// A token works once, for the key it is of. One that is unknown, used or of
// another key is ErrInvalidImportToken, an old one ErrExpiredImportToken. What
// does not unwrap, is of the wrong size, all zero, or not the material that was
// imported before, is ErrInvalidKeyMaterial; then the token still works.
func (k *KMS) ImportKeyMaterial(ctx context.Context, key string, opts *ImportKeyMaterialOptions) error {
	c := k.begin(OpImportKeyMaterial, key)
	if opts == nil {
		opts = &ImportKeyMaterialOptions{}
	}
	return k.end(ctx, &c, nil, k.importKeyMaterial(ctx, &c, opts))
}

const maxYear = 9999 // that RFC 3339 can write

func (k *KMS) importKeyMaterial(ctx context.Context, c *call, opts *ImportKeyMaterialOptions) error {
	if err := k.alive(); err != nil {
		return err
	}
	now := k.timestamp()
	if passed(opts.ValidTo, now) || opts.ValidTo.Year() > maxYear {
		return fmt.Errorf("%w: ValidTo is past, or after the year %d", ErrInvalidArgument, maxYear)
	}
	id, key, err := k.readRef(ctx, c, c.ref)
	if err != nil {
		return err
	}
	if err := importable(key, now, opts.NewVersion); err != nil {
		return err
	}
	token, err := k.readToken(ctx, id, opts.Token)
	if err != nil {
		return err
	}
	defer token.clear()
	ch := token.change()
	if _, err := ch.made(key.Changes, 0); err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	i, err := k.unwrapImport(id, key, token, opts)
	if err != nil {
		return err
	}
	defer clear(i.version.Material)
	imported, err := k.changeKey(ctx, id, ch, func(key *record.Key) (bool, error) {
		return true, i.apply(key, now)
	})
	if err != nil {
		return err
	}
	c.version = imported.PrimaryVersion
	k.removeToken(ctx, token)
	return nil
}

// An importing is material on its way into a key.
type importing struct {
	version    record.Version
	newVersion bool
}

// unwrapImport returns the material that opts brings, which fits key's spec.
func (k *KMS) unwrapImport(id keyID, key *record.Key, token *openToken, opts *ImportKeyMaterialOptions) (*importing, error) {
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	unwrapped, err := token.unwrap(opts.EncryptedMaterial, k.gm)
	if err != nil {
		return nil, err
	}
	defer clear(unwrapped)
	material, err := k.importedMaterial(spec, unwrapped)
	if err != nil {
		return nil, err
	}
	i := &importing{record.Version{CreatedAt: k.timestamp(), Material: material}, opts.NewVersion}
	rand.Read(i.version.ID[:])
	i.version.ValidTo = opts.ValidTo.UTC().Truncate(time.Millisecond)
	if opts.ValidTo.IsZero() {
		i.version.ValidTo = time.Time{}
	}
	i.version.Fingerprint = fingerprint(id, material)
	return i, nil
}

// fingerprint names material without telling anything of it that a ciphertext's
// commitment does not: it is as hard to find the material for.
func fingerprint(id keyID, material []byte) [16]byte {
	f, err := hkdf.Key(sha256.New, material, []byte("kms-material/v1"), string(id[:]), 16)
	if err != nil {
		panic("kms: " + err.Error()) // only for a length out of range
	}
	return [16]byte(f)
}

// apply puts the material into key.
func (i *importing) apply(key *record.Key, now time.Time) error {
	if err := importable(key, now, i.newVersion); err != nil {
		return err
	}
	known := i.known(key)
	switch {
	case len(key.Versions) == 0:
		return addVersion(key, i.version)
	case i.newVersion && known != nil:
		return fmt.Errorf("%w: a version has it already", ErrInvalidKeyMaterial)
	case i.newVersion:
		return addVersion(key, i.version)
	case known == nil:
		return fmt.Errorf("%w: it is not what the key has had", ErrInvalidKeyMaterial)
	}
	known.Material, known.ValidTo = i.version.Material, i.version.ValidTo // for which room was kept
	return nil
}

// known returns the version of key that has, or has had, the material.
func (i *importing) known(key *record.Key) *record.Version {
	for n := range key.Versions {
		if v := &key.Versions[n]; v.Fingerprint == i.version.Fingerprint {
			return v
		}
	}
	return nil
}

// DeleteImportedKeyMaterial removes the material of all versions of a key of
// origin EXTERNAL, which is PendingImport until the same is imported again. In
// other processes that holds within Options.MaxStale. On a key without material
// it does nothing; any other origin is ErrInvalidState.
func (k *KMS) DeleteImportedKeyMaterial(ctx context.Context, key string) error {
	c := k.begin(OpDeleteImportedKeyMaterial, key)
	_, err := k.change(ctx, &c, func(key *record.Key) (bool, error) {
		if err := importable(key, k.now(), false); err != nil {
			return false, err
		}
		return removeMaterial(key, func(*record.Version) bool { return true }), nil
	})
	return k.end(ctx, &c, nil, err)
}

// removeMaterial removes the imported material of the versions that match, and
// reports whether there was any. Their fingerprints stay.
func removeMaterial(key *record.Key, match func(*record.Version) bool) bool {
	removed := false
	for i := range key.Versions {
		if v := &key.Versions[i]; v.Material != nil && match(v) {
			v.Material, removed = nil, true
		}
	}
	return removed
}
