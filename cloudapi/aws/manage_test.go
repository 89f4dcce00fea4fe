package aws_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
)

func (s *server) metadata(t *testing.T, key any) map[string]any {
	t.Helper()
	return s.good(t, "DescribeKey", object{"KeyId": key}).body["KeyMetadata"].(map[string]any)
}

func TestCreateKey(t *testing.T) {
	s := serve(t, nil, nil)
	for _, c := range []struct{ spec, usage, algorithms string }{
		{"", "", "EncryptionAlgorithms:[SYMMETRIC_DEFAULT]"},
		{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms:[SYMMETRIC_DEFAULT]"},
		{"RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms:[RSAES_OAEP_SHA_256]"},
		{"RSA_2048", "SIGN_VERIFY", "SigningAlgorithms:[RSASSA_PKCS1_V1_5_SHA_256"},
		{"ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms:[ECDSA_SHA_256]"},
		{"ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms:[ECDSA_SHA_384]"},
		{"SM2", "SIGN_VERIFY", "SigningAlgorithms:[SM2DSA]"},
		{"SM2", "ENCRYPT_DECRYPT", "EncryptionAlgorithms:[SM2PKE]"},
		{"HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms:[HMAC_SHA_256]"},
	} {
		for _, name := range []string{"KeySpec", "CustomerMasterKeySpec"} {
			p := object{"Description": "d", "Tags": tagsOf("a", "b"), "MultiRegion": false, "Origin": "AWS_KMS"}
			if c.spec != "" {
				p[name], p["KeyUsage"] = c.spec, c.usage
			}
			a := s.good(t, "CreateKey", p).body["KeyMetadata"].(map[string]any)
			if text := fmt.Sprint(a); !strings.Contains(text, c.algorithms) {
				t.Errorf("%s %s: %s", c.spec, c.usage, text)
			}
			if got := s.metadata(t, a["Arn"]); fmt.Sprint(got) != fmt.Sprint(a) {
				t.Errorf("described as %v, created as %v", got, a)
			}
		}
	}
	for _, p := range []object{
		{"KeySpec": "RSA_2048"}, {"KeySpec": "HMAC_256"}, {"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"},
		{"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
	} {
		s.bad(t, "CreateKey", p, http.StatusBadRequest, validation)
	}
}

func TestLifecycle(t *testing.T) {
	s := serve(t, nil, nil)
	p := object{"KeyId": s.key(t, nil)}
	states := func(want string) {
		t.Helper()
		if m := s.metadata(t, p["KeyId"]); m["KeyState"] != want || m["Enabled"] != (want == "Enabled") || (m["DeletionDate"] != nil) != (want == "PendingDeletion") {
			t.Errorf("%v, want %s", m, want)
		}
	}
	s.good(t, "DisableKey", p)
	states("Disabled")
	s.good(t, "EnableKey", p)
	states("Enabled")
	s.good(t, "UpdateKeyDescription", object{"KeyId": p["KeyId"], "Description": ""})
	a := s.good(t, "ScheduleKeyDeletion", p)
	days := a.body["DeletionDate"].(float64) - float64(time.Now().Unix())
	if a.body["PendingWindowInDays"] != 30.0 || days < 29*86400 || days > 31*86400 || a.str("KeyState") != "PendingDeletion" {
		t.Error(a.text)
	}
	states("PendingDeletion")
	s.good(t, "CancelKeyDeletion", p)
	states("Disabled")
	must(t, s.kms.ArchiveKey(t.Context(), p["KeyId"].(string)))
	states("Disabled") // there is no word for archived
}

// collect reads a list to its end, a page at a time.
func (s *server) collect(t *testing.T, op, list string, p object, limit int) (items []any, pages int) {
	t.Helper()
	p["Limit"] = limit
	for {
		a := s.good(t, op, p)
		page, _ := a.body[list].([]any)
		if len(page) > limit || page == nil {
			t.Fatalf("%s: %s", op, a.text)
		}
		items, pages = append(items, page...), pages+1
		if a.body["Truncated"] != true {
			if a.body["NextMarker"] != nil {
				t.Errorf("%s: a marker behind the end", op)
			}
			return items, pages
		}
		p["Marker"] = a.str("NextMarker")
	}
}

func TestLists(t *testing.T) {
	s := serve(t, nil, nil)
	tags := map[string]string{}
	for i := range 5 {
		tags[fmt.Sprint("tag", i)] = ""
	}
	key := s.key(t, &kms.CreateKeyOptions{Tags: tags})
	for i := range 4 {
		s.good(t, "RotateKeyOnDemand", object{"KeyId": key})
		s.key(t, nil)
		must(t, s.kms.CreateAlias(t.Context(), fmt.Sprint("alias/", i), key))
	}
	must(t, s.kms.CreateAlias(t.Context(), "alias/other", s.key(t, nil)))
	for _, c := range []struct {
		op, list, name string
		params         object
		n              int
	}{
		{"ListKeys", "Keys", "KeyId", object{}, 6},
		{"ListAliases", "Aliases", "AliasName", object{}, 5},
		{"ListAliases", "Aliases", "AliasName", object{"KeyId": key}, 4},
		{"ListKeyRotations", "Rotations", "KeyMaterialId", object{"KeyId": key}, 4},
		{"ListKeyRotations", "Rotations", "KeyMaterialId", object{"KeyId": key, "IncludeKeyMaterial": "ROTATIONS_ONLY"}, 4},
		{"ListKeyRotations", "Rotations", "KeyMaterialId", object{"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}, 5},
		{"ListResourceTags", "Tags", "TagKey", object{"KeyId": key}, 5},
	} {
		for _, limit := range []int{1, 2, 5, 50} {
			delete(c.params, "Marker")
			items, pages := s.collect(t, c.op, c.list, c.params, limit)
			if want := (c.n + limit - 1) / limit; len(items) != c.n || pages != want {
				t.Errorf("%s by %d: %d items on %d pages, want %d on %d", c.op, limit, len(items), pages, c.n, want)
			}
			names := map[any]bool{}
			for _, item := range items {
				names[item.(map[string]any)[c.name]] = true
			}
			if len(names) != c.n {
				t.Errorf("%s by %d: %v", c.op, limit, items)
			}
		}
	}
}

// Entries of lists have the members of their documentation.
func TestEntries(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, &kms.CreateKeyOptions{Alias: "alias/a", Tags: map[string]string{"a": "b"}})
	s.good(t, "RotateKeyOnDemand", object{"KeyId": key})
	first := func(op, list string) map[string]any {
		p := object{"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
		items := s.good(t, op, p).body[list].([]any)
		return items[len(items)-1].(map[string]any)
	}
	checkShape(t, "ListKeys", first("ListKeys", "Keys"), "KeyArn:text KeyId:text")
	checkShape(t, "ListAliases", first("ListAliases", "Aliases"), "AliasArn:text AliasName:text CreationDate:number TargetKeyId:text")
	checkShape(t, "ListResourceTags", first("ListResourceTags", "Tags"), "TagKey:text TagValue:text")
	rotation := first("ListKeyRotations", "Rotations")
	checkShape(t, "ListKeyRotations", rotation, "KeyId:text KeyMaterialId:text KeyMaterialState:text RotationDate:number")
	if m := s.metadata(t, key); m["CurrentKeyMaterialId"] != rotation["KeyMaterialId"] || rotation["KeyMaterialState"] != "CURRENT" {
		t.Errorf("%v is not the current of %v", rotation, m)
	}
}

func TestAliases(t *testing.T) {
	s := serve(t, nil, nil)
	a, b := s.key(t, nil), s.key(t, nil)
	s.good(t, "CreateAlias", object{"AliasName": "alias/x/y", "TargetKeyId": a})
	s.good(t, "UpdateAlias", object{"AliasName": "alias/x/y", "TargetKeyId": arnPrefix + "key/" + b})
	if m := s.metadata(t, "alias/x/y"); m["KeyId"] != b {
		t.Error(m)
	}
	s.good(t, "DeleteAlias", object{"AliasName": "alias/x/y"})
	s.bad(t, "DeleteAlias", object{"AliasName": "alias/x/y"}, http.StatusBadRequest, notFound)
	// The pattern allows it, the library does not.
	s.bad(t, "CreateAlias", object{"AliasName": "alias/x//y", "TargetKeyId": a}, http.StatusBadRequest, "InvalidAliasNameException")
	s.bad(t, "DeleteAlias", object{"AliasName": "alias//"}, http.StatusBadRequest, "InvalidAliasNameException")
}

func TestRotation(t *testing.T) {
	s := serve(t, nil, nil)
	p := object{"KeyId": s.key(t, nil)}
	status := func(want string) {
		t.Helper()
		a := s.good(t, "GetKeyRotationStatus", p)
		if got := fmt.Sprint(a.body["KeyRotationEnabled"], a.body["RotationPeriodInDays"]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	status("false <nil>")
	s.good(t, "EnableKeyRotation", p)
	status("true 365")
	s.good(t, "ScheduleKeyDeletion", p)
	status("false <nil>")
	s.good(t, "CancelKeyDeletion", p)
	s.good(t, "EnableKey", p)
	status("true 365")
	s.good(t, "DisableKeyRotation", p)
	status("false <nil>")
	for _, opts := range []*kms.CreateKeyOptions{signing, hmac} {
		p := object{"KeyId": s.key(t, opts)}
		for _, op := range []string{"EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus", "RotateKeyOnDemand", "ListKeyRotations"} {
			s.bad(t, op, p, http.StatusBadRequest, unsupported)
		}
	}
	p = object{"KeyId": s.key(t, external)}
	s.bad(t, "EnableKeyRotation", p, http.StatusBadRequest, unsupported)
	status("false <nil>")
}

func TestImport(t *testing.T) {
	s := serve(t, nil, nil)
	created := s.good(t, "CreateKey", object{"Origin": "EXTERNAL"}).body["KeyMetadata"].(map[string]any)
	key := created["KeyId"].(string)
	if created["KeyState"] != "PendingImport" || created["Origin"] != "EXTERNAL" || created["ExpirationModel"] != nil {
		t.Error(created)
	}
	p := importInto(t, s, key, strings.Repeat("m", 32))
	for _, days := range []float64{-1, 0, 366} {
		p["ExpirationModel"], p["ValidTo"] = "KEY_MATERIAL_EXPIRES", float64(time.Now().Unix())+days*86400
		s.bad(t, "ImportKeyMaterial", p, http.StatusBadRequest, validation)
	}
	p["ExpirationModel"], p["ValidTo"] = "KEY_MATERIAL_EXPIRES", float64(time.Now().Unix())+3600.5
	p["KeyMaterialDescription"], p["ImportType"] = "d", "NEW_KEY_MATERIAL"
	s.good(t, "ImportKeyMaterial", p)
	m := s.metadata(t, key)
	if m["KeyState"] != "Enabled" || m["ExpirationModel"] != "KEY_MATERIAL_EXPIRES" || m["ValidTo"] != p["ValidTo"] {
		t.Errorf("%v, want until %v", m, p["ValidTo"])
	}
	s.bad(t, "ImportKeyMaterial", p, http.StatusBadRequest, "InvalidImportTokenException") // a token works once
	e := s.good(t, "Encrypt", object{"KeyId": key, "Plaintext": b64("hello")})

	s.bad(t, "ImportKeyMaterial", importInto(t, s, key, strings.Repeat("n", 32)), http.StatusBadRequest, "IncorrectKeyMaterialException")
	p = importInto(t, s, key, strings.Repeat("n", 32))
	p["ImportType"] = "NEW_KEY_MATERIAL"
	s.good(t, "ImportKeyMaterial", p)
	s.bad(t, "RotateKeyOnDemand", object{"KeyId": key}, http.StatusBadRequest, "KMSInvalidStateException")
	items, _ := s.collect(t, "ListKeyRotations", "Rotations", object{"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}, 50)
	checkShape(t, "ListKeyRotations", items[0].(map[string]any),
		"ExpirationModel:text ImportState:text KeyId:text KeyMaterialId:text KeyMaterialState:text ValidTo:number")
	checkShape(t, "ListKeyRotations", items[1].(map[string]any),
		"ExpirationModel:text ImportState:text KeyId:text KeyMaterialId:text KeyMaterialState:text RotationDate:number")
	s.good(t, "Decrypt", object{"CiphertextBlob": e.str("CiphertextBlob")})

	s.good(t, "DeleteImportedKeyMaterial", object{"KeyId": key})
	if m := s.metadata(t, key); m["KeyState"] != "PendingImport" {
		t.Error(m)
	}
	s.bad(t, "GetParametersForImport", object{
		"KeyId": s.key(t, nil), "WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2",
	}, http.StatusBadRequest, unsupported)
	s.good(t, "GetParametersForImport", object{"KeyId": key, "WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2"})
	s.good(t, "GetParametersForImport", object{"KeyId": key, "WrappingAlgorithm": "RSA_AES_KEY_WRAP_SHA_256", "WrappingKeySpec": "RSA_3072"})
}

func TestTags(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, &kms.CreateKeyOptions{Tags: map[string]string{"a": "1", "b": "2"}})
	s.good(t, "TagResource", object{"KeyId": key, "Tags": tagsOf("b", "3", "c", "")})
	s.good(t, "UntagResource", object{"KeyId": key, "TagKeys": []string{"a", "z"}})
	got := s.good(t, "ListResourceTags", object{"KeyId": key}).body["Tags"]
	if want := "[map[TagKey:b TagValue:3] map[TagKey:c TagValue:]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	s.good(t, "UntagResource", object{"KeyId": key, "TagKeys": []string{"b", "c"}})
	if got := s.good(t, "ListResourceTags", object{"KeyId": key}); !strings.Contains(got.text, `"Tags":[]`) {
		t.Error(got.text)
	}
	s.good(t, "TagResource", object{"KeyId": key, "Tags": manyTags(50)})
	s.bad(t, "TagResource", object{"KeyId": key, "Tags": tagsOf("more", "")}, http.StatusBadRequest, "LimitExceededException")
}

// cryptographic are the operations that use a key, beside those that manage it.
var cryptographic = strings.Fields(`Encrypt Decrypt ReEncrypt GenerateDataKey GenerateDataKeyWithoutPlaintext
	GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext Sign Verify GenerateMac VerifyMac`)

// Each operation meets each state of a key as AWS documents it.
func TestStates(t *testing.T) {
	const disabled, invalid = "DisabledException", "KMSInvalidStateException"
	for op, r := range requests {
		s := serve(t, nil, nil)
		params := r.params(t, s)
		key, _ := params["KeyId"].(string)
		if op == "ReEncrypt" {
			key = params["DestinationKeyId"].(string)
		}
		uses := slices.Contains(cryptographic, op)
		rotates := slices.Contains([]string{"EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"}, op)
		if key == "" || !uses && !rotates {
			continue
		}
		must(t, s.kms.DisableKey(t.Context(), key))
		s.bad(t, op, params, http.StatusBadRequest, disabled)
		must(t, s.kms.ArchiveKey(t.Context(), key))
		if decrypts := slices.Contains([]string{"Decrypt", "Verify", "VerifyMac"}, op); decrypts {
			s.good(t, op, params)
		} else {
			s.bad(t, op, params, http.StatusBadRequest, disabled)
		}
		_, err := s.kms.ScheduleKeyDeletion(t.Context(), key, 0)
		must(t, err)
		s.bad(t, op, params, http.StatusBadRequest, invalid)
	}
	s := serve(t, nil, nil)
	p := object{"KeyId": s.key(t, external), "Plaintext": b64("hello")}
	s.bad(t, "Encrypt", p, http.StatusBadRequest, invalid)
	s.bad(t, "EnableKey", p, http.StatusBadRequest, invalid)
	s.bad(t, "RotateKeyOnDemand", p, http.StatusBadRequest, invalid)
	p["KeyId"] = s.key(t, nil)
	s.bad(t, "CancelKeyDeletion", p, http.StatusBadRequest, invalid)
	s.good(t, "ScheduleKeyDeletion", p)
	p["Tags"], p["TagKeys"], p["AliasName"], p["TargetKeyId"] = tagsOf("a", "b"), []string{"a"}, "alias/a", p["KeyId"]
	for _, op := range []string{"ScheduleKeyDeletion", "EnableKey", "DisableKey", "TagResource", "UntagResource", "CreateAlias"} {
		s.bad(t, op, p, http.StatusBadRequest, invalid)
	}
}

// A destroyed key does not exist for clients.
func TestDestroyed(t *testing.T) {
	clock := time.Now()
	s := serve(t, &kms.Options{Now: func() time.Time { return clock }}, nil)
	p := withCiphertext("CiphertextBlob", "KeyId")(t, s)
	s.good(t, "ScheduleKeyDeletion", p)
	clock = clock.Add(31 * 24 * time.Hour)
	_, err := s.kms.Maintain(t.Context())
	must(t, err)
	p["Plaintext"], p["Description"] = b64("hello"), "d"
	p["Tags"], p["TagKeys"], p["AliasName"], p["TargetKeyId"] = tagsOf("a", "b"), []string{"a"}, "alias/a", p["KeyId"]
	p["NumberOfBytes"] = 32
	for _, op := range strings.Fields(`Encrypt Decrypt GenerateDataKey DescribeKey EnableKey DisableKey ScheduleKeyDeletion
		CancelKeyDeletion UpdateKeyDescription EnableKeyRotation DisableKeyRotation GetKeyRotationStatus RotateKeyOnDemand
		ListKeyRotations TagResource UntagResource ListResourceTags CreateAlias ListAliases`) {
		q := object{}
		for name, v := range p {
			q[name] = v
		}
		if strings.HasPrefix(op, "List") {
			delete(q, "Tags")
		}
		if op == "GenerateDataKey" {
			delete(q, "KeySpec")
		}
		s.bad(t, op, q, http.StatusBadRequest, notFound)
	}
	if a := s.good(t, "ListKeys", object{}); !strings.Contains(a.text, `"Keys":[]`) {
		t.Error(a.text)
	}
}

// Each operation answers a denial, a closed KMS, and a store that is down.
func TestTrouble(t *testing.T) {
	for op, r := range requests {
		d := &deny{}
		s := serve(t, &kms.Options{Authorizer: d, MaxStale: -1, OutageGrace: -1}, nil)
		params := r.params(t, s)
		d.ops = []string{"*"}
		s.bad(t, op, params, http.StatusBadRequest, "AccessDeniedException")
		if params["DryRun"] = true; slices.Contains(cryptographic, op) {
			s.bad(t, op, params, http.StatusBadRequest, "AccessDeniedException")
		}
		delete(params, "DryRun")
		d.ops = nil
		if op != "GenerateRandom" {
			s.store.SetDown(true)
			s.bad(t, op, params, http.StatusServiceUnavailable, "DependencyTimeoutException")
			s.store.SetDown(false)
		}
		must(t, s.kms.Close())
		s.bad(t, op, params, http.StatusServiceUnavailable, "ServiceUnavailableException")
	}
}

// What time and damage do to keys is answered by the codes documented.
func TestExpiryAndDamage(t *testing.T) {
	clock := time.Now()
	s := serve(t, &kms.Options{Now: func() time.Time { return clock }, MaxStale: -1}, nil)
	imported := toImport(t, s)
	e := object{"KeyId": s.key(t, nil), "Plaintext": b64("hello")}
	e["CiphertextBlob"] = s.good(t, "Encrypt", e).str("CiphertextBlob")
	s.good(t, "RotateKeyOnDemand", e)
	_, err := s.kms.ScheduleVersionDestruction(t.Context(), e["KeyId"].(string), 1, 0)
	must(t, err)
	s.bad(t, "Decrypt", e, http.StatusBadRequest, "KMSInvalidStateException")

	clock = clock.Add(31 * 24 * time.Hour)
	s.bad(t, "ImportKeyMaterial", imported, http.StatusBadRequest, "ExpiredImportTokenException")
	_, err = s.kms.Maintain(t.Context())
	must(t, err)
	s.bad(t, "Decrypt", e, http.StatusBadRequest, "InvalidCiphertextException")
	items, _ := s.collect(t, "ListKeyRotations", "Rotations", object{"KeyId": e["KeyId"], "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}, 50)
	if len(items) != 1 {
		t.Errorf("%v, want what is left", items)
	}

	records, err := s.store.List(t.Context(), "key/", "", 10)
	must(t, err)
	for _, rec := range records {
		rec.Data[len(rec.Data)-1] ^= 1
		rec.Rev++
		must(t, s.store.Put(t.Context(), rec))
	}
	s.bad(t, "DescribeKey", e, http.StatusInternalServerError, "KMSInternalException")
	if a := s.good(t, "ListKeys", object{}); len(records) != 2 || !strings.Contains(a.text, `"Keys":[]`) {
		t.Errorf("%d records, %s", len(records), a.text)
	}
}
