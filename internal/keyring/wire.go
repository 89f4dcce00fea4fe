package keyring

import (
	"encoding/binary"
	"errors"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/tlv"
	"github.com/embedkms/kms/internal/xgcm"
	"golang.org/x/crypto/cryptobyte"
)

// A keyring record is
//
//	D0 ‖ suite ‖ store ID 16 ‖ u8 n ‖ n × { u8 len ‖ root ID ‖ u16 len ‖ wrapped }
//	   ‖ nonce 24 ‖ ciphertext ‖ tag
//
// The body is under a random key KK, with all before the nonce ‖ u64 revision
// as additional data; each wrapped is KK under one root key, with additional
// data "kms-keyring/v1" ‖ store ID ‖ root ID.
const (
	format = 0xD0
	suite  = 1 // XAES-256-GCM
)

// A sealedRing is a keyring record, read but not opened.
type sealedRing struct {
	storeID   [16]byte
	wrappings wrappings
	head      []byte // all before the nonce
	sealed    []byte // nonce ‖ ciphertext ‖ tag
}

// marshalHead returns everything before the nonce.
func marshalHead(storeID [16]byte, wrappings wrappings) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(format)
	b.AddUint8(suite)
	b.AddBytes(storeID[:])
	b.AddUint8(uint8(len(wrappings)))
	for _, w := range wrappings {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(w.id)) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(w.wrapped) })
	}
	return b.Bytes()
}

// sealBody returns head followed by the sealed body of r, for revision rev.
func (r *Ring) sealBody(kk *[32]byte, head []byte, rev uint64) []byte {
	body := r.marshalBody()
	defer clear(body)
	return xgcm.NewKey(kk).Seal(head, body, bodyBound(head, rev))
}

func bodyBound(head []byte, rev uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), head...), rev)
}

// parse reads a keyring record.
func parse(b []byte) (*sealedRing, error) {
	if len(b) >= 1 && b[0] != format || len(b) >= 2 && b[1] != suite {
		return nil, record.ErrFormatTooNew
	}
	s := cryptobyte.String(b)
	r := &sealedRing{}
	var n uint8
	if !s.Skip(2) || !s.CopyBytes(r.storeID[:]) || !s.ReadUint8(&n) || n == 0 {
		return nil, record.ErrTampered
	}
	for range n {
		var id, wrapped cryptobyte.String
		if !s.ReadUint8LengthPrefixed(&id) || !s.ReadUint16LengthPrefixed(&wrapped) {
			return nil, record.ErrTampered
		}
		if r.wrappings.find(string(id)) != nil {
			return nil, record.ErrTampered // the second could never be used
		}
		r.wrappings = append(r.wrappings, wrapping{string(id), wrapped})
	}
	r.head, r.sealed = b[:len(b)-len(s)], s
	return r, nil
}

// Tags of the body's fields. They are never reused.
const (
	bodyAliasKey = 1
	bodyStorage  = 2 // repeated, ascending versions

	storageVersion   = 1
	storageCreatedAt = 2
	storageKeyBytes  = 3
)

const storageSize = 4*tlv.HeaderSize + 4 + 8 + 32

func (r *Ring) marshalBody() []byte {
	b := append(make([]byte, 0, 64+len(r.storage)*storageSize), tlv.Format)
	b = tlv.Append(b, bodyAliasKey, r.aliasKey[:])
	for _, s := range r.storage {
		field := make([]byte, 0, storageSize)
		field = tlv.Append(field, storageVersion, binary.BigEndian.AppendUint32(nil, s.version))
		field = tlv.AppendTime(field, storageCreatedAt, s.createdAt)
		field = tlv.Append(field, storageKeyBytes, s.key[:])
		b = tlv.Append(b, bodyStorage, field)
		clear(field)
	}
	return b
}

// open returns the ring of a body under kk.
func (s *sealedRing) open(kk *[32]byte, rev uint64) (*Ring, error) {
	body, err := xgcm.NewKey(kk).Open(nil, s.sealed, bodyBound(s.head, rev))
	if err != nil {
		return nil, record.ErrTampered
	}
	defer clear(body)
	ring := &Ring{rev: rev, storeID: s.storeID}
	if err := ring.parseBody(body); err != nil {
		ring.clear()
		if errors.Is(err, tlv.ErrTooNew) {
			return nil, record.ErrFormatTooNew
		}
		return nil, record.ErrTampered
	}
	return ring, nil
}

func (r *Ring) parseBody(body []byte) error {
	in := tlv.NewReader(body)
	for in.Next() {
		switch in.Tag {
		case bodyAliasKey:
			in.Fixed(r.aliasKey[:])
		case bodyStorage:
			r.storage = append(r.storage, readStorage(in))
		default:
			in.Unknown()
		}
	}
	if r.aliasKey == [32]byte{} || len(r.storage) == 0 {
		in.Malformed()
	}
	for i := 1; i < len(r.storage); i++ {
		if r.storage[i].version <= r.storage[i-1].version {
			in.Malformed()
		}
	}
	return in.Err()
}

// readStorage reads into a storage key of its own, so that no copy of a raw key
// stays behind where a slice grows.
func readStorage(outer *tlv.Reader) *storageKey {
	s := &storageKey{}
	in := tlv.NewNested(outer.Value)
	for in.Next() {
		switch in.Tag {
		case storageVersion:
			var version [4]byte
			in.Fixed(version[:])
			s.version = binary.BigEndian.Uint32(version[:])
		case storageCreatedAt:
			in.Time(&s.createdAt)
		case storageKeyBytes:
			in.Fixed(s.key[:])
		default:
			in.Unknown()
		}
	}
	if s.version == 0 || s.createdAt.IsZero() || s.key == [32]byte{} {
		in.Malformed()
	}
	if in.Err() != nil {
		outer.Fail(in.Err())
	}
	return s
}
