package alibaba

import (
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"hash"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/sm2"
)

// maxPublicKey is the most bytes that a public key may have; RSA_2048 takes 294.
const maxPublicKey = 1024

// An exporter encrypts a data key under a public key of the client's.
type exporter struct {
	most int // bytes of a data key
	wrap func(key []byte) ([]byte, error)
}

// exporter reads PublicKeyBlob, WrappingAlgorithm and WrappingKeySpec: kms-20160120
// v3.2.3, ExportDataKeyRequest.
func (c *call) exporter() *exporter {
	alg := c.Text("WrappingAlgorithm", front.OneOf("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE"))
	spec := c.Text("WrappingKeySpec", front.OneOf("RSA_2048", "EC_SM2"))
	der := c.Base64("PublicKeyBlob", 1, maxPublicKey)
	if c.Err() != nil {
		return nil
	}
	if (alg == "SM2PKE") != (spec == "EC_SM2") {
		c.Fail("WrappingAlgorithm", front.Invalid)
		return nil
	}
	switch alg {
	case "RSAES_OAEP_SHA_256":
		return c.rsaExporter(der, sha256.New, sha256.Size)
	case "RSAES_OAEP_SHA_1":
		if fips140.Enforced() {
			c.unsupported("WrappingAlgorithm")
		}
		return c.rsaExporter(der, sha1.New, sha1.Size)
	}
	return c.sm2Exporter(der)
}

const rsa2048 = 256 // bytes of a modulus

func (c *call) rsaExporter(der []byte, hash func() hash.Hash, size int) *exporter {
	key, err := x509.ParsePKIXPublicKey(der)
	public, ok := key.(*rsa.PublicKey)
	if err != nil || !ok || public.Size() != rsa2048 {
		c.Fail("PublicKeyBlob", front.Invalid)
		return nil
	}
	return &exporter{rsa2048 - 2*size - 2, func(key []byte) ([]byte, error) {
		return rsa.EncryptOAEP(hash(), rand.Reader, public, key, nil)
	}}
}

// sm2Exporter writes 04 ‖ x ‖ y ‖ C3 ‖ C2, as publicCiphertext reads it.
func (c *call) sm2Exporter(der []byte) *exporter {
	if fips140.Enforced() {
		c.unsupported("WrappingAlgorithm")
		return nil
	}
	point, err := sm2.ParseSPKI(der)
	if err != nil {
		c.Fail("PublicKeyBlob", front.Invalid)
		return nil
	}
	public, err := sm2.NewPublicKey(gm.Default(), point[:])
	if err != nil {
		c.Fail("PublicKeyBlob", front.Invalid)
		return nil
	}
	return &exporter{sm2.MaxPlaintext, public.Encrypt}
}
