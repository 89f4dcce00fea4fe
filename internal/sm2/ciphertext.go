package sm2

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Encrypt returns C1 ‖ C3 ‖ C2 (GB/T 32918.4), Overhead bytes longer than m,
// which is 1 to MaxPlaintext bytes.
func (k *PublicKey) Encrypt(m []byte) ([]byte, error) {
	if len(m) < 1 || len(m) > MaxPlaintext {
		return nil, ErrInvalidPlaintext
	}
	c, err := call(func() ([]byte, error) { return k.key.Encrypt(m) })
	if err != nil {
		return nil, refusal(err)
	}
	if len(c) != len(m)+Overhead || !isPoint(c[:pointSize]) {
		return nil, ErrProvider
	}
	return c, nil
}

// Decrypt opens C1 ‖ C3 ‖ C2. Every failure is ErrInvalidCiphertext.
//
// C1 must be a point of the curve. Of another point, whether it decrypts tells
// something of the private key, and enough of them tell all of it.
func (k *PrivateKey) Decrypt(c1c3c2 []byte) ([]byte, error) {
	n := len(c1c3c2)
	if !ciphertextSize(n) || !isPoint(c1c3c2[:pointSize]) {
		return nil, ErrInvalidCiphertext
	}
	m, err := call(func() ([]byte, error) { return k.key().Decrypt(c1c3c2[:n:n]) })
	if err != nil || len(m) != n-Overhead {
		clear(m) // a provider may return what it could not authenticate
		return nil, ErrInvalidCiphertext
	}
	return m, nil
}

// ciphertextSize reports whether Encrypt makes ciphertexts of n bytes.
func ciphertextSize(n int) bool { return n > Overhead && n <= Overhead+MaxPlaintext }

// CiphertextToASN1 returns C1 ‖ C3 ‖ C2 in the form of GM/T 0009-2012 section
// 7.2, as DER: SEQUENCE { INTEGER x, INTEGER y, OCTET STRING C3, OCTET STRING C2 }.
// What is not 04 ‖ x ‖ y ‖ C3 ‖ C2 in form is ErrInvalidCiphertext; Decrypt
// checks the rest.
func CiphertextToASN1(c1c3c2 []byte) ([]byte, error) {
	if !ciphertextSize(len(c1c3c2)) || c1c3c2[0] != uncompressed {
		return nil, ErrInvalidCiphertext
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addInteger(b, c1c3c2[1:1+fieldSize])
		addInteger(b, c1c3c2[1+fieldSize:pointSize])
		b.AddASN1OctetString(c1c3c2[pointSize:Overhead])
		b.AddASN1OctetString(c1c3c2[Overhead:])
	})
	return b.BytesOrPanic(), nil
}

// CiphertextFromASN1 is the inverse of CiphertextToASN1. It takes strict DER
// only, so each ciphertext has one form. x and y are at most 32 bytes and not
// negative, C3 is 32 bytes, and C2 is 1 to MaxPlaintext; anything else is
// ErrInvalidCiphertext.
func CiphertextFromASN1(der []byte) ([]byte, error) {
	var seq, c3, c2 cryptobyte.String
	point := [pointSize]byte{uncompressed}
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!readInteger(&seq, point[1:1+fieldSize]) || !readInteger(&seq, point[1+fieldSize:]) ||
		!seq.ReadASN1(&c3, asn1.OCTET_STRING) || !seq.ReadASN1(&c2, asn1.OCTET_STRING) || !seq.Empty() ||
		len(c3) != Overhead-pointSize || !ciphertextSize(Overhead+len(c2)) {
		return nil, ErrInvalidCiphertext
	}
	return slices.Concat(point[:], c3, c2), nil
}
