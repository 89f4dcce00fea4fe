package sm2

import (
	"bytes"
	encoding "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/embedkms/kms/internal/pkcs8"
)

// pkcs8Size is the size in bytes of what MarshalPKCS8 returns.
const pkcs8Size = 138

// The elements that say that a key is one of SM2. DER has one encoding for
// each, so keys are compared with them byte by byte.
var (
	// curveID is OBJECT IDENTIFIER sm2p256v1 (GM/T 0006).
	curveID = element(func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(encoding.ObjectIdentifier{1, 2, 156, 10197, 1, 301})
	})

	// algorithm is AlgorithmIdentifier { ecPublicKey, sm2p256v1 } (RFC 5480
	// section 2.1.1).
	algorithm = element(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(encoding.ObjectIdentifier{1, 2, 840, 10045, 2, 1})
			b.AddBytes(curveID)
		})
	})
)

// tagPublicKey is that of the public key in ECPrivateKey (RFC 5915).
var tagPublicKey = asn1.Tag(1).Constructed().ContextSpecific()

// MarshalPKCS8 returns a key pair as PKCS #8 (RFC 5208) around ECPrivateKey (RFC
// 5915), as OpenSSL writes it: version 0, d of 32 bytes, no parameters within,
// and the public key. It is in clear, and 138 bytes. The caller clears it.
func MarshalPKCS8(d *[32]byte, public *[65]byte) []byte {
	// A fixed builder leaves no copies of d behind as it grows.
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, pkcs8Size))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(algorithm)
		b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1OctetString(d[:])
				b.AddASN1(tagPublicKey, func(b *cryptobyte.Builder) { b.AddASN1BitString(public[:]) })
			})
		})
	})
	return b.BytesOrPanic()
}

// ParsePKCS8 reads PKCS #8, version 0 and not encrypted, of an SM2 private key:
// strict DER, and nothing behind it. Anything else is ErrInvalidKey.
//
// The private key may be of 1 to 32 bytes, though RFC 5915 wants 32: some
// software leaves its leading zeros out.
//
// NewPrivateKey checks d. public is 04 ‖ x ‖ y, or nil where the encoding has
// none; the caller compares it with that of the PrivateKey.
func ParsePKCS8(der []byte) (d [32]byte, public []byte, err error) {
	id, key, ok := pkcs8.Parse(der)
	if !ok || !bytes.Equal(id, algorithm) {
		return d, nil, ErrInvalidKey
	}
	private, public, ok := pkcs8.ParseEC(key, curveID)
	if !ok || len(private) < 1 || len(private) > len(d) || public != nil && !isUncompressed(public) {
		return d, nil, ErrInvalidKey
	}
	copy(d[len(d)-len(private):], private)
	return d, bytes.Clone(public), nil
}

// isUncompressed reports whether b is 04 ‖ x ‖ y in form.
func isUncompressed(b []byte) bool { return len(b) == pointSize && b[0] == uncompressed }

// MarshalSPKI returns a public key as SubjectPublicKeyInfo (RFC 5480), 91 bytes.
func MarshalSPKI(public *[65]byte) []byte {
	return element(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(algorithm)
			b.AddASN1BitString(public[:])
		})
	})
}

// ParseSPKI reads SubjectPublicKeyInfo of an SM2 public key: strict DER, nothing
// behind it, and a point 04 ‖ x ‖ y. Anything else is ErrInvalidKey. Whether the
// point is on the curve is for NewPublicKey to say.
func ParseSPKI(der []byte) (public [65]byte, err error) {
	var info, id cryptobyte.String
	var point []byte
	s := cryptobyte.String(der)
	if !s.ReadASN1(&info, asn1.SEQUENCE) || !s.Empty() ||
		!info.ReadASN1Element(&id, asn1.SEQUENCE) || !bytes.Equal(id, algorithm) ||
		!info.ReadASN1BitStringAsBytes(&point) || !isUncompressed(point) || !info.Empty() {
		return public, ErrInvalidKey
	}
	return [65]byte(point), nil
}

func element(add cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	add(&b)
	return b.BytesOrPanic()
}
