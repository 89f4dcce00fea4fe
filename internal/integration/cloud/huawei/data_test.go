package huawei_test

import (
	"strings"
	"testing"

	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

const plaintext = "text <&> \" 数据\n"

// algorithms are the asymmetric ones, and specs of their keys.
var algorithms = map[string]kms.KeySpec{
	"RSAES_OAEP_SHA_256": kms.KeySpecRSA2048, "SM2_ENCRYPT": kms.KeySpecSM2,
}

// What the SDK calls the algorithms of encrypt-data and decrypt-data.
type (
	encryption = model.EncryptDataRequestBodyEncryptionAlgorithm
	decryption = model.DecryptDataRequestBodyEncryptionAlgorithm
)

func encryptData(
	c *sdk.KmsClient, b *model.EncryptDataRequestBody,
) (*model.EncryptDataResponse, error) {
	return c.EncryptData(&model.EncryptDataRequest{Body: b})
}

func decryptData(
	c *sdk.KmsClient, b *model.DecryptDataRequestBody,
) (*model.DecryptDataResponse, error) {
	return c.DecryptData(&model.DecryptDataRequest{Body: b})
}

func reEncrypt(c *sdk.KmsClient, b *model.ReEncryptRequestBody) (*model.ReEncryptResponse, error) {
	return c.ReEncrypt(&model.ReEncryptRequest{Body: b})
}

// encrypted returns a ciphertext of the library.
func (x *session) encrypted(t *testing.T, id string, aad kms.AAD) string {
	t.Helper()
	ciphertext, err := x.k.Encrypt(t.Context(), id, []byte(plaintext), aad)
	must(t, err)
	return b64(ciphertext)
}

var dataOperations = map[string]operation{
	"POST encrypt-data": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := encryptData(x.KmsClient, &model.EncryptDataRequestBody{KeyId: id, PlainText: "x"})
			return err
		},
		cases: cases{
			"all parameters": encryptsForTheLibrary,
			"asymmetric":     encryptsUnderPairs,
			"refusals":       refusesToEncrypt,
		},
	},
	"POST decrypt-data": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := decryptData(x.KmsClient, &model.DecryptDataRequestBody{
				KeyId: &id, CipherText: x.ciphertextFor(t, id),
			})
			return err
		},
		cases: cases{
			"all parameters": decryptsOfTheLibrary,
			"asymmetric":     encryptsUnderPairs,
			"not UTF-8":      decryptsBinary,
			"invalid":        refusesToDecrypt,
		},
	},
	"POST re-encrypt": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := reEncrypt(x.KmsClient, &model.ReEncryptRequestBody{
				DestinationKeyId: id, CipherText: x.ciphertextFor(t, id),
			})
			return err
		},
		cases: cases{
			"all parameters": reEncrypts,
			"data key":       reEncryptsDatakeys,
		},
	},
}

// ciphertextFor returns a ciphertext of a key, or of another if it does not exist.
func (x *session) ciphertextFor(t *testing.T, id string) string {
	t.Helper()
	return x.encrypted(t, x.existing(t, id), nil)
}

func encryptsForTheLibrary(t *testing.T, x *session) {
	id := x.create(t, nil)
	got, err := encryptData(x.KmsClient, &model.EncryptDataRequestBody{
		KeyId: id, PlainText: plaintext, AdditionalAuthenticatedData: new("aad"), Sequence: new(serial),
		EncryptionAlgorithm: enum[encryption](t, "SYMMETRIC_DEFAULT"),
	})
	must(t, err)
	equal(t, "key_id", got.KeyId, id)
	back, err := x.k.Decrypt(t.Context(), unb64(t, got.CipherText), kms.AdditionalData("aad"))
	must(t, err)
	equal(t, "plaintext", new(string(back)), plaintext)
}

func decryptsOfTheLibrary(t *testing.T, x *session) {
	id := x.create(t, nil)
	for _, key := range []*string{nil, &id} {
		got, err := decryptData(x.KmsClient, &model.DecryptDataRequestBody{
			CipherText: x.encrypted(t, id, kms.AdditionalData("aad")), KeyId: key,
			AdditionalAuthenticatedData: new("aad"), Sequence: new(serial),
			EncryptionAlgorithm: enum[decryption](t, "SYMMETRIC_DEFAULT"),
		})
		must(t, err)
		equal(t, "key_id", got.KeyId, id)
		equal(t, "plain_text", got.PlainText, plaintext)
		equal(t, "plain_text_base64", got.PlainTextBase64, b64([]byte(plaintext)))
	}
}

func decryptsBinary(t *testing.T, x *session) {
	ciphertext, err := x.k.Encrypt(t.Context(), x.create(t, nil), []byte("\xff"), nil)
	must(t, err)
	got, err := decryptData(x.KmsClient, &model.DecryptDataRequestBody{CipherText: b64(ciphertext)})
	must(t, err)
	equal(t, "plain_text_base64", got.PlainTextBase64, "/w==")
	if got.PlainText != nil {
		t.Errorf("plain_text: %q", *got.PlainText)
	}
}

func encryptsUnderPairs(t *testing.T, x *session) {
	for alg, spec := range algorithms {
		id := x.create(t, &kms.CreateKeyOptions{Spec: spec})
		got, err := encryptData(x.KmsClient, &model.EncryptDataRequestBody{
			KeyId: id, PlainText: plaintext,
			EncryptionAlgorithm: enum[encryption](t, alg),
		})
		must(t, err)
		back, err := x.k.DecryptAsymmetric(t.Context(), id, 0, kms.Algorithm(alg), unb64(t, got.CipherText))
		must(t, err)
		equal(t, "library", new(string(back)), plaintext)
		request := &model.DecryptDataRequestBody{
			CipherText: *got.CipherText, KeyId: &id,
			EncryptionAlgorithm: enum[decryption](t, alg),
		}
		plain, err := decryptData(x.KmsClient, request)
		must(t, err)
		equal(t, "plain_text", plain.PlainText, plaintext)
		request.KeyId = nil
		_, err = decryptData(x.KmsClient, request)
		refused(t, err, 400, "KMS.0204")
	}
}

func refusesToEncrypt(t *testing.T, x *session) {
	type body = model.EncryptDataRequestBody
	id := x.create(t, nil)
	rsa := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
	long := strings.Repeat("x", 129)
	oaep := enum[encryption](t, "RSAES_OAEP_SHA_256")
	for what, c := range map[string]struct {
		body body
		code string
	}{
		"empty":     {body{KeyId: id}, "KMS.0308"},
		"long":      {body{KeyId: id, PlainText: strings.Repeat("x", 4097)}, "KMS.0308"},
		"aad":       {body{KeyId: id, PlainText: "x", AdditionalAuthenticatedData: &long}, "KMS.0208"},
		"sequence":  {body{KeyId: id, PlainText: "x", Sequence: new("1")}, "KMS.0206"},
		"disabled":  {body{KeyId: x.disabled(t), PlainText: "x"}, "KMS.0209"},
		"scheduled": {body{KeyId: x.scheduled(t), PlainText: "x"}, "KMS.0210"},
		"waiting":   {body{KeyId: x.create(t, external), PlainText: "x"}, "KMS.1301"},
		"usage":     {body{KeyId: x.create(t, signing), PlainText: "x"}, "KMS.0325"},
		"algorithm": {body{KeyId: id, PlainText: "x", EncryptionAlgorithm: oaep}, "KMS.0331"},
		"RSA":       {body{KeyId: rsa, PlainText: strings.Repeat("x", 191), EncryptionAlgorithm: oaep}, "KMS.2108"},
		"bound": {body{
			KeyId: rsa, PlainText: "x", EncryptionAlgorithm: oaep, AdditionalAuthenticatedData: new("a"),
		}, "KMS.0208"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := encryptData(x.KmsClient, &c.body)
			refused(t, err, 400, c.code)
		})
	}
}

func refusesToDecrypt(t *testing.T, x *session) {
	id := x.create(t, nil)
	text := x.encrypted(t, id, nil)
	for what, b := range map[string]*model.DecryptDataRequestBody{
		"cut":     {CipherText: text[:len(text)-4]},
		"rubbish": {CipherText: sample},
		"short":   {CipherText: "x"},
		"context": {CipherText: text, AdditionalAuthenticatedData: new("a")},
		"key":     {CipherText: text, KeyId: new(x.create(t, nil))},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := decryptData(x.KmsClient, b)
			refused(t, err, 400, "KMS.0308")
		})
	}
	must(t, x.k.DisableKey(t.Context(), id))
	_, err := decryptData(x.KmsClient, &model.DecryptDataRequestBody{CipherText: text})
	refused(t, err, 400, "KMS.0209")
}

// sample is the ciphertext of an example of the API page "Encrypting Data": of the cloud.
const sample = "AgDoAG7EsEc2OHpQxz4gDFDH54CqwaelpTdEl+RFPjbKn5klPTvOywYIeZX60kPbFsYOpXJwkL32HUM50MY22Eb1" +
	"fOSpZK7WJpYjx66EWOkJvO+Ey3r1dLdNAjrZrYzQlxRwNS05CaNKoX5rr3NoDnmv+UNobaiS25muLLiqOt6UrStaWow9"

func reEncrypts(t *testing.T, x *session) {
	a, b := x.create(t, nil), x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4})
	got, err := reEncrypt(x.KmsClient, &model.ReEncryptRequestBody{
		CipherText: x.encrypted(t, a, kms.AdditionalData("1")), SourceKeyId: &a, DestinationKeyId: b,
		SourceAdditionalAuthenticatedData: new("1"), DestinationAdditionalAuthenticatedData: new("2"),
		SourceEncryptionAlgorithm:      new("SYMMETRIC_DEFAULT"),
		DestinationEncryptionAlgorithm: new("SYMMETRIC_DEFAULT"),
	})
	must(t, err)
	equal(t, "key_id", got.KeyId, b)
	equal(t, "source_key_id", got.SourceKeyId, a)
	equal(t, "source_encryption_algorithm", got.SourceEncryptionAlgorithm, "SYMMETRIC_DEFAULT")
	equal(t, "destination_encryption_algorithm", got.DestinationEncryptionAlgorithm, "SYMMETRIC_DEFAULT")
	back, err := x.k.DecryptWith(t.Context(), b, unb64(t, got.CipherText), kms.AdditionalData("2"))
	must(t, err)
	equal(t, "plaintext", new(string(back)), plaintext)
	for alg, spec := range algorithms {
		pair := x.create(t, &kms.CreateKeyOptions{Spec: spec})
		there, err := reEncrypt(x.KmsClient, &model.ReEncryptRequestBody{
			CipherText: x.encrypted(t, a, nil), DestinationKeyId: pair,
			DestinationEncryptionAlgorithm: new(alg),
		})
		must(t, err)
		again, err := reEncrypt(x.KmsClient, &model.ReEncryptRequestBody{
			CipherText: *there.CipherText, SourceKeyId: &pair, SourceEncryptionAlgorithm: new(alg),
			DestinationKeyId: a,
		})
		must(t, err)
		back, err := x.k.Decrypt(t.Context(), unb64(t, again.CipherText), nil)
		must(t, err)
		equal(t, alg, new(string(back)), plaintext)
	}
}

func reEncryptsDatakeys(t *testing.T, x *session) {
	a, b := x.create(t, nil), x.create(t, nil)
	d, err := x.k.GenerateDataKey(t.Context(), a, 24, nil)
	must(t, err)
	request := &model.ReEncryptRequestBody{
		CipherText: upper(d.Ciphertext), DestinationKeyId: b, DatakeyCipherLength: new("24"),
	}
	got, err := reEncrypt(x.KmsClient, request)
	must(t, err)
	back, err := x.k.DecryptDataKeyWith(t.Context(), b, unhex(t, got.CipherText), nil)
	must(t, err)
	equal(t, "data key", &back.Plaintext, d.Plaintext)
	request.DatakeyCipherLength = new("32")
	_, err = reEncrypt(x.KmsClient, request)
	refused(t, err, 400, "KMS.2202")
	_, err = reEncrypt(x.KmsClient, &model.ReEncryptRequestBody{CipherText: sample, DestinationKeyId: b})
	refused(t, err, 400, "KMS.0308")
}
