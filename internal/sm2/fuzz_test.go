package sm2_test

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/sm2"
)

// What is read as a private key is written as one that reads alike, and as the
// very same bytes if it was in the form that is written here.
func FuzzParsePKCS8(f *testing.F) {
	full := sm2.MarshalPKCS8(&privateA, &publicA)
	f.Add(full)
	f.Add(full[:len(full)-1])
	f.Add(pkcs8(version1, octetsA, tlv(0xa0, idSM2), fieldA))
	f.Add(pkcs8(version1, []byte{4, 1, 7}))
	f.Add(tlv(0x30, version0, algorithm, tlv(4, tlv(0x30, version1, octetsA)), tlv(0xa0, tlv(0x30, idEC, tlv(0x31, version0)))))
	f.Add(tlv(0x30, version0, tlv(0x30, idEC, idP256), tlv(4, tlv(0x30, version1, octetsA))))
	f.Fuzz(func(t *testing.T, der []byte) {
		d, public, err := sm2.ParsePKCS8(der)
		if err != nil {
			if err != sm2.ErrInvalidKey || d != [32]byte{} || public != nil {
				t.Errorf("%x, %x, %v", d, public, err)
			}
			return
		}
		point := publicA
		if public != nil {
			point = [65]byte(public)
		}
		again := sm2.MarshalPKCS8(&d, &point)
		d2, public2, err := sm2.ParsePKCS8(again)
		if err != nil || d2 != d || !bytes.Equal(public2, point[:]) {
			t.Errorf("%x reads as %x, %x, %v", again, d2, public2, err)
		}
		// With a public key, and up to d all alike, nothing else has room.
		head := bytes.Index(again, d[:])
		if public != nil && bytes.HasPrefix(der, again[:head]) && !bytes.Equal(der, again) {
			t.Errorf("%x is written as %x", der, again)
		}
	})
}

// Each ciphertext has one form as ASN.1.
func FuzzCiphertextFromASN1(f *testing.F) {
	for _, c := range [][]byte{ciphertextC, append(bytes.Clone(ciphertextC), make([]byte, 200)...)} {
		der, err := sm2.CiphertextToASN1(c)
		must(f, err)
		f.Add(der)
		f.Add(der[:len(der)-1])
	}
	f.Add(tlv(0x30, tlv(2, []byte{0}), tlv(2, []byte{0x7f}), tlv(4, make([]byte, 32)), tlv(4, []byte{1})))
	f.Add(tlv(0x30, tlv(2, []byte{0, 1}), tlv(2, []byte{0xff}), tlv(4, make([]byte, 31)), tlv(4)))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := sm2.CiphertextFromASN1(der)
		if err != nil {
			if err != sm2.ErrInvalidCiphertext || c != nil {
				t.Errorf("%x, %v", c, err)
			}
			return
		}
		if again, err := sm2.CiphertextToASN1(c); err != nil || !bytes.Equal(again, der) {
			t.Errorf("%x is written as %x, %v", der, again, err)
		}
	})
}

// Each signature has one form: what passes the checks before the provider is
// what Sign writes of the same numbers.
func FuzzVerify(f *testing.F) {
	f.Add(signatureDER)
	f.Add(signatureDER[:len(signatureDER)-1])
	f.Add(tlv(0x30, tlv(2, []byte{1}), tlv(2, []byte{0, 0x80})))
	f.Add(tlv(0x30, tlv(2, []byte{0, 1}), tlv(2, []byte{0xff})))
	f.Add(tlv(0x30, tlv(2, unhex("00"+orderN)), tlv(2, []byte{0})))
	var seen [64]byte
	p := newFake()
	p.verify = func(rs *[64]byte) bool { seen = *rs; return true }
	p.sign = func() ([64]byte, error) { return seen, nil }
	k := p.key(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		if !k.Public().Verify(&digestA, der) {
			return
		}
		if again, err := k.Sign(&digestA); err != nil || !bytes.Equal(again, der) {
			t.Errorf("%x is written as %x, %v", der, again, err)
		}
	})
}
