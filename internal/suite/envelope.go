// Package suite is the cryptography of the ciphertext envelope, format v1:
// its bytes, the encoding of what a ciphertext is bound to, and sealing and
// opening under one key version. docs/envelope.md is the specification.
package suite

import (
	"encoding/binary"
	"errors"

	"github.com/embedkms/kms/internal/xgcm"
)

// The envelope. All offsets are fixed; every byte before the ciphertext is
// authenticated.
//
//	 off  field       size  rule
//	   0  format         1  0xC1
//	   1  suite          1  1 AES-256, 2 SM4
//	   2  purpose        1  1 data, 2 data key, 3 private key
//	   3  key ID        16  UUID
//	  19  key version    4  big-endian, at least 1
//	  23  C             32  key commitment
//	  55  N1            12  nonce half that derives the session's key
//	  67  N2            12  nonce half of the message
//	  79  ciphertext     n  as long as the plaintext
//	79+n  tag           16
const (
	offFormat     = 0
	offSuite      = 1
	offPurpose    = 2
	offKeyID      = 3
	offVersion    = 19
	offCommitment = 23
	offN1         = offCommitment + commitmentSize
	offN2         = offN1 + xgcm.NonceHalf
	offText       = offN2 + xgcm.NonceHalf

	headerSize     = offCommitment // H: what is derived from and known beforehand
	commitmentSize = 32
	tagSize        = 16
)

// Overhead is the size of an envelope less that of its plaintext.
const Overhead = offText + tagSize

// Format is the first byte of every envelope. It never begins UTF-8 text, nor
// a ciphertext of AWS KMS, Huawei Cloud KMS or Tink.
const Format = 0xC1

// An ID names a suite of algorithms.
type ID byte

const (
	AES256 ID = 1 // XAES-256-GCM under a key of HKDF-SHA256
	SM4    ID = 2 // the same shape over SM4, SM3 and SM4-GCM
)

// KeySize is the size of the suite's key material in bytes.
func (id ID) KeySize() int {
	if id == SM4 {
		return 16
	}
	return 32
}

// A Purpose says what an envelope holds. It is part of what keys are derived
// from, so that one kind never opens as another.
type Purpose byte

const (
	Data       Purpose = 1
	DataKey    Purpose = 2
	PrivateKey Purpose = 3

	maxPurpose = PrivateKey
)

// Limits of a plaintext in bytes; the least is 1.
const (
	MaxData       = 6144
	MaxDataKey    = 1024
	MaxPrivateKey = 4096
)

// Max is the largest plaintext of a purpose, 0 for a purpose that is none.
func (p Purpose) Max() int {
	switch p {
	case Data:
		return MaxData
	case DataKey:
		return MaxDataKey
	case PrivateKey:
		return MaxPrivateKey
	}
	return 0
}

// ErrInvalid is the one answer to a ciphertext that does not open, whatever
// the reason: another would tell an attacker how far it got.
var ErrInvalid = errors.New("ciphertext is invalid")

// An Envelope is a ciphertext that Parse has accepted.
type Envelope []byte

// Parse returns b as an Envelope, or ErrInvalid. It proves no more than that
// the bytes have the right form.
func Parse(b []byte) (Envelope, error) {
	e := Envelope(b)
	if len(e) <= Overhead || e[offFormat] != Format {
		return nil, ErrInvalid
	}
	if s := e.Suite(); s != AES256 && s != SM4 {
		return nil, ErrInvalid
	}
	if e.PlaintextSize() > e.Purpose().Max() || e.Version() == 0 {
		return nil, ErrInvalid
	}
	return e, nil
}

func (e Envelope) Suite() ID          { return ID(e[offSuite]) }
func (e Envelope) Purpose() Purpose   { return Purpose(e[offPurpose]) }
func (e Envelope) KeyID() [16]byte    { return [16]byte(e[offKeyID:offVersion]) }
func (e Envelope) Version() uint32    { return binary.BigEndian.Uint32(e[offVersion:]) }
func (e Envelope) PlaintextSize() int { return len(e) - Overhead }

func (e Envelope) n1() []byte     { return e[offN1:offN2] } // derives the key
func (e Envelope) bound() []byte  { return e[:offN2] }      // H ‖ C ‖ N1
func (e Envelope) sealed() []byte { return e[offN2:] }      // N2 ‖ ciphertext ‖ tag

// header returns H.
func header(id ID, p Purpose, keyID [16]byte, version uint32) [headerSize]byte {
	var h [headerSize]byte
	h[offFormat], h[offSuite], h[offPurpose] = Format, byte(id), byte(p)
	copy(h[offKeyID:], keyID[:])
	binary.BigEndian.PutUint32(h[offVersion:], version)
	return h
}
