package keypair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/embedkms/kms/internal/algorithm"
)

// An ECPublic is a public key that verifies ECDSA signatures (FIPS 186-5): DER,
// SEQUENCE of r and s (RFC 3279).
type ECPublic struct{ Key *ecdsa.PublicKey }

func (p ECPublic) Spec() string {
	return "EC_" + strings.ReplaceAll(p.Key.Params().Name, "-", "") // of P-256, for instance
}

func (p ECPublic) Public() crypto.PublicKey { return p.Key }

func (p ECPublic) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(p.Key) }

func (p ECPublic) Digest(algorithm string, message []byte) ([]byte, error) {
	return digest(hashOf(algorithm), message), nil
}

func (p ECPublic) DigestSize(algorithm string) int { return hashOf(algorithm).Size() }

func (p ECPublic) Verify(_ string, digest, signature []byte) bool {
	return ecdsa.VerifyASN1(p.Key, digest, signature)
}

// An EC is a pair on a NIST curve.
type EC struct {
	ECPublic
	private *ecdsa.PrivateKey
}

func newEC(private *ecdsa.PrivateKey) *EC { return &EC{ECPublic{&private.PublicKey}, private} }

var curves = map[string]elliptic.Curve{ECP256: elliptic.P256(), ECP384: elliptic.P384()}

func generateEC(spec string) (Pair, error) {
	private, err := ecdsa.GenerateKey(curves[spec], rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", algorithm.ErrUnsupported, err)
	}
	return newEC(private), nil
}

// namedCurves are the specs' curves by the DER of their OBJECT IDENTIFIER (RFC
// 5480). It is all that the parameters of a key are.
var namedCurves = map[string]elliptic.Curve{
	"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07": curves[ECP256], // 1.2.840.10045.3.1.7
	"\x06\x05\x2b\x81\x04\x00\x22":             curves[ECP384], // 1.3.132.0.34
}

// parseEC reads ECPrivateKey (RFC 5915). Parameters within it must be those of
// its algorithm. A stated public key that is not the private key's would be a
// mistake worth telling.
func parseEC(parameters, in cryptobyte.String) (Pair, error) {
	var seq, scalar, within, point cryptobyte.String
	var version int
	var repeated, stated bool
	curve := namedCurves[string(parameters)]
	if curve == nil || !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Integer(&version) || version != 1 || !seq.ReadASN1(&scalar, asn1.OCTET_STRING) ||
		!seq.ReadOptionalASN1(&within, &repeated, tag(0)) ||
		repeated && !bytes.Equal(within, parameters) ||
		!seq.ReadOptionalASN1(&point, &stated, tag(1)) || !seq.Empty() {
		return nil, ErrInvalidKey
	}
	private, err := newPrivateEC(curve, scalar)
	if err != nil || stated && !isPublic(private, point) {
		return nil, ErrInvalidKey
	}
	return newEC(private), nil
}

// newPrivateEC takes a scalar as long as the order of the curve. Some software
// leaves its leading zeros out, or adds one.
func newPrivateEC(curve elliptic.Curve, scalar []byte) (*ecdsa.PrivateKey, error) {
	scalar = bytes.TrimLeft(scalar, "\x00")
	padded := make([]byte, (curve.Params().N.BitLen()+7)/8)
	defer clear(padded)
	if len(scalar) > len(padded) {
		return nil, ErrInvalidKey
	}
	copy(padded[len(padded)-len(scalar):], scalar)
	return ecdsa.ParseRawPrivateKey(curve, padded)
}

// isPublic reports whether point is the BIT STRING of a private key's public one.
func isPublic(private *ecdsa.PrivateKey, point cryptobyte.String) bool {
	var stated []byte
	public, err := private.PublicKey.Bytes()
	return err == nil && point.ReadASN1BitStringAsBytes(&stated) && point.Empty() &&
		bytes.Equal(stated, public)
}

func (p *EC) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(p.private) }

func (p *EC) Sign(_ string, digest []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, p.private, digest)
}
