package keypair

import (
	encoding "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	rsaEncryption = encoding.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1} // RFC 8017
	ecPublicKey   = encoding.ObjectIdentifier{1, 2, 840, 10045, 2, 1}     // RFC 5480
)

// tag is that of an optional field.
func tag(n uint8) asn1.Tag { return asn1.Tag(n).Constructed().ContextSpecific() }

// parsePKCS8 reads PrivateKeyInfo (RFC 5208), version 0, of an RSA or EC key. All
// of it is read strictly. crypto/x509 passes over elements that it does not know,
// and takes numbers of any size, with which crypto/rsa computes for minutes.
func parsePKCS8(der []byte) (Pair, error) {
	var info, algorithm, key cryptobyte.String
	var id encoding.ObjectIdentifier
	var version int
	in := cryptobyte.String(der)
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !in.Empty() ||
		!info.ReadASN1Integer(&version) || version != 0 ||
		!info.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&id) ||
		!info.ReadASN1(&key, asn1.OCTET_STRING) ||
		!info.SkipOptionalASN1(tag(0)) || !info.Empty() { // attributes
		return nil, ErrInvalidKey
	}
	switch {
	case id.Equal(rsaEncryption):
		return parseRSA(algorithm, key)
	case id.Equal(ecPublicKey):
		return parseEC(algorithm, key)
	}
	return nil, ErrInvalidKey
}
