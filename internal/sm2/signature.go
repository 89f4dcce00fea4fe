package sm2

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Sign signs e, which Digest returned or the caller computed, and returns the
// DER of SEQUENCE { INTEGER r, INTEGER s } (GB/T 32918.2, GM/T 0009-2012 section
// 7.3), at most 72 bytes. The error is ErrProvider, or gm.ErrUnsupportedAlgorithm
// as the provider says it.
func (k *PrivateKey) Sign(e *[32]byte) ([]byte, error) {
	rs, err := call(func() ([64]byte, error) { return k.key().SignDigest(e) })
	if err != nil {
		return nil, refusal(err)
	}
	if !isSignature(&rs) {
		return nil, ErrProvider
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addInteger(b, rs[:32])
		addInteger(b, rs[32:])
	})
	return b.BytesOrPanic(), nil
}

// Verify reports whether der is a signature over e, in the form that Sign
// returns. It takes strict DER only, so nobody who lacks the key makes a second
// form of a signature.
func (k *PublicKey) Verify(e *[32]byte, der []byte) bool {
	rs, ok := parseSignature(der)
	if !ok {
		return false
	}
	ok, err := call(func() (bool, error) { return k.key.VerifyDigest(e, &rs), nil })
	return ok && err == nil
}

// parseSignature returns r ‖ s.
func parseSignature(der []byte) (rs [64]byte, ok bool) {
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	ok = s.ReadASN1(&seq, asn1.SEQUENCE) && s.Empty() &&
		readInteger(&seq, rs[:32]) && readInteger(&seq, rs[32:]) && seq.Empty() &&
		isSignature(&rs)
	return rs, ok
}

// isSignature reports whether r and s are from 1 to n-1.
func isSignature(rs *[64]byte) bool {
	return inRange((*[32]byte)(rs[:]), &scalarLimit) && inRange((*[32]byte)(rs[32:]), &scalarLimit)
}
