package huawei_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// What is just at a limit is taken; TestParameters has what is just over.
func TestLimits(t *testing.T) {
	s := serve(t, nil)
	id, ec, mac := s.create(nil), s.create(signing), s.create(hmac)
	rsa := s.create(&kms.CreateKeyOptions{Spec: kms.KeySpecRSA4096, Usage: kms.KeyUsageSignVerify})
	of := params{"key_id": id}
	for name, value := range map[string]any{
		aadName: long(128), "encryption_context": params{"a": strings.Repeat("订", 8184/3)},
	} {
		text := s.must("POST encrypt-data", with(with(of, "plain_text", long(4096)), name, value))["cipher_text"]
		s.must("POST decrypt-data", params{"cipher_text": text, name: value})
	}
	// The page on data counts bytes, that on data keys characters.
	wide := with(of, "encryption_context", params{"a": strings.Repeat("订", 8184)})
	s.must("POST create-datakey", wide)
	over := with(of, "encryption_context", params{"a": strings.Repeat("订", 8184/3+1)})
	s.do("POST encrypt-data", with(over, "plain_text", "x")).want(t, "bytes", 400, "KMS.0208")
	message := params{"key_id": ec, "message": b64(long(4095)), "message_type": "RAW", "signing_algorithm": "ECDSA_SHA_256"}
	s.must("POST sign", message)
	message = with(with(message, "key_id", rsa), "signing_algorithm", "RSASSA_PSS_SHA_512")
	made := s.must("POST sign", message)["signature"]
	if got := s.must("POST verify", with(message, "signature", made)); got["signature_valid"] != "true" {
		t.Errorf("got %v", got)
	}
	s.must("POST generate-mac", params{"key_id": mac, "message": b64(long(4096)), "mac_algorithm": "HMAC_SHA_256"})
	s.must("POST update-key-description", with(of, "key_description", strings.Repeat("订", 255)))
	s.must("POST aliases", with(of, "alias", long(250)))
	s.must("POST enable-key-rotation", of)
	for _, days := range []int{30, 365} {
		s.must("POST update-key-rotation-interval", with(of, "rotation_interval", days))
	}
	for _, days := range []int{7, 1096} {
		s.must("POST schedule-key-deletion", with(of, "pending_days", fmt.Sprint(days)))
		s.must("POST cancel-key-deletion", of)
	}
	s.must("POST list-keys", params{"limit": "1000"})
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint("n", i))
		s.must("POST aliases", with(params{"key_id": ec}, "alias", names[i]))
	}
	s.do("DELETE aliases", params{"key_id": ec, "aliases": names}).want(t, "100 aliases", 204, "")
}

// Some operations look at a key, or at all aliases, before they do what they are for: that
// takes another right, as the document says.
func TestRights(t *testing.T) {
	document := readDocument(t)
	for _, right := range []string{kms.OpDescribeKey, kms.OpAliases} {
		var others []string
		for op, b := range bases {
			s := serve(t, nil)
			p := b.make(s)
			s.deny(func(r *kms.Request) bool { return r.Op == right })
			if s.do(op, p).Code == 403 {
				others = append(others, op)
			}
		}
		slices.Sort(others)
		row := "| `" + right + "` | `" + strings.Join(others, "`, `") + "` |"
		if !strings.Contains(document, row) {
			t.Errorf("docs/cloudapi/huawei.md does not have %s", row)
		}
	}
}
