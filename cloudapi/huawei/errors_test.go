package huawei_test

import (
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// each runs f for every operation, on a service of its own with what the operation needs.
func each(t *testing.T, f func(t *testing.T, s *service, op string, right params)) {
	for op, b := range bases {
		t.Run(strings.ReplaceAll(op, " ", "_"), func(t *testing.T) {
			s := serve(t, nil)
			f(t, s, op, b.make(s))
		})
	}
}

// A key that does not exist, or is destroyed, is KMS.0207 at 404.
func TestNoSuchKey(t *testing.T) {
	each(t, func(t *testing.T, s *service, op string, right params) {
		name := bases[op].key
		if name == "" {
			return
		}
		for _, id := range []string{nobody, "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"} {
			s.do(op, with(right, name, id)).want(t, id, 404, "KMS.0207")
		}
		id := right[name].(string)
		if _, err := s.kms.ScheduleKeyDeletion(t.Context(), id, 0); err != nil && op != "POST cancel-key-deletion" {
			t.Fatal(err)
		}
		s.advance(31 * 24 * 3600e9)
		if _, err := s.kms.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if op != "DELETE aliases" && op != "POST alias/associate" {
			s.do(op, right).want(t, "destroyed", 404, "KMS.0207")
		}
	})
}

// Whom the Authorizer denies everything learns nothing: not whether a key exists.
func TestDenied(t *testing.T) {
	each(t, func(t *testing.T, s *service, op string, right params) {
		s.deny(func(*kms.Request) bool { return true })
		s.do(op, right).want(t, op, 403, "KMS.0306")
		if name := bases[op].key; name != "" {
			s.do(op, with(right, name, nobody)).want(t, "absent", 403, "KMS.0306")
		}
	})
}

// A KMS that is closed, and a store that is down, are KMS.0102 at 503.
func TestUnavailable(t *testing.T) {
	each(t, func(t *testing.T, s *service, op string, right params) {
		s.store.SetDown(true)
		if op != "POST gen-random" {
			s.do(op, right).want(t, "down", 503, "KMS.0102")
		}
		s.store.SetDown(false)
		s.kms.Close()
		s.do(op, right).want(t, "closed", 503, "KMS.0102")
	})
}

// What keys in other states than enabled answer: 0 for success.
func TestStates(t *testing.T) {
	codes := map[string]struct{ disabled, archived, scheduled, importing string }{
		"POST encrypt-data":                     {"KMS.0209", "KMS.0209", "KMS.0210", "KMS.1301"},
		"POST create-datakey":                   {"KMS.0209", "KMS.0209", "KMS.0210", "KMS.1301"},
		"POST create-datakey-without-plaintext": {"KMS.0209", "KMS.0209", "KMS.0210", "KMS.1301"},
		"POST encrypt-datakey":                  {"KMS.0209", "KMS.0209", "KMS.0210", "KMS.1301"},
		"POST re-encrypt":                       {"KMS.0209", "KMS.0209", "KMS.0210", "KMS.1301"},
		"POST decrypt-data":                     {"KMS.0209", "", "KMS.0210", ""},
		"POST decrypt-datakey":                  {"KMS.0209", "", "KMS.0210", ""},
		"POST sign":                             {"KMS.0209", "KMS.0209", "KMS.0210", ""},
		"POST verify":                           {"KMS.0209", "", "KMS.0210", ""},
		"POST generate-mac":                     {"KMS.0209", "KMS.0209", "KMS.0210", ""},
		"POST verify-mac":                       {"KMS.0209", "", "KMS.0210", ""},
		"POST describe-key":                     {"", "", "", ""},
		"POST enable-key":                       {"", "", "KMS.0210", "KMS.1201"},
		"POST disable-key":                      {"KMS.1301", "", "KMS.0210", "KMS.1301"},
		"POST schedule-key-deletion":            {"", "", "KMS.1402", ""},
		"POST enable-key-rotation":              {"KMS.1301", "KMS.1301", "KMS.0210", "KMS.1301"},
		"POST disable-key-rotation":             {"KMS.1301", "KMS.1301", "KMS.0210", "KMS.1301"},
		"POST update-key-rotation-interval":     {"KMS.1301", "KMS.1301", "KMS.0210", "KMS.1301"},
		"POST get-key-rotation-status":          {"", "", "", ""},
		"POST delete-imported-key-material":     {"", "", "KMS.0210", "KMS.2701"},
		"POST get-parameters-for-import":        {"", "", "KMS.0210", ""},
	}
	for op, code := range codes {
		name := strings.ReplaceAll(op, " ", "_")
		t.Run(name+"/disabled", func(t *testing.T) { inState(t, op, code.disabled, (*service).disable) })
		t.Run(name+"/archived", func(t *testing.T) { inState(t, op, code.archived, (*service).archive) })
		t.Run(name+"/scheduled", func(t *testing.T) { inState(t, op, code.scheduled, (*service).schedule) })
		if code.importing != "" {
			t.Run(name+"/importing", func(t *testing.T) {
				s := serve(t, nil)
				right := bases[op].make(s)
				a := s.do(op, with(right, bases[op].key, s.create(external)))
				a.want(t, op, 400, code.importing)
			})
		}
	}
}

func inState(t *testing.T, op, code string, bring func(s *service, id string)) {
	s := serve(t, nil)
	right := bases[op].make(s)
	id := right[bases[op].key].(string)
	if op == "POST get-parameters-for-import" && code == "" {
		return // one that waits for material is neither
	}
	bring(s, id)
	a := s.do(op, right)
	if code == "" && a.Code == 200 {
		return
	}
	a.want(t, op, 400, code)
}

func (s *service) disable(id string) { s.ok(s.kms.DisableKey(s.t.Context(), id)) }

func (s *service) archive(id string) {
	s.ok(s.kms.EnableKey(s.t.Context(), id))
	s.ok(s.kms.ArchiveKey(s.t.Context(), id))
}

func (s *service) schedule(id string) {
	_, err := s.kms.ScheduleKeyDeletion(s.t.Context(), id, 0)
	s.ok(err)
}

// What only some operations refuse.
func TestRefusals(t *testing.T) {
	s := serve(t, nil)
	aes := s.create(&kms.CreateKeyOptions{Alias: "alias/taken"})
	other := s.create(&kms.CreateKeyOptions{Alias: "alias/other"})
	ec, mac := s.create(signing), s.create(hmac)
	rsa := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
	message := b64("m")
	for _, c := range []struct {
		what, op string
		p        params
		status   int
		code     string
	}{
		{"alias taken", "POST create-key", params{"key_alias": "taken"}, 400, "KMS.1104"},
		{"alias taken", "POST aliases", params{"key_id": other, "alias": "taken"}, 400, "KMS.1104"},
		{"alias taken", "POST update-key-alias", params{"key_id": other, "key_alias": "taken"}, 400, "KMS.1104"},
		{"no alias", "POST alias/associate", params{"target_key_id": aes, "alias": "none"}, 404, "KMS.0207"},
		{"no alias", "DELETE aliases", params{"key_id": aes, "aliases": []string{"taken", "none"}}, 404, "KMS.0207"},
		{"another's", "DELETE aliases", params{"key_id": aes, "aliases": []string{"other"}}, 404, "KMS.0207"},
		{"none", "DELETE aliases", params{"key_id": aes, "aliases": []string{}}, 400, "KMS.0204"},
		{"spec", "POST create-key", params{"key_alias": "n", "key_spec": "SECP256K1"}, 400, "KMS.0331"},
		{"spec", "POST create-key", params{"key_alias": "n", "key_spec": "HMAC_512"}, 400, "KMS.0331"},
		{"usage", "POST create-key", params{"key_alias": "n", "key_usage": "SIGN_VERIFY"}, 400, "KMS.0325"},
		{"usage", "POST encrypt-data", params{"key_id": ec, "plain_text": "x"}, 400, "KMS.0325"},
		{"usage", "POST create-datakey", params{"key_id": rsa}, 400, "KMS.0331"},
		{"usage", "POST sign", params{
			"key_id": aes, "message": message, "signing_algorithm": "SM2DSA_SM3",
		}, 400, "KMS.0325"},
		{"usage", "POST generate-mac", params{
			"key_id": ec, "message": message, "mac_algorithm": "HMAC_SM3",
		}, 400, "KMS.0325"},
		{"spec", "POST get-publickey", params{"key_id": aes}, 400, "KMS.0331"},
		{"algorithm", "POST sign", params{
			"key_id": ec, "message": message, "message_type": "RAW", "signing_algorithm": "ECDSA_SHA_512",
		}, 400, "KMS.0331"},
		{"algorithm", "POST generate-mac", params{
			"key_id": mac, "message": message, "mac_algorithm": "HMAC_SM3",
		}, 400, "KMS.0331"},
		{"algorithm", "POST verify-mac", params{
			"key_id": mac, "message": message, "mac_algorithm": "HMAC_SHA_384", "mac": message,
		}, 400, "KMS.0331"},
		{"algorithm", "POST encrypt-data", params{
			"key_id": aes, "plain_text": "x", "encryption_algorithm": "SM2_ENCRYPT",
		}, 400, "KMS.0331"},
		{"too long", "POST encrypt-data", params{
			"key_id": rsa, "plain_text": long(191), "encryption_algorithm": "RSAES_OAEP_SHA_256",
		}, 400, "KMS.2108"},
		{"no key", "POST decrypt-data", params{
			"cipher_text": b64(long(256)), "encryption_algorithm": "RSAES_OAEP_SHA_256",
		}, 400, "KMS.0204"},
		{"digest", "POST encrypt-datakey", params{
			"key_id": aes, "plain_text": long(66), "datakey_plain_length": "1",
		}, 400, "KMS.2103"},
		{"not scheduled", "POST cancel-key-deletion", params{"key_id": aes}, 400, "KMS.1501"},
		{"not disabled", "POST enable-key", params{"key_id": aes}, 400, "KMS.1201"},
		{"not rotated", "POST update-key-rotation-interval", params{
			"key_id": aes, "rotation_interval": 30,
		}, 400, "KMS.0308"},
		{"not rotatable", "POST enable-key-rotation", params{"key_id": ec}, 400, "KMS.0308"},
		{"not external", "POST get-parameters-for-import", params{
			"key_id": aes, "wrapping_algorithm": "SM2_ENCRYPT",
		}, 400, "KMS.0309"},
		{"not external", "POST delete-imported-key-material", params{"key_id": aes}, 400, "KMS.0309"},
	} {
		s.do(c.op, c.p).want(t, c.op+" "+c.what, c.status, c.code)
	}
}

// There is one context at a time, and none under a pair.
func TestContexts(t *testing.T) {
	s := serve(t, nil)
	aes, rsa := s.create(nil), s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
	const oaep = "RSAES_OAEP_SHA_256"
	both := params{aadName: "a", "encryption_context": params{"a": "b"}}
	for op, p := range map[string]params{
		"POST encrypt-data":    with(both, "plain_text", "x"),
		"POST decrypt-data":    with(both, "cipher_text", s.encrypted(aes)),
		"POST create-datakey":  {aadName: "", "encryption_context": params{}},
		"POST encrypt-datakey": with(with(both, "plain_text", datakey("x")), "datakey_plain_length", 1),
		"POST decrypt-datakey": with(with(both, "cipher_text", "00"), "datakey_cipher_length", 1),
	} {
		s.do(op, with(p, "key_id", aes)).want(t, op, 400, "KMS.0208")
	}
	for _, name := range []string{aadName, "encryption_context"} {
		p := with(params{"key_id": rsa, "encryption_algorithm": oaep}, name, both[name])
		s.do("POST encrypt-data", with(p, "plain_text", "x")).want(t, name, 400, "KMS.0208")
		s.do("POST decrypt-data", with(p, "cipher_text", b64(long(256)))).want(t, name, 400, "KMS.0208")
	}
}

// Whatever is wrong with a ciphertext, it has one answer.
func TestInvalidCiphertexts(t *testing.T) {
	s := serve(t, nil)
	id, other := s.create(nil), s.create(nil)
	right := s.must("POST encrypt-data", params{"key_id": id, "plain_text": marker + long(40), aadName: "a"})
	text := right["cipher_text"].(string)
	dek := s.must("POST create-datakey", params{"key_id": id, aadName: "a"})["cipher_text"].(string)
	dekText := b64(string(fromHex(t, dek)))
	changed := []byte(text)
	changed[len(changed)-8] ^= 1
	var answers []string
	for what, p := range map[string]params{
		"changed": {"cipher_text": string(changed), aadName: "a"},
		"cut":     {"cipher_text": text[:len(text)-4], aadName: "a"},
		"context": {"cipher_text": text, aadName: "b"}, "no context": {"cipher_text": text},
		"map":      {"cipher_text": text, "encryption_context": params{"a": "a"}},
		"rubbish":  {"cipher_text": b64(long(200))},
		"key":      {"cipher_text": text, aadName: "a", "key_id": other},
		"data key": {"cipher_text": dekText, aadName: "a"},
	} {
		a := s.do("POST decrypt-data", p)
		a.want(t, what, 400, "KMS.0308")
		answers = append(answers, a.Body.String())
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("answers differ: %s and %s", a, answers[0])
		}
	}
	for what, p := range map[string]params{
		"cut": {"cipher_text": dek[2:], aadName: "a"}, "context": {"cipher_text": dek},
		"key":  {"cipher_text": dek, aadName: "a", "key_id": other},
		"data": {"cipher_text": upperHex(fromBase64(t, text)), aadName: "a"},
	} {
		p["datakey_cipher_length"] = "32"
		if p["key_id"] == nil {
			p["key_id"] = id
		}
		s.do("POST decrypt-datakey", p).want(t, what, 400, "KMS.2201")
	}
}

// A change whose outcome is unknown is not one that was not made.
func TestUnknownOutcome(t *testing.T) {
	s := serve(t, nil)
	id := s.create(nil)
	s.loseReplies()
	s.do("POST schedule-key-deletion", params{"key_id": id, "pending_days": "7"}).
		want(t, "lost", 504, "KMS.0102")
}
