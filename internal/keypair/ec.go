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

	"github.com/embedkms/kms/internal/algorithm"
	"github.com/embedkms/kms/internal/pkcs8"
)

// An ECPublic is a public key that verifies ECDSA signatures (FIPS 186-5): DER,
// SEQUENCE of r and s (RFC 3279).
type ECPublic struct{ Key *ecdsa.PublicKey }

func (p ECPublic) Spec() string {
	return "EC_" + strings.ReplaceAll(p.Key.Params().Name, "-", "") // of P-256, for instance
}

func (p ECPublic) Public() crypto.PublicKey {
	point, err := p.Key.Bytes()
	if err != nil {
		panic("keypair: " + err.Error()) // only for a point off the curve
	}
	public, err := ecdsa.ParseUncompressedPublicKey(p.Key.Curve, point)
	if err != nil {
		panic("keypair: " + err.Error())
	}
	return public
}

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

// parseEC reads ECPrivateKey (RFC 5915) on a spec's curve, of which id is the DER
// of the OBJECT IDENTIFIER. A stated public key that is not the private key's
// would be a mistake worth telling.
func parseEC(spec, id string, key []byte) (Pair, error) {
	scalar, stated, ok := pkcs8.ParseEC(key, []byte(id))
	if !ok {
		return nil, ErrInvalidKey
	}
	private, err := newPrivateEC(curves[spec], scalar)
	if err != nil {
		return nil, ErrInvalidKey
	}
	public, err := private.PublicKey.Bytes()
	if err != nil || stated != nil && !bytes.Equal(stated, public) {
		return nil, ErrInvalidKey
	}
	return newEC(private), nil
}

// newPrivateEC takes a scalar as long as the order of the curve. Some software
// leaves its leading zeros out, or adds one.
func newPrivateEC(curve elliptic.Curve, scalar []byte) (*ecdsa.PrivateKey, error) {
	padded := make([]byte, (curve.Params().N.BitLen()+7)/8)
	defer clear(padded)
	if len(scalar) > len(padded) {
		scalar = bytes.TrimLeft(scalar, "\x00")
	}
	if len(scalar) > len(padded) {
		return nil, ErrInvalidKey
	}
	copy(padded[len(padded)-len(scalar):], scalar)
	return ecdsa.ParseRawPrivateKey(curve, padded)
}

func (p *EC) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(p.private) }

func (p *EC) Sign(_ string, digest []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, p.private, digest)
}
