package huawei_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/huawei"
)

const (
	seedKey = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	seedDEK = "7549d9aea901767bf3c0b3e14b10722eaf6f59053bbd82045d04e075e809a0fe" +
		"6ccab48f8e5efe74e4b18ff0512525e527b10331100f357bf42125d8d5ced94f"
	seedDigest = "fbc8ac72b0785ca7fe33eb6776ce3990b11e32b299d9c0a9ee0305fb9540f797"
)

// serveSeeds serves a key under the ID that it has in the examples of the API pages.
func serveSeeds(t *testing.T, opts *kms.CreateKeyOptions) (*service, string) {
	t.Helper()
	s := serve(t, nil)
	id := s.create(opts)
	s.opts.KeyIDs = map[string]string{seedKey: id}
	var err error
	if s.h, err = huawei.New(s.kms, s.opts); err != nil {
		t.Fatal(err)
	}
	return s, id
}

func seed(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shape fails the test unless an answer has these fields, all of them text.
func (a *answer) shape(t *testing.T, fields ...string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(a.fields))
	slices.Sort(fields)
	if a.Code != 200 || !slices.Equal(got, fields) {
		t.Fatalf("%d %s, want the fields %q", a.Code, a.Body, fields)
	}
	for name, v := range a.fields {
		if text, ok := v.(string); !ok || text == "" {
			t.Errorf("%s is %v", name, v)
		}
	}
}

// The example requests of the API pages "Encrypting Data", of two editions.
func TestSeedEncryptData(t *testing.T) {
	for name, want := range map[string]struct {
		plaintext string
		aad       kms.AAD
	}{
		"encrypt-data.json":     {"hello world", kms.AdditionalData("123aad")},
		"encrypt-data-old.json": {"12345678", nil},
	} {
		s, id := serveSeeds(t, nil)
		a := s.call("POST encrypt-data", seed(t, name))
		a.shape(t, "key_id", "cipher_text")
		if a.fields["key_id"] != seedKey {
			t.Errorf("%s: %s", name, a.Body)
		}
		ciphertext := fromBase64(t, a.fields["cipher_text"])
		if info, err := kms.ParseCiphertext(ciphertext); err != nil || info.KeyID != id {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		got, err := s.kms.Decrypt(t.Context(), ciphertext, want.aad)
		if err != nil || string(got) != want.plaintext {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The example request of the API page "Encrypting a DEK", with its blank and without, and
// with a context.
func TestSeedEncryptDatakey(t *testing.T) {
	verbatim := seed(t, "encrypt-datakey.json")
	if !strings.Contains(verbatim, seedDEK+" "+seedDigest) {
		t.Fatal("there is no blank")
	}
	s, _ := serveSeeds(t, nil)
	const more = `"encryption_context": {"Key1":"Value1","Key2":"Value2"}, "sequence": "` + serial + `", `
	for what, c := range map[string]struct {
		body string
		aad  kms.AAD
	}{
		"verbatim":   {verbatim, nil},
		"no blank":   {strings.Replace(verbatim, seedDEK+" ", seedDEK, 1), nil},
		"upper case": {strings.Replace(verbatim, seedDEK, strings.ToUpper(seedDEK), 1), nil},
		"context": {
			strings.Replace(verbatim, `{ `, `{ `+more, 1),
			kms.EncryptionContext{"Key1": "Value1", "Key2": "Value2"},
		},
	} {
		a := s.call("POST encrypt-datakey", c.body)
		a.shape(t, "key_id", "cipher_text", "datakey_length")
		if a.fields["key_id"] != seedKey || a.fields["datakey_length"] != "64" {
			t.Errorf("%s: %s", what, a.Body)
		}
		d, err := s.kms.DecryptDataKey(t.Context(), fromHex(t, a.fields["cipher_text"].(string)), c.aad)
		if err != nil || upperHex(d.Plaintext) != strings.ToUpper(seedDEK) {
			t.Errorf("%s: %v, %v", what, d, err)
		}
	}
	for what, body := range map[string]string{
		"two blanks":   strings.Replace(verbatim, " "+seedDigest, "  "+seedDigest, 1),
		"other place":  strings.Replace(verbatim, seedDEK+" ", " "+seedDEK, 1),
		"wrong length": strings.Replace(verbatim, `"64"`, `"63"`, 1),
	} {
		s.call("POST encrypt-datakey", body).want(t, what, 400, "KMS.2101")
	}
	s.call("POST encrypt-datakey", strings.Replace(verbatim, seedDigest[:4], "0000", 1)).
		want(t, "digest", 400, "KMS.2103")
}

// What decrypts the data key of the example, by API.
func TestSeedDecryptDatakey(t *testing.T) {
	s, _ := serveSeeds(t, nil)
	made := s.call("POST encrypt-datakey", seed(t, "encrypt-datakey.json")).fields
	p := params{
		"key_id": seedKey, "datakey_cipher_length": "64",
		"cipher_text": strings.ToLower(made["cipher_text"].(string)),
	}
	a := s.do("POST decrypt-datakey", p)
	a.shape(t, "data_key", "datakey_length", "datakey_dgst")
	dek, digest := strings.ToUpper(seedDEK), strings.ToUpper(seedDigest)
	if a.fields["data_key"] != dek || a.fields["datakey_dgst"] != digest {
		t.Errorf("got %s", a.Body)
	}
}
