package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/aws"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// No request, correctly signed, is answered by a panic, status 500 or what is not
// documented, which send checks.
func FuzzHandler(f *testing.F) {
	for _, op := range aws.Operations() {
		f.Add(op, `{"KeyId":"alias/of-key","Plaintext":"YQ==","NumberOfBytes":32}`, "POST")
	}
	f.Add("Encrypt", `{"KeyId":"arn:aws:kms:eu-west-1:000000000000:key/","Plaintext":"YQ==","Plaintext":""}`, "POST")
	f.Add("CreateKey", `{"KeySpec":"RSA_2048","Tags":[{"TagKey":"a","TagValue":null}]}`, "GET")
	f.Add("ImportKeyMaterial", `{"ValidTo":1e16,"EncryptionContext":{"\ud800":"a"}}`, "POST")
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	must(f, err)
	f.Fuzz(func(t *testing.T, op, body, method string) {
		// A KMS for each request, for what one does to keys must not show in another.
		s := &server{region: region, id: accessKey}
		s.kms, err = kms.Open(context.Background(), memstore.New(), root, nil)
		must(t, err)
		defer s.kms.Close()
		key, err := s.kms.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/of-key"})
		must(t, err)
		s.Handler, err = aws.New(s.kms, &aws.Options{
			Credentials: cloudapi.Static(map[string]cloudapi.Credential{accessKey: {Secret: secret}}),
			KeyIDs:      map[string]string{"known": key.ID},
		})
		must(t, err)
		r := s.request("Encrypt", body)
		r.Method = method
		r.Header.Set("X-Amz-Target", "TrentService."+op)
		s.sign(r, body, now(), "host;x-amz-date;x-amz-target")
		a := s.send(t, r)
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%s %q: %s", op, body, a.text)
		}
		if strings.Contains(body, `"Plaintext":"YQ=="`) && a.code != "" && strings.Contains(a.text, "YQ==") {
			t.Errorf("the plaintext shows: %s", a.text)
		}
		if a.text != "" && !json.Valid([]byte(a.text)) {
			t.Errorf("%q is not JSON", a.text)
		}
	})
}
