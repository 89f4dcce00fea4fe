package tencent_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/tencent"
)

// API page "Encrypt", 2023-03-24: the example, without the common parameters.
const (
	seedKey     = "23e80852-1e38-11e9-b129-5cb9019b4b01"
	seedExample = "Action=Encrypt&KeyId=" + seedKey + "&Plaintext=" + seedText
	seedText    = "dGVzdCUyMHBsYWluJTIwdGV4dA=="
)

// The page's percent signs belong to the plaintext.
const seedPlaintext = "test%20plain%20text"

// seedRequests are the example by each scheme, as the page writes it: with "=" as it
// is in the query.
func seedRequests(t *testing.T) map[string]*http.Request {
	t.Helper()
	requests := map[string]*http.Request{}
	for _, hash := range []string{"HmacSHA1", "HmacSHA256"} {
		params := map[string]string{
			"Action": "Encrypt", "KeyId": seedKey, "Plaintext": seedText, "Version": version,
			"SecretId": accessKey, "SignatureMethod": hash, "Nonce": "11886",
			"Timestamp": strconv.FormatInt(now.Unix(), 10),
		}
		if hash == "HmacSHA256" {
			params["Nonce"] = "11887"
		}
		signV1(t, http.MethodGet, params)
		common := url.Values{}
		for _, name := range []string{"Version", "SecretId", "SignatureMethod", "Nonce",
			"Timestamp", "Signature"} {
			common.Set(name, params[name])
		}
		requests["v1 "+hash] = newRequest(http.MethodGet, "/?"+seedExample+"&"+common.Encode(), "")
	}
	r := newRequest(http.MethodGet, "/?"+seedExample, "")
	requests["TC3"] = signTC3(t, r, "Encrypt", "")
	r = newRequest(http.MethodGet, "/?"+seedExample+"&Version="+version, "")
	signTC3(t, r, "Encrypt", "")
	r.Header.Del("X-TC-Action")
	r.Header.Del("X-TC-Version")
	requests["TC3 with parameters only"] = r
	return requests
}

func TestSeed(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	s = s.with(t, func(o *tencent.Options) { o.KeyIDs = map[string]string{seedKey: id} })
	for name, r := range seedRequests(t) {
		w := s.send(t, r)
		ciphertext, _ := w.fields["CiphertextBlob"].(string)
		blob, err := base64.StdEncoding.DecodeString(ciphertext)
		if len(w.fields) != 3 || w.fields["KeyId"] != seedKey || err != nil {
			t.Errorf("%s: %s", name, w.Body)
			continue
		}
		plaintext, err := s.k.Decrypt(t.Context(), blob, nil)
		if err != nil || string(plaintext) != seedPlaintext {
			t.Errorf("%s: %q, %v", name, plaintext, err)
		}
	}
}

// The codes that the page lists.
func TestSeedErrors(t *testing.T) {
	s := newServer(t)
	ctx := t.Context()
	id, disabled, archived := s.create(t, nil), s.create(t, nil), s.create(t, nil)
	must(t, s.k.DisableKey(ctx, disabled))
	must(t, s.k.ArchiveKey(ctx, archived))
	for _, c := range []struct{ key, plaintext, context, code string }{
		{id, seedText, "{", "InvalidParameter"},
		{"nothing", seedText, "", "InvalidParameterValue.InvalidKeyId"},
		{id, "not base64", "", "InvalidParameterValue.InvalidPlaintext"},
		{archived, seedText, "", "ResourceUnavailable.CmkArchived"},
		{disabled, seedText, "", "ResourceUnavailable.CmkDisabled"},
		{seedKey, seedText, "", "ResourceUnavailable.CmkNotFound"},
	} {
		w := s.call(t, "Encrypt", map[string]string{
			"KeyId": c.key, "Plaintext": c.plaintext, "EncryptionContext": c.context,
		})
		if w.code != c.code {
			t.Errorf("%v: %s", c, w.Body)
		}
	}
	body := `{"KeyId":"` + id + `","Plaintext":"` + seedText + `"}`
	stranger := sign(t, tc3(t, "Encrypt", body), denied, body)
	if w := s.send(t, stranger); w.code != "UnauthorizedOperation" {
		t.Errorf("denied: %s", w.Body)
	}
	s.store.SetDown(true)
	if w := s.send(t, tc3(t, "Encrypt", body)); !strings.HasSuffix(w.code, ".ServiceTemporaryUnavailable") {
		t.Errorf("store down: %s", w.Body)
	}
}

// A seed's key ID that stands for a key is the only name that answers have for it.
func TestKeyIDs(t *testing.T) {
	s := newServer(t)
	id := s.create(t, &kms.CreateKeyOptions{Alias: "alias/seed"})
	other := s.create(t, nil)
	s = s.with(t, func(o *tencent.Options) {
		o.KeyIDs = map[string]string{seedKey: id, "my key": other}
	})
	for _, action := range []string{"ListKeys", "ListKeyDetail"} {
		w := s.call(t, action, struct{}{})
		if text := w.Body.String(); strings.Contains(text, id) || strings.Contains(text, other) ||
			!strings.Contains(text, seedKey) || !strings.Contains(text, "my key") {
			t.Errorf("%s: %s", action, text)
		}
	}
	for _, ids := range [][]string{{seedKey, id}, {id, seedKey}} {
		w := s.call(t, "DescribeKeys", map[string]any{"KeyIds": ids})
		if w.code != "InvalidParameterValue.DuplicatedKeyId" {
			t.Errorf("one key by two names: %s", w.Body)
		}
	}
	for _, o := range []*tencent.Options{
		nil, {}, {Credentials: credentials, KeyIDs: map[string]string{"a": "b"}},
		{Credentials: credentials, KeyIDs: map[string]string{"a": id, "b": id}},
	} {
		if _, err := tencent.New(s.k, o); err == nil {
			t.Errorf("%v: no error", o)
		}
	}
	if _, err := tencent.New(nil, &tencent.Options{Credentials: credentials}); err == nil {
		t.Error("no KMS: no error")
	}
}
