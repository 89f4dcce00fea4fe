package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/embedkms/kms/gm"
)

// The specification written down a second time, plainly and with chosen
// nonces, to hold the package against.

type reference struct {
	id       ID
	purpose  Purpose
	keyID    [16]byte
	version  uint32
	material []byte
}

func (r reference) seal(nonce, plaintext, context []byte) []byte {
	h := []byte{0xC1, byte(r.id), byte(r.purpose)}
	h = append(h, r.keyID[:]...)
	h = binary.BigEndian.AppendUint32(h, r.version)

	var k, c []byte
	var block func(key []byte) cipher.Block
	if r.id == SM4 {
		okm, _ := hkdf.Key(gm.Default().NewSM3, r.material, []byte("kms-envelope/v1"), string(h), 48)
		k, c = okm[:16], okm[16:]
		block = func(key []byte) cipher.Block {
			b, _ := gm.Default().NewSM4((*[16]byte)(key))
			return b
		}
	} else {
		okm, _ := hkdf.Key(sha256.New, r.material, []byte("kms-envelope/v1"), string(h), 64)
		k, c = okm[:32], okm[32:]
		block = func(key []byte) cipher.Block {
			b, _ := aes.NewCipher(key)
			return b
		}
	}
	n1, n2 := nonce[:12], nonce[12:]
	cmac := func(first byte) []byte {
		l := make([]byte, 16)
		block(k).Encrypt(l, l)
		k1 := double(l)
		m := append([]byte{0, first, 'X', 0}, n1...)
		for i := range m {
			m[i] ^= k1[i]
		}
		block(k).Encrypt(m, m)
		return m
	}
	kx := cmac(1)
	if r.id == AES256 {
		kx = append(kx, cmac(2)...)
	}
	prefix := slices.Concat(h, c, n1)
	aead, _ := cipher.NewGCM(block(kx))
	ct := aead.Seal(nil, n2, plaintext, slices.Concat(prefix, context))
	return slices.Concat(prefix, n2, ct)
}

// double multiplies by x in GF(2^128), with a branch.
func double(l []byte) []byte {
	hi, lo := binary.BigEndian.Uint64(l), binary.BigEndian.Uint64(l[8:])
	carry := hi >> 63
	hi, lo = hi<<1|lo>>63, lo<<1
	if carry == 1 {
		lo ^= 0x87
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
}
