package kms

import (
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// An Origin is where a key's material is from.
type Origin string

const (
	OriginKMS      Origin = "KMS"                         // the library has generated it
	OriginExternal Origin = Origin(record.OriginExternal) // ImportKeyMaterial has brought it
)

// A Key describes a key. It holds no material and is the caller's to change.
type Key struct {
	ID             string // such as 0d0466b0-e727-4d9c-b35d-f84bb474a37f
	Description    string
	Spec           KeySpec
	Usage          KeyUsage
	State          KeyState
	Origin         Origin
	PrimaryVersion uint32       // the version that encrypts; 0 before any was imported
	Versions       []KeyVersion // all versions, ascending
	CreatedAt      time.Time
	DeletionDate   time.Time     // from when Maintain may destroy the key; zero for never
	DestroyedAt    time.Time     // when it did; zero if it did not
	RotationPeriod time.Duration // 0 for none
	NextRotation   time.Time     // from when Maintain may rotate the key; zero for never
	Tags           map[string]string
}

// A KeyVersion describes one version of a key.
type KeyVersion struct {
	Version         uint32 // 1, 2, …
	CreatedAt       time.Time
	Origin          Origin
	State           KeyState  // of the version; that of the key comes before it
	ValidTo         time.Time // when imported material ends; zero for never
	DestructionDate time.Time // from when Maintain may destroy the version; zero for never
	DestroyedAt     time.Time // when it did; zero if it did not

	// Encryptions is about how many messages and data keys the version of a
	// symmetric key has encrypted: what all processes have told by their calls of Maintain, and
	// what this one has counted since. Only DescribeKey fills it in.
	Encryptions uint64
}

const (
	day            = 24 * time.Hour
	maxDescription = 8192
	maxTags        = 64
	maxTagName     = 128
	maxTagValue    = 256
	maxVersions    = 4096              // of which any of AES_256 and SM4 fit into a record
	pageSize       = keystore.MaxLimit // records of a scan that are in memory at a time

	minRotationPeriod = 7 * day
	maxRotationPeriod = 2560 * day
)

func checkDescription(s string) error {
	if !isText(s, 0, maxDescription) {
		return fmt.Errorf("%w: a description is UTF-8 without NUL, of at most %d bytes", ErrInvalidArgument, maxDescription)
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("%w: %d tags, at most %d", ErrInvalidArgument, len(tags), maxTags)
	}
	for name, value := range tags {
		if !isText(name, 1, maxTagName) {
			return fmt.Errorf("%w: a tag's name is UTF-8 without NUL, of 1 to %d bytes", ErrInvalidArgument, maxTagName)
		}
		if !isText(value, 0, maxTagValue) {
			return fmt.Errorf("%w: a tag's value is UTF-8 without NUL, of at most %d bytes", ErrInvalidArgument, maxTagValue)
		}
	}
	return nil
}

// isText reports whether s is UTF-8 of so many bytes that any other system
// takes as it is: a NUL ends a string in many.
func isText(s string, least, most int) bool {
	return least <= len(s) && len(s) <= most && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}

func checkRotationPeriod(p time.Duration) error {
	if p != 0 && (p < minRotationPeriod || p > maxRotationPeriod) {
		return fmt.Errorf("%w: a rotation period is 7 to 2,560 days, or 0 for none", ErrInvalidArgument)
	}
	return nil
}

// hasPeriod reports whether key may have a rotation period: whether nobody need
// bring, or be told of, its next version.
func hasPeriod(key *record.Key) bool {
	return key.Origin != record.OriginExternal && KeySpec(key.Spec).symmetric()
}

// checkRoom returns an error for a key to which so much was added that its record
// might not have room later for what must never be refused: to disable it, to
// schedule it or its versions for destruction, and to remember changes.
func checkRoom(key *record.Key) error {
	if len(key.Versions) > maxVersions {
		return fmt.Errorf("%w: a key has at most %d versions", ErrLimitExceeded, maxVersions)
	}
	if n := maxSize(key); n > keystore.MaxData {
		return fmt.Errorf("%w: the key's record may take %d bytes, at most %d", ErrLimitExceeded, n, keystore.MaxData)
	}
	return nil
}

// maxSize is the most bytes that the record of key may take as it is.
func maxSize(key *record.Key) int { return key.Bound(KeySpec(key.Spec).mostMaterial()) }

// setRotation makes key be rotated once in a period from now on, or not.
func setRotation(key *record.Key, period time.Duration, now time.Time) {
	key.RotationPeriod, key.NextRotation = period, time.Time{}
	if period != 0 {
		key.NextRotation = now.Add(period).Truncate(time.Millisecond)
	}
}

// describe returns key without its material.
func describe(id keyID, key *record.Key, now time.Time) *Key {
	d := &Key{
		ID: id.String(), Description: key.Description,
		Spec: KeySpec(key.Spec), Usage: KeyUsage(key.Usage), Origin: Origin(key.Origin),
		State: stateOf(key, now), PrimaryVersion: uint32(len(key.Versions)), CreatedAt: key.CreatedAt,
		DeletionDate: key.DeletionDate, DestroyedAt: key.DestroyedAt,
		RotationPeriod: key.RotationPeriod, NextRotation: key.NextRotation, Tags: maps.Clone(key.Tags),
	}
	for i := range key.Versions {
		v := &key.Versions[i]
		d.Versions = append(d.Versions, KeyVersion{
			Version: uint32(i + 1), CreatedAt: v.CreatedAt, Origin: d.Origin, State: stateOfVersion(v, now),
			ValidTo: v.ValidTo, DestructionDate: v.DestructionDate, DestroyedAt: v.DestroyedAt,
		})
	}
	return d
}
