package kms

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/suite"
)

// Material is so many random bytes, or the PKCS #8 of a pair.

// newMaterial returns fresh material for a key.
func (c *core) newMaterial(s KeySpec) ([]byte, error) {
	n := s.materialSize()
	if n == 0 {
		return newPair(s, c.gm)
	}
	material := make([]byte, n)
	rand.Read(material)
	return material, c.tryMaterial(s, material)
}

func newPair(s KeySpec, p gm.Provider) ([]byte, error) {
	pair, err := keypair.Generate(string(s), p)
	if err != nil {
		return nil, algorithmError(err)
	}
	return pair.PKCS8()
}

// offers returns why there can be no keys of a spec in this process, or nil.
func (c *core) offers(s KeySpec) error {
	switch s {
	case KeySpecSM4, KeySpecSM2, KeySpecHMACSM3: // cheap to make, and may be refused
		material, err := c.newMaterial(s)
		clear(material)
		return err
	}
	return nil
}

// parsePair returns the pair of der, if it is of the spec, and otherwise
// keypair.ErrInvalidKey.
func parsePair(s KeySpec, der []byte, p gm.Provider) (keypair.Pair, error) {
	pair, err := keypair.Parse(der, p)
	if errors.Is(err, keypair.ErrInvalidKey) {
		return nil, err
	}
	if err != nil {
		return nil, algorithmError(err)
	}
	if pair.Spec() != string(s) {
		return nil, keypair.ErrInvalidKey
	}
	return pair, nil
}

// importedMaterial returns the material that imported bytes are of a key.
func (c *core) importedMaterial(s KeySpec, imported []byte) ([]byte, error) {
	n := s.materialSize()
	switch {
	case n == 0:
		return importedPair(s, imported, c.gm)
	case len(imported) != n:
		return nil, fmt.Errorf("%w: its size is not that of a key of spec %s", ErrInvalidKeyMaterial, s)
	case bytes.Equal(imported, make([]byte, n)):
		return nil, fmt.Errorf("%w: it is all zero", ErrInvalidKeyMaterial)
	}
	return bytes.Clone(imported), c.tryMaterial(s, imported)
}

func importedPair(s KeySpec, imported []byte, p gm.Provider) ([]byte, error) {
	pair, err := parsePair(s, imported, p)
	if err == nil {
		err = keypair.CheckPrimes(pair)
	}
	if errors.Is(err, keypair.ErrInvalidKey) {
		err = fmt.Errorf("%w: it is no PKCS #8 private key of spec %s", ErrInvalidKeyMaterial, s)
	}
	if err != nil {
		return nil, err
	}
	return pair.PKCS8()
}

// tryMaterial uses material once: a key that could not be used must not be
// stored, and in FIPS 140-3 mode some cannot.
func (c *core) tryMaterial(s KeySpec, material []byte) error {
	return new(loadedVersion).load(s, keyID{}, 1, material, c.gm)
}

// load makes of material what uses it. A pair is parsed when it is first used:
// an SM2 key takes over a millisecond, and a key may have thousands of versions.
func (v *loadedVersion) load(s KeySpec, id keyID, version uint32, material []byte, p gm.Provider) (err error) {
	switch s {
	case KeySpecAES256:
		v.keys, err = suite.NewKeys(suite.AES256, id, version, material, p)
	case KeySpecSM4:
		v.keys, err = suite.NewKeys(suite.SM4, id, version, material, p)
	case KeySpecHMACSHA256, KeySpecHMACSM3:
		v.mac, err = newMACKey(s, material, p)
	default:
		v.pair = &lazyPair{spec: s, version: version, gm: p, material: bytes.Clone(material)}
	}
	if err != nil && !errors.Is(err, ErrUnsupportedAlgorithm) {
		return fmt.Errorf("%w: version %d: %w", ErrTampered, version, err)
	}
	return err
}
