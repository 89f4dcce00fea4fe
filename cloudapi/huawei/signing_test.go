package huawei_test

import (
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"testing"

	"github.com/embedkms/kms"
)

// A signature is the library's, of a digest unless RAW is said; verify says "true" or
// "false".
func TestSigning(t *testing.T) {
	s := serve(t, nil)
	digest := sha256.Sum256([]byte("message"))
	for alg, spec := range map[string]kms.KeySpec{
		"ECDSA_SHA_256": kms.KeySpecECP256, "SM2DSA_SM3": kms.KeySpecSM2,
		"RSASSA_PSS_SHA_256": kms.KeySpecRSA2048,
	} {
		id := s.create(&kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
		for _, p := range []params{
			{"message": base64.StdEncoding.EncodeToString(digest[:])},
			{"message": base64.StdEncoding.EncodeToString(digest[:]), "message_type": "DIGEST", "sequence": serial},
			{"message": b64("message"), "message_type": "RAW"},
		} {
			p = with(with(p, "key_id", id), "signing_algorithm", alg)
			made := s.must("POST sign", p)
			if len(made) != 2 || made["key_id"] != id {
				t.Errorf("got %v", made)
			}
			if spec != kms.KeySpecSM2 { // whose digest is another
				sig := fromBase64(t, made["signature"])
				s.ok(s.kms.Verify(t.Context(), id, 0, kms.Algorithm(alg), digest[:], kms.MessageTypeDigest, sig))
			}
			right := s.must("POST verify", with(p, "signature", made["signature"]))
			if want := (params{"key_id": id, "signature_valid": "true"}); !reflect.DeepEqual(right, want) {
				t.Errorf("%s %v: got %v", alg, p["message_type"], right)
			}
			wrong := s.must("POST verify", with(p, "signature", b64("wrong")))
			if want := (params{"key_id": id, "signature_valid": "false"}); !reflect.DeepEqual(wrong, want) {
				t.Errorf("got %v", wrong)
			}
		}
	}
}

func TestMACs(t *testing.T) {
	s := serve(t, nil)
	for alg, spec := range map[string]kms.KeySpec{
		"HMAC_SHA_256": kms.KeySpecHMACSHA256, "HMAC_SM3": kms.KeySpecHMACSM3,
	} {
		id := s.create(&kms.CreateKeyOptions{Spec: spec})
		p := params{"key_id": id, "mac_algorithm": alg, "message": b64("message")}
		made := s.must("POST generate-mac", p)
		s.ok(s.kms.VerifyMAC(t.Context(), id, 0, []byte("message"), fromBase64(t, made["mac"])))
		if len(made) != 3 || made["key_id"] != id || made["mac_algorithm"] != alg {
			t.Errorf("got %v", made)
		}
		for mac, valid := range map[any]bool{made["mac"]: true, b64("wrong"): false} {
			want := params{"key_id": id, "mac_algorithm": alg, "mac_valid": valid}
			if got := s.must("POST verify-mac", with(p, "mac", mac)); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	}
}
