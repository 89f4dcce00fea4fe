package sm2

import (
	"bytes"
	encoding "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
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

// The optional fields of ECPrivateKey (RFC 5915), and the attributes of
// PrivateKeyInfo (RFC 5208).
var (
	tagParameters = asn1.Tag(0).Constructed().ContextSpecific()
	tagPublicKey  = asn1.Tag(1).Constructed().ContextSpecific()
	tagAttributes = asn1.Tag(0).Constructed().ContextSpecific()
)

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
// software leaves its leading zeros out. Parameters within ECPrivateKey must be
// those of the AlgorithmIdentifier. Attributes are passed over if they are well
// formed.
//
// NewPrivateKey checks d. public is 04 ‖ x ‖ y, or nil where the encoding has
// none; the caller compares it with that of the PrivateKey.
func ParsePKCS8(der []byte) (d [32]byte, public []byte, err error) {
	var info, key cryptobyte.String
	var version int
	s := cryptobyte.String(der)
	if !s.ReadASN1(&info, asn1.SEQUENCE) || !s.Empty() ||
		!info.ReadASN1Integer(&version) || version != 0 ||
		!readAlgorithm(&info) || !info.ReadASN1(&key, asn1.OCTET_STRING) ||
		!skipAttributes(&info) || !info.Empty() {
		return d, nil, ErrInvalidKey
	}
	return parseECPrivateKey(key)
}

// parseECPrivateKey reads ECPrivateKey, RFC 5915 section 3.
func parseECPrivateKey(s cryptobyte.String) (d [32]byte, public []byte, err error) {
	var seq, octets cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadASN1Integer(&version) || version != 1 ||
		!seq.ReadASN1(&octets, asn1.OCTET_STRING) || len(octets) < 1 || len(octets) > len(d) ||
		!skipParameters(&seq) || !readPublicKey(&seq, &public) || !seq.Empty() {
		return d, nil, ErrInvalidKey
	}
	copy(d[len(d)-len(octets):], octets)
	return d, public, nil
}

// skipParameters reads [0] parameters, if there are any, and reports whether
// they name SM2's curve.
func skipParameters(s *cryptobyte.String) bool {
	var parameters cryptobyte.String
	var present bool
	return s.ReadOptionalASN1(&parameters, &present, tagParameters) &&
		(!present || bytes.Equal(parameters, curveID))
}

// readPublicKey reads [1] publicKey into a copy, if there is one, and reports
// whether it is 04 ‖ x ‖ y in form.
func readPublicKey(s *cryptobyte.String, public *[]byte) bool {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tagPublicKey) {
		return false
	}
	if !present {
		return true
	}
	point, ok := readPoint(&field)
	*public = point[:]
	return ok && field.Empty()
}

// skipAttributes reads [0] attributes, if there are any: SEQUENCE { OBJECT
// IDENTIFIER, SET OF ANY } each.
func skipAttributes(s *cryptobyte.String) bool {
	var attributes cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&attributes, &present, tagAttributes) {
		return false
	}
	for !attributes.Empty() {
		var attribute, values cryptobyte.String
		var id encoding.ObjectIdentifier
		if !attributes.ReadASN1(&attribute, asn1.SEQUENCE) ||
			!attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, asn1.SET) || !attribute.Empty() {
			return false
		}
		for !values.Empty() {
			var value cryptobyte.String
			var tag asn1.Tag
			if !values.ReadAnyASN1(&value, &tag) {
				return false
			}
		}
	}
	return true
}

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
	var info cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&info, asn1.SEQUENCE) || !s.Empty() || !readAlgorithm(&info) {
		return public, ErrInvalidKey
	}
	point, ok := readPoint(&info)
	if !ok || !info.Empty() {
		return public, ErrInvalidKey
	}
	return point, nil
}

// readAlgorithm reads an AlgorithmIdentifier and reports whether it is SM2's.
func readAlgorithm(s *cryptobyte.String) bool {
	var id cryptobyte.String
	return s.ReadASN1Element(&id, asn1.SEQUENCE) && bytes.Equal(id, algorithm)
}

// readPoint reads a BIT STRING of 04 ‖ x ‖ y.
func readPoint(s *cryptobyte.String) (point [pointSize]byte, ok bool) {
	var b []byte
	if !s.ReadASN1BitStringAsBytes(&b) || len(b) != pointSize || b[0] != uncompressed {
		return point, false
	}
	return [pointSize]byte(b), true
}

func element(add cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	add(&b)
	return b.BytesOrPanic()
}
