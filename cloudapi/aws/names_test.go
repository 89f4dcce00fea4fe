package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/rootkey"
)

// No answer names a key that did not do it: not where an alias has been moved by
// another process, which this one does not know yet.
func TestMovedAlias(t *testing.T) {
	s := serve(t, &kms.Options{MaxStale: time.Minute}, nil)
	root, err := rootkey.Static([]byte(strings.Repeat("\x07", 32)))
	must(t, err)
	other, err := kms.Open(t.Context(), s.store, root, nil)
	must(t, err)
	defer other.Close()
	for op, c := range map[string]struct {
		spec  kms.KeySpec
		usage kms.KeyUsage
		first string // what to do before the alias is moved
		name  string // of the key in the answer
		p     object
	}{
		"Verify":    {kms.KeySpecECP256, kms.KeyUsageSignVerify, "Sign", "KeyId", object{"KeyId": "alias/Verify", "SigningAlgorithm": "ECDSA_SHA_256", "Message": b64("a")}},
		"VerifyMac": {kms.KeySpecHMACSHA256, kms.KeyUsageGenerateVerifyMAC, "GenerateMac", "KeyId", object{"KeyId": "alias/VerifyMac", "MacAlgorithm": "HMAC_SHA_256", "Message": b64("a")}},
		"Decrypt":   {kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt, "Encrypt", "KeyId", object{"KeyId": "alias/Decrypt", "EncryptionAlgorithm": "SM2PKE", "Plaintext": b64("a")}},
		"ReEncrypt": {kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt, "Encrypt", "SourceKeyId", object{
			"KeyId": "alias/ReEncrypt", "EncryptionAlgorithm": "SM2PKE", "Plaintext": b64("a"),
			"SourceKeyId": "alias/ReEncrypt", "SourceEncryptionAlgorithm": "SM2PKE", "DestinationKeyId": s.key(t, nil),
		}},
	} {
		key := s.key(t, &kms.CreateKeyOptions{Spec: c.spec, Usage: c.usage, Alias: "alias/" + op})
		made := s.good(t, c.first, c.p)
		for _, name := range []string{"Signature", "Mac", "CiphertextBlob"} {
			c.p[name] = made.body[name]
		}
		if got := s.good(t, op, c.p).str(c.name); got != arnPrefix+"key/"+key {
			t.Errorf("%s: %s, want %s", op, got, key)
		}
		must(t, other.UpdateAlias(t.Context(), "alias/"+op, s.key(t, &kms.CreateKeyOptions{Spec: c.spec, Usage: c.usage})))
		if got := s.good(t, op, c.p).str(c.name); got != arnPrefix+"alias/"+op {
			t.Errorf("%s: %s is not what did it", op, got)
		}
	}
}
