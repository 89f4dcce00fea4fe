package aws

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// Days between rotations: API reference, EnableKeyRotation.
const (
	defaultRotation = 365
	minRotation     = 90
	maxRotation     = 2560
)

func enableKeyRotation(ctx context.Context, c *call) (any, error) {
	days := c.OptInt("RotationPeriodInDays", defaultRotation, minRotation, maxRotation)
	return setRotation(ctx, c, time.Duration(days)*day)
}

func disableKeyRotation(ctx context.Context, c *call) (any, error) { return setRotation(ctx, c, 0) }

func setRotation(ctx context.Context, c *call, period time.Duration) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := c.rotatable(ctx, ref)
	if err != nil {
		return nil, err
	}
	if key.Origin == kms.OriginExternal {
		return nil, errNoSuchType
	}
	if err := usable(key.State); err != nil {
		return nil, err
	}
	_, err = c.keys.UpdateKey(ctx, ref, &kms.UpdateKeyOptions{RotationPeriod: &period})
	return nil, err
}

// rotatable describes a key of a type that can be rotated.
func (c *call) rotatable(ctx context.Context, ref string) (*kms.Key, error) {
	key, err := c.describe(ctx, ref)
	if err == nil && !isSymmetric(key.Spec) {
		err = errNoSuchType
	}
	return key, err
}

// usable returns nil if a key in a state may be rotated, or the error: developer
// guide, "Key states of AWS KMS keys".
func usable(s kms.KeyState) error {
	switch s {
	case kms.KeyStateDisabled:
		return kms.ErrKeyDisabled
	case kms.KeyStateArchived:
		return kms.ErrKeyArchived
	case kms.KeyStatePendingDeletion:
		return kms.ErrKeyPendingDeletion
	case kms.KeyStatePendingImport:
		return kms.ErrKeyPendingImport
	}
	return nil
}

type rotationStatusAnswer struct {
	KeyID                string `json:"KeyId"`
	KeyRotationEnabled   bool   `json:"KeyRotationEnabled"`
	NextRotationDate     *stamp `json:"NextRotationDate,omitempty"`
	RotationPeriodInDays int64  `json:"RotationPeriodInDays,omitempty"`
}

func getKeyRotationStatus(ctx context.Context, c *call) (any, error) {
	ref := c.key("KeyId")
	if err := c.Err(); err != nil {
		return nil, err
	}
	key, err := c.rotatable(ctx, ref)
	if err != nil {
		return nil, err
	}
	answer := &rotationStatusAnswer{KeyID: c.keyARN(key.ID)}
	if key.RotationPeriod > 0 && key.State != kms.KeyStatePendingDeletion {
		answer.KeyRotationEnabled = true
		answer.NextRotationDate = optStamp(key.NextRotation)
		answer.RotationPeriodInDays = int64(key.RotationPeriod / day)
	}
	return answer, nil
}

func rotateKeyOnDemand(ctx context.Context, c *call) (any, error) {
	return changeKey(ctx, c, func(ctx context.Context, ref string) error {
		if _, err := c.rotatable(ctx, ref); err != nil {
			return err
		}
		_, err := c.keys.RotateKey(ctx, ref)
		return err
	})
}

// rotationEntry is a version of a key. Of imported material it says more.
type rotationEntry struct {
	ExpirationModel  string `json:"ExpirationModel,omitempty"`
	ImportState      string `json:"ImportState,omitempty"`
	KeyID            string `json:"KeyId"`
	KeyMaterialID    string `json:"KeyMaterialId"`
	KeyMaterialState string `json:"KeyMaterialState"`
	RotationDate     *stamp `json:"RotationDate,omitempty"` // not of the first
	ValidTo          *stamp `json:"ValidTo,omitempty"`

	version uint32
}

type rotationsAnswer struct {
	Rotations []rotationEntry `json:"Rotations"`
	more
}

func listKeyRotations(ctx context.Context, c *call) (any, error) {
	ref, p := c.key("KeyId"), c.page(100, 1000)
	include := c.OptText("IncludeKeyMaterial", "", front.OneOf("ROTATIONS_ONLY", "ALL_KEY_MATERIAL"))
	if err := c.Err(); err != nil {
		return nil, err
	}
	marker, err := versionMarker(p.marker)
	if err != nil {
		return nil, err
	}
	p.marker = marker
	key, err := c.rotatable(ctx, ref)
	if err != nil {
		return nil, err
	}
	var all []rotationEntry
	for _, v := range key.Versions {
		if v.State != kms.KeyStateDestroyed && (v.Version > 1 || include == "ALL_KEY_MATERIAL") {
			all = append(all, c.rotationEntry(key, v))
		}
	}
	answer := &rotationsAnswer{}
	answer.Rotations, answer.more = pageOf(p, all, rotationEntry.name)
	return answer, nil
}

func (c *call) rotationEntry(key *kms.Key, v kms.KeyVersion) rotationEntry {
	e := rotationEntry{
		KeyID:            c.keys.There(key.ID),
		KeyMaterialID:    materialID(key.ID, v.Version),
		KeyMaterialState: "NON_CURRENT",
		version:          v.Version,
	}
	if v.Version == key.PrimaryVersion {
		e.KeyMaterialState = "CURRENT"
	}
	if v.Version > 1 {
		e.RotationDate = optStamp(v.CreatedAt)
	}
	if key.Origin == kms.OriginExternal {
		e.ExpirationModel, e.ValidTo, e.ImportState = expirationWord(v.ValidTo), optStamp(v.ValidTo), "IMPORTED"
		if v.State == kms.KeyStatePendingImport {
			e.ImportState = "PENDING_IMPORT"
		}
	}
	return e
}

// name is what the list is in the order of.
func (e rotationEntry) name() string { return versionName(e.version) }

// versionName returns a version as a text that is ordered as versions are.
func versionName(version uint32) string { return fmt.Sprintf("%010d", version) }

// versionMarker returns a marker that is a version, or "".
func versionMarker(marker string) (string, error) {
	if marker == "" {
		return "", nil
	}
	version, err := strconv.ParseUint(marker, 10, 32)
	if err != nil {
		return "", errMarker
	}
	return versionName(uint32(version)), nil
}
