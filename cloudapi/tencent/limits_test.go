package tencent_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/embedkms/kms"
)

// What is just within the limits of contexts (in characters, not bytes), of messages, and
// of descriptions.
func TestLimits(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	signer := s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecECP256})
	for _, char := range []string{"a", "数", "😀"} {
		context := `{"a":"` + strings.Repeat(char, 1024-len(`{"a":""}`)) + `"}`
		w := s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": "QQ==", "EncryptionContext": context})
		if w.code != "" {
			t.Errorf("context of %s: %s", char, w.Body)
		}
		context = strings.Replace(context, char, char+char, 1)
		w = s.call(t, "Encrypt", request{"KeyId": id, "Plaintext": "QQ==", "EncryptionContext": context})
		if w.code != codeInvalid {
			t.Errorf("longer context of %s: %s", char, w.Body)
		}
	}
	for n, code := range map[int]string{4096: "", 4097: codeInvalid} {
		w := s.call(t, "SignByAsymmetricKey", request{"KeyId": signer, "Algorithm": "ECC_P256_R1",
			"Message": b64(make([]byte, n))})
		if w.code != code {
			t.Errorf("message of %d bytes: %s", n, w.Body)
		}
	}
	w := s.call(t, "UpdateKeyDescription", request{"KeyId": id, "Description": strings.Repeat("a", 1024)})
	if w.code != "" {
		t.Errorf("description: %s", w.Body)
	}
}

// A page is 10 keys by default, and TotalCount is of all pages.
func TestPages(t *testing.T) {
	s := newServer(t)
	for i := range 12 {
		s.create(t, &kms.CreateKeyOptions{Alias: fmt.Sprintf("alias/page-%02d", i)})
	}
	for action, list := range map[string]string{"ListKeys": "Keys", "ListKeyDetail": "KeyMetadatas"} {
		seen := map[string]bool{}
		for offset, n := range map[int]int{0: 10, 10: 2} {
			w := s.call(t, action, request{"Offset": offset})
			for _, id := range w.ids(list) {
				seen[id] = true
			}
			if len(w.ids(list)) != n || w.fields["TotalCount"] != 12.0 {
				t.Errorf("%s from %d: %s", action, offset, w.Body)
			}
		}
		if len(seen) != 12 {
			t.Errorf("%s: %d keys", action, len(seen))
		}
	}
	w := s.call(t, "ListKeyDetail", request{"SearchKeyAlias": "ge-0", "KeyState": 1})
	if len(w.ids("KeyMetadatas")) != 10 {
		t.Errorf("search: %s", w.Body)
	}
	must(t, s.k.DisableKey(t.Context(), w.ids("KeyMetadatas")[0]))
	w = s.call(t, "ListKeyDetail", request{"SearchKeyAlias": "ge-0", "KeyState": 1})
	if w.fields["TotalCount"] != 9.0 {
		t.Errorf("enabled: %s", w.Body)
	}
}

// A rotation is every 365 days by default.
func TestDefaultRotation(t *testing.T) {
	s := newServer(t)
	id := s.create(t, nil)
	if w := s.call(t, "EnableKeyRotation", request{"KeyId": id}); w.code != "" {
		t.Fatalf("%s", w.Body)
	}
	key, err := s.k.DescribeKey(t.Context(), id)
	must(t, err)
	if key.RotationPeriod != 365*24*time.Hour {
		t.Errorf("%v", key.RotationPeriod)
	}
}

// A body that ends early is said to, to anybody.
func TestBrokenBody(t *testing.T) {
	s := newServer(t)
	r := tc3(t, "GenerateRandom", "")
	r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	if w := s.send(t, r); w.code != "InvalidRequest" {
		t.Errorf("%s", w.Body)
	}
}
