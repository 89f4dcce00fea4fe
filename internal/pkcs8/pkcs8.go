// Package pkcs8 reads private keys in DER strictly: one encoding, nothing
// unknown, nothing behind. crypto/x509 passes over elements that it does not
// know, and takes numbers of any size, with which crypto/rsa computes for minutes.
package pkcs8

import (
	"bytes"
	encoding "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// tag is that of an optional field.
func tag(n uint8) asn1.Tag { return asn1.Tag(n).Constructed().ContextSpecific() }

// Parse reads PrivateKeyInfo, version 0 and not encrypted (RFC 5208). It returns
// the AlgorithmIdentifier as it stands, and what the OCTET STRING holds. Attributes
// are passed over if they are well formed.
func Parse(der []byte) (algorithm, key []byte, ok bool) {
	var info, id, octets cryptobyte.String
	var version int
	s := cryptobyte.String(der)
	ok = s.ReadASN1(&info, asn1.SEQUENCE) && s.Empty() &&
		info.ReadASN1Integer(&version) && version == 0 &&
		info.ReadASN1Element(&id, asn1.SEQUENCE) && info.ReadASN1(&octets, asn1.OCTET_STRING) &&
		skipAttributes(&info) && info.Empty()
	return id, octets, ok
}

// skipAttributes reads [0] attributes, if there are any: SEQUENCE { OBJECT
// IDENTIFIER, SET OF ANY } each.
func skipAttributes(s *cryptobyte.String) bool {
	var attributes cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&attributes, &present, tag(0)) {
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
			var any asn1.Tag
			if !values.ReadAnyASN1(&value, &any) {
				return false
			}
		}
	}
	return true
}

// ParseEC reads ECPrivateKey, version 1 (RFC 5915). It returns the private key,
// as many bytes as there are, and the public key, nil if there is none. Parameters
// within must be curve, the DER of the curve's OBJECT IDENTIFIER.
func ParseEC(key, curve []byte) (private, public []byte, ok bool) {
	var seq, octets, parameters, field cryptobyte.String
	var version int
	var repeated, stated bool
	s := cryptobyte.String(key)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadASN1Integer(&version) || version != 1 || !seq.ReadASN1(&octets, asn1.OCTET_STRING) ||
		!seq.ReadOptionalASN1(&parameters, &repeated, tag(0)) ||
		!seq.ReadOptionalASN1(&field, &stated, tag(1)) || !seq.Empty() ||
		repeated && !bytes.Equal(parameters, curve) {
		return nil, nil, false
	}
	if stated && (!field.ReadASN1BitStringAsBytes(&public) || !field.Empty()) {
		return nil, nil, false
	}
	return octets, public, true
}
