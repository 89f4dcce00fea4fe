package huawei_test

import (
	"crypto/sha256"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

func (x *session) sign(
	t *testing.T, id, alg, kind string, message []byte,
) (*model.SignResponse, error) {
	t.Helper()
	return x.Sign(&model.SignRequest{Body: &model.SignRequestBody{
		KeyId: id, Message: b64(message), Sequence: new(serial),
		SigningAlgorithm: *enum[model.SignRequestBodySigningAlgorithm](t, alg),
		MessageType:      enum[model.SignRequestBodyMessageType](t, kind),
	}})
}

func (x *session) verify(
	t *testing.T, id, alg, kind string, message, sig []byte,
) (*model.ValidateSignatureResponse, error) {
	t.Helper()
	return x.ValidateSignature(&model.ValidateSignatureRequest{Body: &model.VerifyRequestBody{
		KeyId: id, Message: b64(message), Signature: b64(sig), Sequence: new(serial),
		SigningAlgorithm: *enum[model.VerifyRequestBodySigningAlgorithm](t, alg),
		MessageType:      enum[model.VerifyRequestBodyMessageType](t, kind),
	}})
}

func (x *session) publicKey(id string) (*model.ShowPublicKeyResponse, error) {
	return x.ShowPublicKey(&model.ShowPublicKeyRequest{Body: of(id)})
}

func (x *session) mac(t *testing.T, id, alg string) (*model.GenerateMacResponse, error) {
	t.Helper()
	return x.GenerateMac(&model.GenerateMacRequest{Body: &model.GenerateMacRequestBody{
		KeyId: id, Message: b64(text),
		MacAlgorithm: *enum[model.GenerateMacRequestBodyMacAlgorithm](t, alg),
	}})
}

func (x *session) verifyMac(
	t *testing.T, id, alg string, mac []byte,
) (*model.VerifyMacResponse, error) {
	t.Helper()
	return x.VerifyMac(&model.VerifyMacRequest{Body: &model.VerifyMacRequestBody{
		KeyId: id, Message: b64(text), Mac: b64(mac),
		MacAlgorithm: *enum[model.VerifyMacRequestBodyMacAlgorithm](t, alg),
	}})
}

var (
	text    = []byte("message")
	digest  = sha256.Sum256(text)
	hmacKey = &kms.CreateKeyOptions{Spec: kms.KeySpecHMACSHA256}
)

var signingOperations = map[string]operation{
	"POST sign": {
		key: keyOf(signing),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.sign(t, id, "ECDSA_SHA_256", "DIGEST", digest[:])
			return err
		},
		cases: cases{"algorithms": signs, "refusals": refusesToSign},
	},
	"POST verify": {
		key: keyOf(signing),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.verify(t, id, "ECDSA_SHA_256", "DIGEST", digest[:], text)
			return err
		},
		cases: cases{"algorithms": signs, "refusals": refusesToSign},
	},
	"POST get-publickey": {
		key: keyOf(signing),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.publicKey(id)
			return err
		},
		cases: cases{"PEM": showsPublicKeys},
	},
	"POST generate-mac": {
		key: keyOf(hmacKey),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.mac(t, id, "HMAC_SHA_256")
			return err
		},
		cases: cases{"algorithms": generatesMACs, "refusals": refusesMACs},
	},
	"POST verify-mac": {
		key: keyOf(hmacKey),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.verifyMac(t, id, "HMAC_SHA_256", text)
			return err
		},
		cases: cases{"algorithms": generatesMACs, "refusals": refusesMACs},
	},
}

func signs(t *testing.T, x *session) {
	rsa := []string{
		"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
		"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
	}
	for spec, algorithms := range map[kms.KeySpec][]string{
		kms.KeySpecRSA2048: rsa, kms.KeySpecECP256: {"ECDSA_SHA_256"},
		kms.KeySpecECP384: {"ECDSA_SHA_384"},
		kms.KeySpecSM2:    {"SM2DSA_SM3"},
	} {
		id := x.create(t, &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
		for _, alg := range algorithms {
			got, err := x.sign(t, id, alg, "RAW", text)
			must(t, err)
			equal(t, "key_id", got.KeyId, id)
			sig := unb64(t, got.Signature)
			must(t, x.k.Verify(t.Context(), id, 0, kms.Algorithm(alg), text, kms.MessageTypeRaw, sig))
			for message, valid := range map[string]string{string(text): "true", "other": "false"} {
				v, err := x.verify(t, id, alg, "RAW", []byte(message), sig)
				must(t, err)
				equal(t, "key_id", v.KeyId, id)
				equal(t, "signature_valid", v.SignatureValid, valid)
			}
		}
	}
}

func refusesToSign(t *testing.T, x *session) {
	id := x.create(t, signing)
	for what, c := range map[string]struct {
		id, alg, kind string
		message       []byte
		code          string
	}{
		"digest":    {id, "ECDSA_SHA_256", "DIGEST", text, "KMS.0308"},
		"empty":     {id, "ECDSA_SHA_256", "RAW", nil, "KMS.0308"},
		"long":      {id, "ECDSA_SHA_256", "RAW", make([]byte, 4096), "KMS.0308"},
		"algorithm": {id, "ECDSA_SHA_512", "RAW", text, "KMS.0331"},
		"key's":     {id, "SM2DSA_SM3", "RAW", text, "KMS.0331"},
		"usage":     {x.create(t, nil), "ECDSA_SHA_256", "RAW", text, "KMS.0325"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := x.sign(t, c.id, c.alg, c.kind, c.message)
			refused(t, err, 400, c.code)
			_, err = x.verify(t, c.id, c.alg, c.kind, c.message, text)
			refused(t, err, 400, c.code)
		})
	}
}

func showsPublicKeys(t *testing.T, x *session) {
	id := x.create(t, signing)
	got, err := x.publicKey(id)
	must(t, err)
	want, err := x.k.PublicKey(t.Context(), id, 0)
	must(t, err)
	equal(t, "key_id", got.KeyId, id)
	equal(t, "public_key", got.PublicKey, string(want.PEM()))
	_, err = x.publicKey(x.create(t, nil))
	refused(t, err, 400, "KMS.0331")
}

func generatesMACs(t *testing.T, x *session) {
	for alg, spec := range map[string]kms.KeySpec{
		"HMAC_SHA_256": kms.KeySpecHMACSHA256, "HMAC_SM3": kms.KeySpecHMACSM3,
	} {
		id := x.create(t, &kms.CreateKeyOptions{Spec: spec})
		got, err := x.mac(t, id, alg)
		must(t, err)
		equal(t, "key_id", got.KeyId, id)
		equal(t, "mac_algorithm", got.MacAlgorithm, alg)
		mac := unb64(t, got.Mac)
		must(t, x.k.VerifyMAC(t.Context(), id, 0, text, mac))
		for _, valid := range []bool{true, false} {
			v, err := x.verifyMac(t, id, alg, mac)
			must(t, err)
			equal(t, "key_id", v.KeyId, id)
			equal(t, "mac_algorithm", v.MacAlgorithm, alg)
			equal(t, "mac_valid", v.MacValid, valid)
			mac[0] ^= 1
		}
	}
}

func refusesMACs(t *testing.T, x *session) {
	id := x.create(t, hmacKey)
	for _, alg := range []string{"HMAC_SM3", "HMAC_SHA_384", "HMAC_SHA_512"} {
		_, err := x.mac(t, id, alg)
		refused(t, err, 400, "KMS.0331")
		_, err = x.verifyMac(t, id, alg, text)
		refused(t, err, 400, "KMS.0331")
	}
	_, err := x.mac(t, x.create(t, nil), "HMAC_SHA_256")
	refused(t, err, 400, "KMS.0325")
}
