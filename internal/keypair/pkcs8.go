package keypair

import (
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parsePKCS8 returns a private key as crypto/x509 does, or nil. It must be all
// that der is.
func parsePKCS8(der []byte) any {
	var key cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&key, asn1.SEQUENCE) || !in.Empty() {
		return nil
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil
	}
	return private
}

// statedPublic returns the public key that stands in the ECPrivateKey (RFC 5915)
// of a PKCS #8 key, or nil if there is none.
func statedPublic(der []byte) []byte {
	in := cryptobyte.String(der)
	var key, octets, private, point cryptobyte.String
	var stated bool
	if !in.ReadASN1(&key, asn1.SEQUENCE) || !key.SkipASN1(asn1.INTEGER) || !key.SkipASN1(asn1.SEQUENCE) ||
		!key.ReadASN1(&octets, asn1.OCTET_STRING) || !octets.ReadASN1(&private, asn1.SEQUENCE) ||
		!private.SkipASN1(asn1.INTEGER) || !private.SkipASN1(asn1.OCTET_STRING) ||
		!private.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) ||
		!private.ReadOptionalASN1(&point, &stated, asn1.Tag(1).ContextSpecific().Constructed()) {
		return nil
	}
	if !stated {
		return nil
	}
	bits := []byte{} // no public key, if it is none
	point.ReadASN1BitStringAsBytes(&bits)
	return bits
}
