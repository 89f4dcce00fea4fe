// Package xgcm is the extended-nonce construction of C2SP XAES-256-GCM
// (https://c2sp.org/XAES-256-GCM): half of a 24-byte nonce derives a key, the
// other half is the GCM nonce under it. The derivation works over any 128-bit
// block cipher and is what the envelope uses for AES and SM4 alike; Key is the
// whole of XAES-256-GCM for everything that is sealed at rest.
package xgcm

import (
	"crypto/cipher"
	"encoding/binary"
)

// NonceHalf is the size of either half of the nonce: N1 derives, N2 seals.
const NonceHalf = 12

// A KDF derives keys in SP 800-108 counter mode with CMAC (SP 800-38B) as its
// function. It is as safe for concurrent use as its block cipher.
type KDF struct {
	block cipher.Block
	k1    [16]byte // the CMAC subkey of a complete last block
}

// NewKDF returns the KDF of block, whose blocks are 16 bytes.
func NewKDF(block cipher.Block) *KDF {
	k := &KDF{block: block}
	block.Encrypt(k.k1[:], k.k1[:])
	var msb byte
	for i := len(k.k1) - 1; i >= 0; i-- {
		msb, k.k1[i] = k.k1[i]>>7, k.k1[i]<<1|msb
	}
	// Doubling in GF(2^128) reduces by x^128 + x^7 + x^2 + x + 1, without a
	// branch on the secret bit.
	k.k1[15] ^= 0x87 & -msb
	return k
}

// Derive fills key, of a multiple of 16 bytes, for the nonce half n1.
func (k *KDF) Derive(key, n1 []byte) {
	_ = n1[NonceHalf-1]
	lo, hi := binary.LittleEndian.Uint64(k.k1[:]), binary.LittleEndian.Uint64(k.k1[8:])
	for i := 0; i < len(key); i += 16 {
		m := key[i : i+16]
		m[0], m[1], m[2], m[3] = 0, byte(i/16+1), 'X', 0
		copy(m[4:], n1)
		binary.LittleEndian.PutUint64(m, binary.LittleEndian.Uint64(m)^lo)
		binary.LittleEndian.PutUint64(m[8:], binary.LittleEndian.Uint64(m[8:])^hi)
		k.block.Encrypt(m, m)
	}
}
