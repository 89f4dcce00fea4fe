package gmtest

import (
	"bytes"

	"github.com/embedkms/kms/gm"
)

// alteredKey and alteredPoint undo each other's change to ciphertexts of more than
// 64 bytes, so that each decrypts what the other encrypts.
func alteredKey(alter func(c []byte)) func(*[32]byte, gm.SM2Private) (gm.SM2Private, error) {
	return func(_ *[32]byte, sound gm.SM2Private) (gm.SM2Private, error) {
		return badKey{SM2Private: sound, decrypt: func(c []byte) ([]byte, error) {
			c = bytes.Clone(c)
			if len(c) > 97+64 {
				alter(c)
			}
			return sound.Decrypt(c)
		}}, nil
	}
}

func alteredPoint(alter func(c []byte)) func(*[65]byte, gm.SM2Public) gm.SM2Public {
	return func(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
		return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
			c, err := sound.Encrypt(m)
			if len(c) > 97+64 {
				alter(c)
			}
			return c, err
		}}
	}
}

// otherKeystream is another from its third digest on, otherC3 another hash.
func otherKeystream(c []byte) {
	for i := range c[97+64:] {
		c[97+64+i] ^= 0x5a
	}
}

func otherC3(c []byte) { c[70] ^= 1 }

// eightPoint has eight C1 for a plaintext.
func eightPoint(_ *[65]byte, sound gm.SM2Public) gm.SM2Public {
	made := make(map[string][][]byte)
	return badPoint{SM2Public: sound, encrypt: func(m []byte) ([]byte, error) {
		old := made[string(m)]
		if len(old) == 8 {
			made[string(m)] = append(old[1:], old[0])
			return bytes.Clone(old[0]), nil
		}
		c, err := sound.Encrypt(m)
		made[string(m)] = append(old, c)
		return bytes.Clone(c), err
	}}
}
