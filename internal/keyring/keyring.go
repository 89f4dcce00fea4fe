// Package keyring is the one record that a root key opens: the versions of a
// store's storage key, which seal every other record, and the key that hides
// alias names. Opening it proves that root key and store belong together.
package keyring

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// Key is the record key of the keyring.
const Key = "meta/keyring"

// AliasPrefix is what the record keys of aliases start with.
const AliasPrefix = "alias/"

// A Ring is an open keyring. It never changes and is safe for concurrent use.
type Ring struct {
	rev      uint64
	storeID  [16]byte
	aliasKey [32]byte
	storage  []*storageKey // ascending versions; the last seals
	sealers  map[uint32]*record.Sealer
	adopted  map[uint32]*record.Sealer // of versions that were dropped
}

// newRing returns the ring of an empty store.
func newRing(now time.Time) *Ring {
	first := newStorageKey(now)
	first.version = 1
	r := &Ring{storage: []*storageKey{first}}
	rand.Read(r.storeID[:])
	rand.Read(r.aliasKey[:])
	return r
}

// ready derives what the ring seals and opens with and clears what it derived
// that from.
func (r *Ring) ready() *Ring {
	r.sealers = map[uint32]*record.Sealer{}
	for _, s := range r.storage {
		r.sealers[s.version] = record.NewSealer(r.storeID, s.version, &s.key)
	}
	r.clear()
	return r
}

// clear clears the raw storage keys.
func (r *Ring) clear() {
	for _, s := range r.storage {
		clear(s.key[:])
	}
}

// UnknownVersionError says that a record is sealed under a version of the
// storage key that the ring does not have, which may be a newer one.
type UnknownVersionError uint32

func (v UnknownVersionError) Error() string {
	return fmt.Sprintf("storage key version %d is not in the keyring", uint32(v))
}

// Seal returns the sealed bytes of body, to be stored under key at rev.
func (r *Ring) Seal(key string, rev uint64, body []byte) []byte {
	return r.sealers[r.Primary()].Seal(key, rev, body)
}

// Open returns the body of a stored record, record.ErrTampered,
// record.ErrFormatTooNew or an UnknownVersionError.
func (r *Ring) Open(rec keystore.Record) ([]byte, error) {
	version, err := record.StorageVersion(rec.Data)
	if err != nil {
		return nil, err
	}
	return open(r.sealers[version], version, rec)
}

// OpenOwn is Open for a record that this process has just written: perhaps
// under a version that was dropped meanwhile. Nobody else opens it then, so it
// has to be sealed anew before anything comes of it.
func (r *Ring) OpenOwn(rec keystore.Record) ([]byte, error) {
	version, err := record.StorageVersion(rec.Data)
	if err != nil {
		return nil, err
	}
	return open(cmp.Or(r.sealers[version], r.adopted[version]), version, rec)
}

func open(sealer *record.Sealer, version uint32, rec keystore.Record) ([]byte, error) {
	if sealer == nil {
		return nil, UnknownVersionError(version)
	}
	return sealer.Open(rec.Key, rec.Rev, rec.Data)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").
	WithPadding(base32.NoPadding)

// AliasKey returns the record key of an alias: a keyed hash, so that the store
// does not show the name.
func (r *Ring) AliasKey(name string) string {
	mac := hmac.New(sha256.New, r.aliasKey[:])
	mac.Write([]byte(name))
	return AliasPrefix + lowerBase32.EncodeToString(mac.Sum(nil))
}

// Has reports whether the ring has a version of the storage key.
func (r *Ring) Has(v UnknownVersionError) bool { return r.sealers[uint32(v)] != nil }

// SameStore reports whether r and other are keyrings of one store.
func (r *Ring) SameStore(other *Ring) bool {
	return r.storeID == other.storeID && r.aliasKey == other.aliasKey
}

// Rev is the revision of the record that r was read from.
func (r *Ring) Rev() uint64 { return r.rev }
