package alibaba_test

import (
	"testing"

	"github.com/embedkms/kms"
)

// What each state lets through: API page "Impact of CMK status on API operations". The
// library describes and tags keys that are going to be destroyed; the vendor does not.
func TestStates(t *testing.T) {
	s := start(t)
	disabled, archived, pending, empty := s.aes(), s.aes(), s.scheduled(), s.external()
	must(t, s.kms.DisableKey(ctx, disabled))
	must(t, s.kms.ArchiveKey(ctx, archived))
	ok := ""
	for _, c := range []struct {
		action                             string
		params                             params
		disabled, archived, pending, empty string
	}{
		{"Encrypt", params{"Plaintext": "QUJD"}, "Rejected.Disabled", "Rejected.Disabled",
			"Rejected.PendingDeletion", "Rejected.PendingImport"},
		{"GenerateDataKey", nil, "Rejected.Disabled", "Rejected.Disabled", "Rejected.PendingDeletion",
			"Rejected.PendingImport"},
		{"GenerateDataKeyWithoutPlaintext", nil, "Rejected.Disabled", "Rejected.Disabled",
			"Rejected.PendingDeletion", "Rejected.PendingImport"},
		{"DescribeKey", nil, ok, ok, ok, ok},
		{"ListKeyVersions", nil, ok, ok, ok, ok},
		{"UpdateKeyDescription", params{"Description": "x"}, ok, ok, ok, ok},
		{"TagResource", params{"Tags": tagList(1)}, ok, ok, ok, ok},
		{"CreateAlias", params{"AliasName": "alias/new"}, "", "AliasAlreadyExists",
			"Rejected.StateModifiedFailed", "AliasAlreadyExists"},
		{"DisableKey", nil, ok, ok, "Rejected.StateModifiedFailed", "Rejected.StateModifiedFailed"},
		{"EnableKey", nil, ok, ok, "Rejected.StateModifiedFailed", "Rejected.StateModifiedFailed"},
		{"CancelKeyDeletion", nil, "Rejected.StateModifiedFailed", "Rejected.StateModifiedFailed", ok,
			"Rejected.StateModifiedFailed"},
		{"ScheduleKeyDeletion", params{"PendingWindowInDays": "7"}, ok, ok, ok, ok},
		{"ScheduleKeyDeletion", params{"PendingWindowInDays": "7"}, "Rejected.StateModifiedFailed",
			"Rejected.StateModifiedFailed",
			"Rejected.StateModifiedFailed", "Rejected.StateModifiedFailed"},
	} {
		for i, want := range []string{c.disabled, c.archived, c.pending, c.empty} {
			key := []string{disabled, archived, pending, empty}[i]
			r := s.call(c.action, with(params{"KeyId": key}, pairs(c.params)...))
			if want != ok {
				r.is(t, c.action+" "+[]string{"disabled", "archived", "pending deletion",
					"pending import"}[i], want)
			} else if r.status != 200 {
				t.Errorf("%s %d: %s", c.action, i, r.body)
			}
		}
	}
}

// A destroyed key is not there.
func TestDestroyed(t *testing.T) {
	s := start(t)
	id := s.aes()
	ct := s.encrypted(id)
	s.destroy(id)
	for name, p := range map[string]params{
		"DescribeKey": {"KeyId": id}, "ListKeyVersions": {"KeyId": id}, "EnableKey": {"KeyId": id},
		"ListResourceTags": {"KeyId": id},
		"DescribeKeyVersion": {"KeyId": id,
			"KeyVersionId": first(id)}, "Decrypt": {"CiphertextBlob": ct},
		"ListAliasesByKeyId": {"KeyId": id},
		"CreateAlias":        {"KeyId": id, "AliasName": "alias/x"}, "TagResource": {"KeyId": id,
			"Tags": tagList(1)},
	} {
		s.call(name, p).is(t, name, "Forbidden.KeyNotFound")
	}
	if keys := s.ok("ListKeys", params{}).fields["TotalCount"]; keys != 0.0 {
		t.Errorf("%v keys are left", keys)
	}
}

// What a key cannot do is not what it must not do now.
func TestUsage(t *testing.T) {
	s := start(t)
	aes, ec := s.aes(), s.pair(kms.KeySpecECP256, kms.KeyUsageSignVerify)
	sm2 := s.pair(kms.KeySpecSM2, kms.KeyUsageSignVerify)
	mac := s.pair(kms.KeySpecHMACSHA256, kms.KeyUsageGenerateVerifyMAC)
	for _, c := range []struct {
		action string
		params params
	}{
		{"Encrypt", params{"KeyId": ec, "Plaintext": "QUJD"}},
		{"Encrypt", params{"KeyId": mac, "Plaintext": "QUJD"}},
		{"GenerateDataKey", params{"KeyId": sm2}},
		{"GetPublicKey", params{"KeyId": aes, "KeyVersionId": first(aes)}},
		{"AsymmetricSign", params{"KeyId": aes, "KeyVersionId": first(aes),
			"Algorithm": "ECDSA_SHA_256", "Digest": b64(sum[:])}},
		{"AsymmetricEncrypt", params{"KeyId": ec, "KeyVersionId": first(ec), "Algorithm": "SM2PKE",
			"Plaintext": "QUJD"}},
		{"AsymmetricEncrypt", params{"KeyId": sm2, "KeyVersionId": first(sm2), "Algorithm": "SM2PKE",
			"Plaintext": "QUJD"}},
		{"UpdateRotationPolicy", params{"KeyId": ec, "EnableAutomaticRotation": "true",
			"RotationInterval": "7d"}},
	} {
		s.call(c.action, c.params).is(t, c.action, "UnsupportedOperation")
	}
	for name, p := range map[string]params{
		"GetParametersForImport": {"WrappingKeySpec": "RSA_2048",
			"WrappingAlgorithm": "RSAES_OAEP_SHA_256"},
		"DeleteKeyMaterial": {}, "ImportKeyMaterial": {"ImportToken": "QUJD",
			"EncryptedKeyMaterial": "QUJD", "KeyMaterialExpireUnix": "0"},
	} {
		s.call(name, with(p, "KeyId", aes)).is(t, name, "Unsupported.Origin")
	}
	used := s.imports()
	s.ok("ImportKeyMaterial", used)
	s.call("CreateKeyVersion", params{"KeyId": used["KeyId"]}).is(t, "rotate imported",
		"Unsupported.Origin")
	s.call("ImportKeyMaterial", used).is(t, "used token", "InvalidImportToken")
	s.alias("taken", aes)
	s.call("CreateAlias", params{"AliasName": "alias/taken", "KeyId": ec}).is(t, "alias",
		"AliasAlreadyExists")
}

// Whatever is wrong with a ciphertext, the answer is one and the same.
func TestCiphertexts(t *testing.T) {
	s := start(t)
	id := s.aes()
	good := unb64(t, s.encrypted(id))
	cut, flipped := good[:len(good)-1], append([]byte{}, good...)
	flipped[len(flipped)-1] ^= 1
	answers := map[string]bool{}
	for name, p := range map[string]params{
		"rubbish": {"CiphertextBlob": "QUJD"}, "cut": {"CiphertextBlob": b64(cut)},
		"flipped": {"CiphertextBlob": b64(flipped)},
		"context": {"CiphertextBlob": b64(good), "EncryptionContext": `{"a":"b"}`},
	} {
		for action, more := range map[string]params{
			"Decrypt": {}, "ExportDataKey": exported(s), "ReEncrypt": {"DestinationKeyId": id,
				"SourceEncryptionContext": p["EncryptionContext"]},
		} {
			if more["SourceEncryptionContext"] == "" {
				delete(more, "SourceEncryptionContext")
			}
			r := s.call(action, with(more, pairs(p)...))
			r.is(t, action+" "+name, "InvalidParameter")
			answers[r.text("Message")] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
}
