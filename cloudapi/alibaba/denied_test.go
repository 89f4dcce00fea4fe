package alibaba_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/embedkms/kms"
)

// Who may not enable a key does not cancel its deletion either.
func TestCancelKeyDeletionDenied(t *testing.T) {
	s := start(t)
	id := s.scheduled()
	s.refused = map[string]error{kms.OpEnableKey: errors.New("no")}
	s.call("CancelKeyDeletion", params{"KeyId": id, "DryRun": "true"}).is(t, "dry", "AccessDeniedError")
	s.call("CancelKeyDeletion", params{"KeyId": id}).is(t, "denied", "Forbidden.NoPermission")
	key, err := s.kms.DescribeKey(ctx, id)
	must(t, err)
	if key.State != kms.KeyStatePendingDeletion {
		t.Errorf("the key is %s", key.State)
	}
}

// What the Authorizer denies is denied, whatever its own error is.
func TestDeniedIsDenied(t *testing.T) {
	s := start(t)
	aes, rsa := s.aes(), s.pair(kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt)
	sm2 := s.pair(kms.KeySpecSM2, kms.KeyUsageSignVerify)
	secret, err := s.kms.EncryptAsymmetric(ctx, rsa, kms.AlgorithmRSAESOAEPSHA256, []byte("text"))
	must(t, err)
	for _, c := range []struct {
		op, action string
		cause      error
		params     params
	}{
		{kms.OpEnableKey, "EnableKey", kms.ErrKeyPendingDeletion, params{"KeyId": aes}},
		{kms.OpEncrypt, "Encrypt", kms.ErrDryRun, params{"KeyId": aes, "Plaintext": "QUJD"}},
		{kms.OpVerify, "AsymmetricVerify", kms.ErrInvalidSignature, params{"KeyId": sm2,
			"KeyVersionId": first(sm2), "Algorithm": "SM2DSA", "Digest": b64(sum[:]), "Value": "QUJD"}},
		{kms.OpDecryptAsymmetric, "ReEncrypt", kms.ErrDryRun, params{"SourceKeyId": rsa,
			"SourceKeyVersionId": first(rsa), "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
			"CiphertextBlob": b64(secret.Ciphertext), "DestinationKeyId": aes}},
	} {
		s.refused = map[string]error{c.op: fmt.Errorf("policy: %w", c.cause)}
		s.call(c.action, c.params).is(t, c.action, "Forbidden.NoPermission")
	}
}
