package kms

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/embedkms/kms/internal/record"
)

// RotateKey gives a key a new version, which becomes the primary one and
// encrypts from then on. All old versions go on decrypting. Other processes
// encrypt under the new version within Options.MaxStale; they decrypt what it
// has encrypted at once.
//
// So it is with signatures and MACs. Who verifies those, or encrypts under a
// public key, outside of the library must be told of the new version first:
// CreateKey another key rather, where that takes time.
//
// A key has at most 4,096 versions, and no more than fit into a record of the key
// store: about 200 of RSA_4096. Then RotateKey returns ErrLimitExceeded. A
// key of origin EXTERNAL is rotated by importing a new version, and here
// ErrInvalidState.
func (k *KMS) RotateKey(ctx context.Context, key string) (*Key, error) {
	c := k.begin(OpRotateKey, key)
	rotated, err := k.rotateKey(ctx, &c)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return rotated, nil
}

func (k *KMS) rotateKey(ctx context.Context, c *call) (*Key, error) {
	var r rotation
	defer r.clear()
	ch := newChange()
	ch.lasting = true
	rotated, err := k.makeChange(ctx, c, ch, func(key *record.Key) (bool, error) {
		if r.made(key) != 0 {
			return false, nil
		}
		return true, r.apply(k, key, k.timestamp())
	})
	if err != nil {
		return nil, err
	}
	c.version = rotated.PrimaryVersion
	return rotated, nil
}

// A rotation is the new version that a call makes. It is drawn when it is first
// needed, and then kept: however often the change is made again, and however
// many others came between, it is one version.
type rotation struct{ version record.Version }

func (r *rotation) clear() { clear(r.version.Material) }

// made returns the number that the version has in key, or 0 if it is not there.
func (r *rotation) made(key *record.Key) uint32 {
	if r.version.Material == nil {
		return 0
	}
	return 1 + uint32(slices.IndexFunc(key.Versions, func(v record.Version) bool { return v.ID == r.version.ID }))
}

// apply adds the version to key.
func (r *rotation) apply(k *KMS, key *record.Key, now time.Time) error {
	if err := stateOf(key, now).encrypts(); err != nil {
		return err
	}
	if key.Origin == record.OriginExternal {
		return fmt.Errorf("%w: an imported key is rotated by importing a new version", ErrInvalidState)
	}
	spec, err := specOf(key)
	if err != nil {
		return err
	}
	if r.version.Material == nil {
		// An RSA pair takes long to make, and so is not made for nothing.
		likely := record.Version{Material: make([]byte, spec.mostMaterial())}
		if err := checkRoom(with(key, likely)); err != nil || k.dryRun {
			return err
		}
		if r.version, err = k.newVersion(spec, now); err != nil {
			return err
		}
	}
	return addVersion(key, r.version)
}

// addVersion makes v the primary version of key, or leaves key as it is.
func addVersion(key *record.Key, v record.Version) error {
	grown := with(key, v)
	if err := checkRoom(grown); err != nil {
		return err
	}
	key.Versions = grown.Versions
	setRotation(key, key.RotationPeriod, v.CreatedAt)
	return nil
}

// with returns key with v as a further version.
func with(key *record.Key, v record.Version) *record.Key {
	grown := *key
	grown.Versions = append(slices.Clip(key.Versions), v)
	return &grown
}
