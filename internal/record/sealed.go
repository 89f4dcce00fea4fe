// Package record is what is kept in the key store: the sealing of a record
// under a storage key, and the encoding of the keys and aliases inside.
package record

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/embedkms/kms/internal/xgcm"
)

// A sealed record is
//
//	D1 ‖ suite ‖ u32 storage key version ‖ nonce 24 ‖ ciphertext ‖ tag
//
// with additional data
//
//	bytes 0..5 ‖ store ID 16 ‖ u8 len ‖ record key ‖ u64 revision
//
// so that an edited record, a record under another's key, an earlier revision
// under a later number and a record of another store do not open.
const (
	format     = 0xD1
	suite      = 1 // XAES-256-GCM under a key of HKDF-SHA256
	headerSize = 6

	salt = "kms-record/v1"
)

var (
	// ErrTampered says that a record does not open, or that something else in
	// the store is not as the library left it.
	ErrTampered = errors.New("stored record is damaged or was altered")

	// ErrFormatTooNew says that a newer version of this module wrote something.
	ErrFormatTooNew = errors.New("written in a newer format: update this module")
)

// A Sealer seals and opens records under one version of the storage key.
type Sealer struct {
	storeID [16]byte
	version uint32
	key     *xgcm.Key
}

// NewSealer returns the Sealer of a storage key, which it does not keep.
func NewSealer(storeID [16]byte, version uint32, storageKey *[32]byte) *Sealer {
	info := string(binary.BigEndian.AppendUint32(storeID[:], version))
	key, err := hkdf.Key(sha256.New, storageKey[:], []byte(salt), info, 32)
	if err != nil {
		panic("record: " + err.Error()) // only for a length out of range
	}
	defer clear(key)
	return &Sealer{storeID, version, xgcm.NewKey((*[32]byte)(key))}
}

// Seal returns the sealed record of body.
func (s *Sealer) Seal(key string, rev uint64, body []byte) []byte {
	head := make([]byte, headerSize, headerSize+xgcm.Overhead+len(body))
	head[0], head[1] = format, suite
	binary.BigEndian.PutUint32(head[2:], s.version)
	return s.key.Seal(head, body, s.bound(head, key, rev))
}

// Open returns the body of a sealed record, or ErrTampered.
func (s *Sealer) Open(key string, rev uint64, sealed []byte) ([]byte, error) {
	body, err := s.key.Open(nil, sealed[headerSize:], s.bound(sealed[:headerSize], key, rev))
	if err != nil {
		return nil, ErrTampered
	}
	return body, nil
}

func (s *Sealer) bound(head []byte, key string, rev uint64) []byte {
	b := make([]byte, 0, 128)
	b = append(b, head[:headerSize]...)
	b = append(b, s.storeID[:]...)
	b = append(b, byte(len(key)))
	b = append(b, key...)
	return binary.BigEndian.AppendUint64(b, rev)
}

// StorageVersion returns the storage key version that a record is sealed under.
func StorageVersion(sealed []byte) (uint32, error) {
	switch {
	case len(sealed) >= 1 && sealed[0] != format, len(sealed) >= 2 && sealed[1] != suite:
		return 0, ErrFormatTooNew
	case len(sealed) < headerSize+xgcm.Overhead:
		return 0, ErrTampered
	}
	return binary.BigEndian.Uint32(sealed[2:]), nil
}
