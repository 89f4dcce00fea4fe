package alibaba_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"
)

// Public keys in form that cannot encrypt.
func TestUnusablePublicKeys(t *testing.T) {
	s := start(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	even := new(big.Int).Sub(key.N, big.NewInt(1))
	id := s.aes()
	for name, public := range map[string]*rsa.PublicKey{
		"exponent 1": {N: key.N, E: 1}, "even exponent": {N: key.N, E: 4}, "even modulus": {N: even, E: 65537},
	} {
		der, err := x509.MarshalPKIXPublicKey(public)
		must(t, err)
		p := with(exported(s), "PublicKeyBlob", b64(der))
		s.call("GenerateAndExportDataKey", with(p, "KeyId", id)).is(t, name, "InvalidParameter")
		s.call("ExportDataKey", with(p, "CiphertextBlob", s.encrypted(id))).is(t, name, "InvalidParameter")
		s.call("GenerateAndExportDataKey", with(p, "KeyId", id, "DryRun", "true")).is(t, name, "ValidationError")
	}
}
