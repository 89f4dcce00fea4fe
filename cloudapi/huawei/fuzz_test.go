package huawei_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/embedkms/kms/cloudapi/huawei"
)

// Whatever a client sends, correctly signed, it gets an answer with a code that there is, and
// nothing is broken.
func FuzzHandler(f *testing.F) {
	s := serve(f, nil)
	id := s.create(nil)
	f.Add("POST", "encrypt-data", "", `{"key_id":"`+id+`","plain_text":"x","encryption_context":{"a":"b"}}`)
	f.Add("POST", "decrypt-data", "", `{"cipher_text":"`+s.encrypted(id)+`"}`)
	f.Add("POST", "encrypt-datakey", "", `{"key_id":"`+id+`","plain_text":"`+datakey("x")+`","datakey_plain_length":"1"}`)
	f.Add("POST", "create-key", "", `{"key_alias":"a","key_spec":"SM4"}`)
	f.Add("GET", "aliases", "limit=1&marker=0", "")
	f.Add("DELETE", "aliases", "", `{"key_id":"`+id+`","aliases":["a"]}`)
	f.Add("POST", "list-keys", "", `{"limit":"1","key_spec":"ALL"}`)
	codes := huawei.Codes()
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		r := request("POST gen-random", body)
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/v1.0/"+project+"/kms/"+path, query
		unsigned := sign(r, accessKey, secret, start) != nil
		a := &answer{ResponseRecorder: httptest.NewRecorder()}
		s.h.ServeHTTP(a, r)
		a.check(t)
		if unsigned && a.Code != http.StatusUnauthorized {
			t.Errorf("unsigned: got %d %s", a.Code, a.Body)
		}
		if a.Code >= 300 && (a.Code == http.StatusInternalServerError || !codes[a.code()]) {
			t.Errorf("got %d %s", a.Code, a.Body)
		}
	})
}
