package tencent_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// FuzzHandler makes requests of any action and parameters, signed as they must be.
// None may break the handler: each gets an answer with a code that clients know,
// which is not that of a fault inside.
func FuzzHandler(f *testing.F) {
	s := newServer(f)
	for action, r := range s.requests(f) {
		f.Add(action, version, "POST", jsonOf(f, r))
		form := url.Values{}
		flat, _ := flatten(r, "")
		for name, v := range flat {
			form.Set(name, v)
		}
		f.Add(action, version, "GET", form.Encode())
	}
	f.Add("Nothing", "", "POST", `{"KeyId":`)
	f.Fuzz(func(t *testing.T, action, version, method, text string) {
		if strings.ContainsAny(action+version, "\r\n\x00") || len(text) > 1<<14 {
			return
		}
		r := newRequest(http.MethodPost, "/", text)
		if method == http.MethodGet {
			r = newRequest(http.MethodGet, "/", "")
			r.URL.RawQuery = text
			text = ""
		}
		signTC3(t, r, action, text)
		r.Header.Set("X-TC-Version", version)
		if w := s.send(t, r); w.code == "InternalError" || strings.HasPrefix(w.code, "AuthFailure") {
			t.Errorf("%s", w.Body)
		}
		if form, err := url.ParseQuery(text); err == nil && method != http.MethodGet {
			s.fuzzV1(t, action, form)
		}
	})
}

// fuzzV1 signs a form by version 1, where that can sign it.
func (s *server) fuzzV1(t *testing.T, action string, form url.Values) {
	flat := map[string]string{}
	for name := range form {
		flat[name] = form.Get(name)
	}
	text, err := json.Marshal(flat)
	if err != nil || strings.Contains(string(text), `\u0026`) {
		return // what could begin another parameter
	}
	for name := range flat {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789") != "" ||
			name == "" || name[0] < 'A' || name[0] > 'Z' || strings.HasPrefix(name, "S") ||
			name == "Timestamp" ||
			name == "Nonce" || name == "Token" {
			return
		}
	}
	if w := s.send(t, v1(t, http.MethodPost, "HmacSHA256", action, flat)); w.code == "InternalError" {
		t.Errorf("%s", w.Body)
	}
}

// Many at once see each what is theirs.
func TestConcurrent(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		plaintext := b64([]byte{byte(i)})
		wg.Go(func() {
			for range 20 {
				w := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": plaintext})
				back := s.call(t, "Decrypt", request{"CiphertextBlob": w.fields["CiphertextBlob"]})
				if back.fields["Plaintext"] != plaintext {
					t.Errorf("%s", back.Body)
				}
			}
		})
	}
	wg.Wait()
}
