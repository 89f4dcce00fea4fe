package tencent_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/tencent"
	"github.com/embedkms/kms/internal/faultstore"
)

const (
	notFound    = "ResourceUnavailable.CmkNotFound"
	stateCode   = "ResourceUnavailable.CmkStateNotSupport"
	unavailable = "UnsupportedOperation.ServiceTemporaryUnavailable"
)

// byState are the codes of operations on a key by its state, in the order of
// stateActions: "-" is success, and other words are short for a code.
var byState = map[string]string{
	"enabled":          "- - - - - - - - - state undisabled unscheduled - - - - -",
	"disabled":         "disabled disabled disabled disabled - - - - - state - unscheduled - - - - -",
	"archived":         "archived archived - archived - - state - - - undisabled unscheduled - - - - -",
	"pending deletion": "pending pending pending pending - - state state state state state - state - - - -",
	"pending import":   "state state state state - - state state state state - unscheduled - - external - -",
	"destroyed":        strings.Repeat("none ", len(stateActions)),
	"unknown":          strings.Repeat("none ", len(stateActions)),
}

var short = map[string]string{
	"-": "", "state": stateCode, "none": notFound,
	"disabled":    "ResourceUnavailable.CmkDisabled",
	"archived":    "ResourceUnavailable.CmkArchived",
	"pending":     "ResourceUnavailable.KeyPendingDelete",
	"undisabled":  "ResourceUnavailable.CmkShouldBeDisabled",
	"unscheduled": "ResourceUnavailable.CmkNotPendingDelete",
	"external":    "UnsupportedOperation.ExternalCmkCanNotRotate",
}

var stateActions = strings.Fields(`Encrypt GenerateDataKey Decrypt ReEncrypt DescribeKey DescribeKeys
	EnableKey DisableKey ArchiveKey CancelKeyArchive ScheduleKeyDeletion CancelKeyDeletion
	UpdateAlias UpdateKeyDescription EnableKeyRotation DisableKeyRotation GetKeyRotationStatus`)

// in returns a key in a state, and a ciphertext of it.
func (s *server) in(t *testing.T, state string) (id string, ciphertext []byte) {
	t.Helper()
	ctx := t.Context()
	if state == "pending import" {
		return s.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal}), s.ofDeleted(t)
	}
	id = s.create(t, nil)
	ciphertext, err := s.k.Encrypt(ctx, id, []byte("plaintext"), nil)
	must(t, err)
	switch state {
	case "disabled":
		must(t, s.k.DisableKey(ctx, id))
	case "archived":
		must(t, s.k.ArchiveKey(ctx, id))
	case "pending deletion":
		_, err = s.k.ScheduleKeyDeletion(ctx, id, 0)
	case "destroyed", "unknown": // a key is destroyed in a store where nothing else is due
		_, err = s.k.ScheduleKeyDeletion(ctx, id, 0)
		must(t, err)
		s.clock.Add(int64(31 * 24 * time.Hour))
		_, err = s.k.Maintain(ctx)
	}
	must(t, err)
	if state == "unknown" {
		id = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	}
	return id, ciphertext
}

// ofDeleted returns a ciphertext of a key of which the material was deleted.
func (s *server) ofDeleted(t *testing.T) []byte {
	t.Helper()
	if s.deleted != nil {
		return s.deleted
	}
	ctx := t.Context()
	id := s.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
	p, err := s.k.ImportParameters(ctx, id, kms.WrappingRSAOAEPSHA256)
	must(t, err)
	must(t, s.k.ImportKeyMaterial(ctx, id, &kms.ImportKeyMaterialOptions{
		Token: p.Token, EncryptedMaterial: wrap(t, p.PublicKey, bytes.Repeat([]byte{1}, 32)),
	}))
	s.deleted, err = s.k.Encrypt(ctx, id, []byte("plaintext"), nil)
	must(t, err)
	must(t, s.k.DeleteImportedKeyMaterial(ctx, id))
	return s.deleted
}

func TestStates(t *testing.T) {
	for state, want := range byState {
		s := newServer(t)
		for i, action := range stateActions {
			id, ciphertext := s.in(t, state)
			params := request{
				"KeyId": id, "KeyIds": []string{id}, "Plaintext": "QUJD", "KeySpec": "AES_256",
				"CiphertextBlob": b64(ciphertext), "DestinationEncryptionContext": `{"a":"b"}`,
				"PendingWindowInDays": 7, "Alias": strings.ReplaceAll(state, " ", "-"), "Description": "",
			}
			code, known := short[strings.Fields(want)[i]]
			if w := s.call(t, action, params); w.code != code || !known {
				t.Errorf("%s on a key that is %s: %s, want %s", action, state, w.Body, code)
			}
		}
	}
}

// Keys of another kind than the operation is for.
func TestUsages(t *testing.T) {
	s := newServer(t)
	right := s.requests(t)
	const usage = "InvalidParameterValue.InvalidKeyUsage"
	aes := right["Encrypt"]["KeyId"]
	rsa, ec := right["AsymmetricRsaDecrypt"]["KeyId"], right["SignByAsymmetricKey"]["KeyId"]
	external := right["GetParametersForImport"]["KeyId"]
	for _, c := range []struct {
		action string
		key    any
		code   string
	}{
		{"Encrypt", rsa, usage}, {"Encrypt", ec, usage}, {"GenerateDataKey", rsa, usage},
		{"GetPublicKey", aes, usage}, {"GetPublicKey", external, usage},
		{"AsymmetricRsaDecrypt", aes, usage}, {"AsymmetricRsaDecrypt", ec, usage},
		{"AsymmetricRsaDecrypt", right["AsymmetricSm2Decrypt"]["KeyId"], usage},
		{"AsymmetricSm2Decrypt", rsa, usage}, {"AsymmetricSm2Decrypt", aes, usage},
		{"SignByAsymmetricKey", aes, codeInvalid}, {"SignByAsymmetricKey", rsa, codeInvalid},
		{"VerifyByAsymmetricKey", aes, codeInvalid}, {"VerifyByAsymmetricKey", rsa, codeInvalid},
		{"EnableKeyRotation", rsa, stateCode},
		{"EnableKeyRotation", external, "UnsupportedOperation.ExternalCmkCanNotRotate"},
		{"GetParametersForImport", aes, "UnsupportedOperation.NotExternalCmk"},
		{"ImportKeyMaterial", aes, "UnsupportedOperation.NotExternalCmk"},
		{"DeleteImportedKeyMaterial", aes, "UnsupportedOperation.NotExternalCmk"},
	} {
		right[c.action]["KeyId"] = c.key
		if w := s.call(t, c.action, right[c.action]); w.code != c.code {
			t.Errorf("%s with another key: %s, want %s", c.action, w.Body, c.code)
		}
	}
}

// What the store and the authorizer have to say, in every operation that asks them.
func TestTrouble(t *testing.T) {
	s := newServer(t)
	right := s.requests(t)
	for _, action := range tencent.Operations() {
		body := jsonOf(t, right[action])
		denial := s.send(t, sign(t, tc3(t, action, body), denied, body))
		s.store.SetDown(true)
		down := s.send(t, tc3(t, action, body))
		s.store.SetDown(false)
		s.store.Fault = func(faultstore.Call) faultstore.Fault { return faultstore.Refuse }
		refused := s.send(t, tc3(t, action, body))
		s.store.Fault = nil
		switch action {
		case "ListAlgorithms", "GetServiceStatus":
			continue
		case "GenerateRandom":
		default:
			if down.code != unavailable || refused.code != unavailable {
				t.Errorf("%s, store down: %s %s", action, down.Body, refused.Body)
			}
		}
		if denial.code != "UnauthorizedOperation" {
			t.Errorf("%s, denied: %s", action, denial.Body)
		}
	}
	must(t, s.k.Close())
	for _, action := range []string{"Encrypt", "DescribeKey", "ListKeys", "GenerateRandom",
		"EnableKey"} {
		if w := s.call(t, action, right[action]); w.code != unavailable {
			t.Errorf("%s, closed: %s", action, w.Body)
		}
	}
}

// Who does not wait for the answer is no fault inside.
func TestCancelled(t *testing.T) {
	s := newServer(t)
	right := s.requests(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for action, params := range right {
		w := s.send(t, tc3(t, action, jsonOf(t, params)).WithContext(ctx))
		if w.code != "" && w.code != unavailable {
			t.Errorf("%s: %s", action, w.Body)
		}
	}
}

// A change may have been made when its reply is lost.
func TestUnknownOutcome(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	s.store.Fault = func(c faultstore.Call) faultstore.Fault {
		if c.Method == "Put" {
			return faultstore.Late
		}
		return faultstore.None
	}
	w := s.call(t, "DisableKey", request{"KeyId": id})
	s.store.Fault = nil
	if w.code != unavailable {
		t.Errorf("%s", w.Body)
	}
	if err := s.k.DisableKey(t.Context(), id); err != nil && !errors.Is(err, kms.ErrConflict) {
		t.Error(err)
	}
}

// A list of keys is changed as a whole, as far as that can be seen before.
func TestAllOrNothing(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	pending, _ := s.in(t, "pending deletion")
	archived, _ := s.in(t, "archived")
	for _, c := range []struct{ action, other string }{
		{"DisableKeys", pending}, {"DisableKeys", "0d0466b0-e727-4d9c-b35d-f84bb474a37f"},
		{"EnableKeys", archived},
	} {
		before, err := s.k.DescribeKey(t.Context(), id)
		must(t, err)
		if w := s.call(t, c.action, request{"KeyIds": []string{id, c.other}}); w.code == "" {
			t.Errorf("%s: %s", c.action, w.Body)
		}
		after, err := s.k.DescribeKey(t.Context(), id)
		must(t, err)
		if before.State != after.State {
			t.Errorf("%s: %s", c.action, after.State)
		}
		s.k.DisableKey(t.Context(), id)
	}
}
