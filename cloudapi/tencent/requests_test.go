package tencent_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/embedkms/kms"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// A request is an operation with parameters that it succeeds with.
type request map[string]any

// requests returns one for each operation, in which every parameter stands. Each
// can be made once, and in any order.
func (s *server) requests(t testing.TB) map[string]request {
	t.Helper()
	ctx := t.Context()
	id, other := s.create(t, nil), s.create(t, nil)
	disabled, archived, pending := s.create(t, nil), s.create(t, nil), s.create(t, nil)
	must(t, s.k.DisableKey(ctx, disabled))
	must(t, s.k.ArchiveKey(ctx, archived))
	_, err := s.k.ScheduleKeyDeletion(ctx, pending, 0)
	must(t, err)
	const context = `{"service":"orders"}`
	ciphertext, err := s.k.Encrypt(ctx, id, []byte(marker), kms.EncryptionContext{"service": "orders"})
	must(t, err)
	pem := string(publicPEM())
	all := map[string]request{
		"Encrypt": {"KeyId": id, "Plaintext": b64([]byte(marker)), "EncryptionContext": context},
		"Decrypt": {"CiphertextBlob": b64(ciphertext), "EncryptionContext": context,
			"EncryptionPublicKey": pem, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
		"ReEncrypt": {"CiphertextBlob": b64(ciphertext), "DestinationKeyId": other,
			"SourceEncryptionContext": context, "DestinationEncryptionContext": `{"a":"b"}`},
		"GenerateDataKey": {"KeyId": id, "KeySpec": "AES_128", "NumberOfBytes": 24, "EncryptionContext": context,
			"EncryptionPublicKey": pem, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
		"GenerateRandom": {"NumberOfBytes": 1024},
		"CreateKey": {"Alias": "new", "Description": "text", "KeyUsage": "ENCRYPT_DECRYPT", "Type": 2,
			"Tags": []map[string]string{{"TagKey": "env", "TagValue": "prod"}}, "HsmClusterId": ""},
		"DescribeKey":  {"KeyId": id},
		"DescribeKeys": {"KeyIds": []string{id, other}},
		"ListKeys":     {"Offset": 0, "Limit": 200, "Role": 0, "HsmClusterId": ""},
		"ListKeyDetail": {"Offset": 0, "Limit": 200, "Role": 0, "HsmClusterId": "", "OrderType": 1, "KeyState": 1,
			"SearchKeyAlias": id[:8], "Origin": "TENCENT_KMS", "KeyUsage": "ALL"},
		"UpdateAlias":          {"KeyId": id, "Alias": "renamed"},
		"UpdateKeyDescription": {"KeyId": id, "Description": "changed"},
		"EnableKey":            {"KeyId": s.create(t, nil)},
		"EnableKeys":           {"KeyIds": []string{s.create(t, nil)}},
		"DisableKey":           {"KeyId": s.create(t, nil)},
		"DisableKeys":          {"KeyIds": []string{s.create(t, nil)}},
		"ArchiveKey":           {"KeyId": s.create(t, nil)},
		"CancelKeyArchive":     {"KeyId": archived},
		"ScheduleKeyDeletion":  {"KeyId": disabled, "PendingWindowInDays": 7},
		"CancelKeyDeletion":    {"KeyId": pending},
		"EnableKeyRotation":    {"KeyId": id, "RotateDays": 7},
		"DisableKeyRotation":   {"KeyId": other},
		"GetKeyRotationStatus": {"KeyId": other},
		"ListAlgorithms":       {},
		"GetServiceStatus":     {},
	}
	s.asymmetricRequests(t, all)
	s.importRequests(t, all)
	return all
}

func (s *server) asymmetricRequests(t testing.TB, all map[string]request) {
	t.Helper()
	ctx := t.Context()
	decrypter := s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
	sm2 := s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2})
	signer := s.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecECP256})
	all["GetPublicKey"] = request{"KeyId": signer}
	rsa, err := s.k.EncryptAsymmetric(ctx, decrypter, kms.AlgorithmRSAESOAEPSHA256, []byte(marker))
	must(t, err)
	all["AsymmetricRsaDecrypt"] = request{
		"KeyId": decrypter, "Ciphertext": b64(rsa.Ciphertext), "Algorithm": "RSAES_OAEP_SHA_256",
	}
	c, err := s.k.EncryptAsymmetric(ctx, sm2, kms.AlgorithmSM2Encrypt, []byte(marker))
	must(t, err)
	der, err := kms.SM2CiphertextToASN1(c.Ciphertext)
	must(t, err)
	all["AsymmetricSm2Decrypt"] = request{"KeyId": sm2, "Ciphertext": b64(der)}
	digest := sha256.Sum256([]byte("message"))
	sig, err := s.k.Sign(ctx, signer, kms.AlgorithmECDSASHA256, digest[:], kms.MessageTypeDigest)
	must(t, err)
	all["SignByAsymmetricKey"] = request{
		"KeyId": signer, "Algorithm": "ECC_P256_R1", "Message": b64(digest[:]), "MessageType": "DIGEST",
	}
	all["VerifyByAsymmetricKey"] = request{
		"KeyId": signer, "Algorithm": "ECC_P256_R1", "Message": b64(digest[:]), "MessageType": "DIGEST",
		"SignatureValue": b64(sig.Signature),
	}
}

func (s *server) importRequests(t testing.TB, all map[string]request) {
	t.Helper()
	ctx := t.Context()
	external := s.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
	all["GetParametersForImport"] = request{
		"KeyId": external, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
	}
	params, err := s.k.ImportParameters(ctx, external, kms.WrappingRSAOAEPSHA256+"/RSA_2048")
	must(t, err)
	all["ImportKeyMaterial"] = request{
		"KeyId": external, "ImportToken": b64(params.Token),
		"EncryptedKeyMaterial": b64(wrap(t, params.PublicKey, bytes.Repeat([]byte{1}, 32))), "ValidTo": 2147443200,
	}
	all["DeleteImportedKeyMaterial"] = request{
		"KeyId": s.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal}),
	}
}

// wrap encrypts material to be imported.
func wrap(t testing.TB, der, material []byte) []byte {
	t.Helper()
	public, err := x509.ParsePKIXPublicKey(der)
	must(t, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	must(t, err)
	return wrapped
}

// private is a key of a client, under which answers are encrypted.
var private = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicPEM() []byte { return pemOf(&private().PublicKey) }

func pemOf(public any) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
