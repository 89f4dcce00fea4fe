package sm2

import (
	"encoding/binary"
	"math/big"
)

// maxUserID is the longest user ID in bytes: ZA has its length in 16 bits, and
// counts bits.
const maxUserID = 8191

// Digest returns e = SM3(ZA ‖ message), where ZA binds the user ID, the curve
// and the public key: GB/T 32918.2 sections 5.5 and 6.1. It is what Sign and
// Verify take. A user ID is at most 8191 bytes, or it is ErrInvalidUserID; an
// empty one is hashed as it is, and does not stand for DefaultUserID.
//
// In FIPS 140-3 mode, where SM3 is not approved, the error is
// gm.ErrUnsupportedAlgorithm. A provider that fails is ErrProvider.
func (k *PublicKey) Digest(userID, message []byte) ([32]byte, error) {
	if err := allowed(); err != nil {
		return [32]byte{}, err
	}
	if len(userID) > maxUserID {
		return [32]byte{}, ErrInvalidUserID
	}
	za, err := k.za(userID)
	if err != nil {
		return [32]byte{}, err
	}
	return k.sm3(za[:], message)
}

// za returns SM3(ENTL ‖ ID ‖ a ‖ b ‖ xG ‖ yG ‖ xA ‖ yA).
func (k *PublicKey) za(userID []byte) ([32]byte, error) {
	b := binary.BigEndian.AppendUint16(nil, uint16(8*len(userID)))
	b = append(b, userID...)
	for _, n := range []*big.Int{curveA, curveB, curveX, curveY} {
		number := octets(n)
		b = append(b, number[:]...)
	}
	return k.sm3(b, k.point[1:])
}

// sm3 returns the hash of a ‖ b.
func (k *PublicKey) sm3(a, b []byte) ([32]byte, error) {
	sum, err := call(func() ([]byte, error) {
		h := k.provider.NewSM3()
		h.Write(a)
		h.Write(b)
		return h.Sum(nil), nil
	})
	if err != nil || len(sum) != 32 {
		return [32]byte{}, ErrProvider
	}
	return [32]byte(sum), nil
}
