package kms

import (
	"context"
	"fmt"

	"github.com/embedkms/kms/internal/record"
)

// RotateKey gives a key a new version, which becomes the primary one and
// encrypts from then on. All old versions go on decrypting. Other processes
// encrypt under the new version within Options.MaxStale; they decrypt what it
// has encrypted at once.
//
// A key has at most 4,096 versions; then RotateKey returns ErrLimitExceeded.
func (k *KMS) RotateKey(ctx context.Context, key string) (*Key, error) {
	c := k.begin(OpRotateKey, key)
	rotated, err := k.rotateKey(ctx, &c)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return rotated, nil
}

func (k *KMS) rotateKey(ctx context.Context, c *call) (*Key, error) {
	// The material is drawn with the version's ID, once for the call: however
	// often the change is made again, it is one version.
	var version record.Version
	defer func() { clear(version.Material) }()
	rotated, err := k.change(ctx, c, func(key *record.Key) (bool, error) {
		for _, v := range key.Versions {
			if version.Material != nil && v.ID == version.ID {
				return false, nil
			}
		}
		if err := stateOf(key).usable(); err != nil {
			return false, err
		}
		if len(key.Versions) >= maxVersions {
			return false, fmt.Errorf("%w: a key has at most %d versions", ErrLimitExceeded, maxVersions)
		}
		if version.Material == nil {
			s, err := KeySpec(key.Spec).suite()
			if err != nil {
				return false, fmt.Errorf("%w: %w", ErrFormatTooNew, err)
			}
			if version, err = k.newVersion(s); err != nil {
				return false, err
			}
		}
		key.Versions = append(key.Versions, version)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	c.version = rotated.PrimaryVersion
	return rotated, nil
}
